// What was kept for later does not end in a call that holds a lock of the managers': it may make such a call itself.
#include <memory>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "core/later_ends.hpp"

namespace weir {
namespace {

struct Noted final : core::EndsLater {
  explicit Noted(bool& noted) : ended(noted) {}
  ~Noted() override { ended = true; }
  bool& ended;
};

TEST(LaterEndsOfManagers, AreNotInTheTotalsOfTheProcess) {
  const Device device = open_device({.backend = "host"});
  const MemoryManager memory(device, {.name = "memory"});
  bool ended = false;
  core::prepare_to_end_later();
  core::end_later(std::make_unique<Noted>(ended));
  EXPECT_GE(process_statistics().managers, 1u);
  EXPECT_FALSE(ended);
  static_cast<void>(device.info());
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace weir
