// Managers over a device that can be lost and opened again: the fixture of the suites about recovery. At each case's
// end everything is freed, the pool verified, the manager destroyed, and every device that was opened has everything
// back.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "contract/fake_clock.hpp"
#include "contract/manager_kinds.hpp"
#include "losing_device.hpp"

namespace weir::contract {

using namespace std::chrono_literals;
using namespace weir::literals;

/// Of recoveries that are tried often.
inline constexpr RecoveryOptions quick{.back_off = 1us};

class Recovering : public testing::TestWithParam<Kind> {
 protected:
  using Words = BufferHandle<std::uint32_t>;
  using Data = std::vector<std::uint32_t>;
  static constexpr std::size_t words = 300'000;

  void SetUp() override { start({GetParam().backend}); }
  void TearDown() override { end(); }

  /// Opens the first of these backends; the others are next on the list.
  void start(std::vector<std::string> backends) {
    devices_.emplace(std::move(backends));
    const Device opened = devices_->open();
    first_ = devices_->newest();
    if (GetParam().mode == PoolMode::pages && !opened.facts().virtual_memory) GTEST_SKIP() << "no virtual memory";
    device_ = opened;
  }
  MemoryManager& make(ManagerOptions options = {}) {
    options.pool.mode = GetParam().mode;
    options.pool.clock = &clock_;
    if (!options.pool.limit) options.pool.limit = 256_MiB;
    before_ = process_statistics();
    memory_ = std::make_unique<MemoryManager>(*device_, std::move(options));
    return *memory_;
  }
  void lose() {
    newest().lose(1);
    EXPECT_THROW(static_cast<void>(Device(memory_->device()).stream()), DeviceLost);
  }
  [[nodiscard]] device::FaultyBackend& newest() const { return *devices_->newest(); }
  [[nodiscard]] bool remembers() const { return memory_->device().facts().backend != BackendKind::dry; }
  [[nodiscard]] static Data data_of(std::uint32_t seed, std::size_t count = words) {
    Data all(count);
    for (std::size_t i = 0; i < count; ++i) all[i] = seed * 2654435761u + static_cast<std::uint32_t>(i);
    return all;
  }
  void expect_data(const Words& buffer, const Data& data) {
    const Data found = memory_->download(buffer);
    ASSERT_EQ(found.size(), data.size()) << buffer.name();
    EXPECT_TRUE(!remembers() || found == data) << buffer.name() << " has other contents";
  }
  void expect_exact() const {
    EXPECT_NO_THROW(memory_->pool().verify());
    const ManagerStatistics now = memory_->statistics();
    EXPECT_TRUE(coherent(now.pool));
    EXPECT_TRUE(coherent(now.transfers.pinned));
    const device::FaultyBackend::Balance held = newest().balance();
    EXPECT_EQ(now.pool.reserved.live, held.pages * memory_->device().facts().page_bytes + held.segment_bytes);
    EXPECT_EQ(now.transfers.pinned.reserved.live, held.pinned_bytes);
    const ProcessStatistics all = process_statistics();
    EXPECT_EQ(all.reserved.live, now.pool.reserved.live);
    EXPECT_EQ(all.requested.live, now.pool.requested.live);
    EXPECT_EQ(all.requested.cumulative - before_.requested.cumulative, now.pool.requested.cumulative);
    EXPECT_EQ(all.external.live, now.pool.external);
  }
  void end() {
    if (memory_) {
      memory_->free_all();
      expect_exact();
      EXPECT_EQ(memory_->check_leaks().blocks, 0u);
      memory_.reset();
    }
    device_.reset();
    for (const auto& each : devices_->living()) {
      EXPECT_EQ(each->balance(), device::FaultyBackend::Balance{});
      EXPECT_EQ(each->breach(), "");
    }
    EXPECT_LE(devices_->living().size(), 1u) << "a lost device is still there";
    first_.reset();
  }

  FakeClock clock_;
  ProcessStatistics before_;  // the manager
  std::optional<LosingDevice> devices_;
  std::shared_ptr<device::FaultyBackend> first_;
  std::optional<Device> device_;
  std::unique_ptr<MemoryManager> memory_;
};

}  // namespace weir::contract
