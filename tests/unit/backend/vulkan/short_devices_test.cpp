// Pools on devices with few addresses: many blocks share what the driver is asked for, however far memory goes beyond
// one range. Skipped, with the reason, where no driver has sparse residency.
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "device/access.hpp"
#include "open_backend.hpp"
#include "unit/backend/vulkan/faulty_driver.hpp"

namespace weir::backend::vulkan {
namespace {

using namespace weir::literals;

class VulkanShortDevice : public testing::Test {
 protected:
  void SetUp() override {
    FaultyDriver::reset();
    WEIR_NEEDS_BACKEND("vulkan");
  }
  void TearDown() override { FaultyDriver::reset(); }
  void open() {
    device_.emplace(device::Access::make_device(make_vulkan_backend({.interpose = &FaultyDriver::interpose})));
  }

  static constexpr std::uint64_t block = 100'000;
  static constexpr std::uint64_t all = 256_MiB;
  [[nodiscard]] std::uint64_t segment_calls() const {
    return device::Access::backend(*device_).driver_calls().segments;
  }
  /// Fills the pool with blocks, and gives what it says of itself then; twice, as free memory serves all again.
  static Statistics fill(Pool& pool) {
    std::vector<void*> blocks(all / block);
    Statistics full;
    int buffers = 0;
    for (int turn = 0; turn < 2; ++turn) {
      for (void*& each : blocks) each = pool.allocate(block);
      full = pool.statistics();
      buffers = FaultyDriver::now().live[FaultyDriver::buffers];
      pool.verify();
      for (void* each : blocks) pool.deallocate(each);
    }
    EXPECT_GE(full.allocated.live, all - block);
    EXPECT_LE(full.reserved.peak, all + all / 4);
    // Blocks share buffers, of 8 MiB and more, but for the few that are the pool's own.
    EXPECT_LE(buffers, static_cast<int>(2 * all / 8_MiB));
    return full;
  }

  std::optional<Device> device_;
};

// A range is as long as the largest buffer: more are opened, each for many blocks.
TEST_F(VulkanShortDevice, OpensMoreArenasWhereBuffersAreSmall) {
  FaultyDriver::now().largest_buffer = 32_MiB;
  open();
  if (!device_->info().virtual_memory) GTEST_SKIP() << device_->info().name << " has no virtual memory";
  Pool pool(*device_, {.limit = 400_MiB});
  EXPECT_LE(device_->info().max_range, 32_MiB);
  const Statistics full = fill(pool);
  EXPECT_EQ(segment_calls(), 0u);
  EXPECT_GE(full.page_maps, 1u);
}

// Where a pool's share of the addresses is less than its memory, segments hold many blocks each.
TEST_F(VulkanShortDevice, TakesSegmentsWhereAddressesAreFew) {
  FaultyDriver::now().sparse_space = 128_MiB;
  open();
  if (!device_->info().virtual_memory) GTEST_SKIP() << device_->info().name << " has no virtual memory";
  {
    Pool pool(*device_, {.limit = 400_MiB});
    const Statistics full = fill(pool);
    EXPECT_EQ(full.page_maps, 0u);
    EXPECT_EQ(full.reserved.peak % 32_MiB, 0u);
    EXPECT_EQ(segment_calls(), 4 * full.reserved.peak / 32_MiB);  // four calls each
  }
  // A pool that has addresses for all that it may take gets pages.
  Pool pool(*device_, {.limit = 16_MiB});
  pool.deallocate(pool.allocate(block));
  EXPECT_GE(pool.statistics().page_maps, 1u);
}

}  // namespace
}  // namespace weir::backend::vulkan
