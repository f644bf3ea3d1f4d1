// The fixture of tests on the Vulkan backend over the driver that misbehaves: after each case nothing of the device
// lives, and no rule of Vulkan's for mapped memory was broken. Skipped, with the reason, where no driver loads.
#pragma once

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "open_backend.hpp"
#include "unit/backend/vulkan/faulty_driver.hpp"

namespace weir::backend::vulkan {

using device::Address;

class VulkanBackend : public testing::Test {
 protected:
  void SetUp() override {
    FaultyDriver::reset();
    WEIR_NEEDS_BACKEND("vulkan");
  }
  void TearDown() override {
    EXPECT_EQ(driver().breach, "");
    EXPECT_EQ(driver().live, decltype(driver().live){});
    FaultyDriver::reset();
  }
  static FaultyDriver& driver() { return FaultyDriver::now(); }
  static std::shared_ptr<device::Backend> open() {
    return make_vulkan_backend({.interpose = &FaultyDriver::interpose});
  }
};

/// A segment or pinned memory, given back at its end.
class Owned {
 public:
  Owned(device::Backend& backend, std::uint64_t bytes, bool pinned)
      : backend_(backend), bytes_(bytes), pinned_(pinned) {
    address_ = pinned ? backend.allocate_pinned(bytes) : backend.allocate_segment(bytes);
  }
  ~Owned() {
    if (pinned_) {
      backend_.free_pinned(address_, bytes_);
    } else {
      backend_.free_segment(address_, bytes_);
    }
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  [[nodiscard]] Address address() const { return address_; }
  [[nodiscard]] std::uint8_t* bytes() const { return reinterpret_cast<std::uint8_t*>(address_); }

 private:
  device::Backend& backend_;
  const std::uint64_t bytes_;
  const bool pinned_;
  Address address_ = 0;
};

inline void settle(device::Backend& backend, StreamId stream) {
  if (!backend.wait(backend.record(stream), std::chrono::seconds(10)))
    ADD_FAILURE() << "the stream was not done in time";
}

}  // namespace weir::backend::vulkan
