// How a space grows: in large handles while memory is to spare, by single pages near a
// limit or where the device has no more, with free pages where nothing else is left, and
// all or nothing whatever fails on the way.
#include <vector>

#include <gtest/gtest.h>

#include "unit/pool/whole_space.hpp"

namespace weir::pool {
namespace {

using device::CallKind;
using device::FaultyBackend;

constexpr std::uint64_t page = WholeSpace::page;

/// Grows by one page and gives the free pages that came with it.
std::uint64_t surplus_of_a_page(WholeSpace& whole) {
  const std::uint64_t free = whole.free_pages();
  const std::uint64_t reserved = whole.reserved_pages();
  const std::uint64_t creates = whole.creates();
  EXPECT_NE(whole.grow(WholeSpace::pages(1), Effort::thrifty).id, 0u);
  EXPECT_EQ(whole.creates(), creates + 1);
  EXPECT_EQ(whole.reserved_pages() - reserved - 1, whole.free_pages() - free);
  EXPECT_EQ(whole.space.store().held(), 0u);
  return whole.free_pages() - free;
}

TEST(Growing, TheSurplusOfALargeHandleIsFreeMappedRange) {
  WholeSpace whole(1 << 14);
  EXPECT_EQ(surplus_of_a_page(whole), 0u) << "a small pool stays small";
  ASSERT_NE(whole.allocate(4096), 0u);
  const std::uint64_t surplus = surplus_of_a_page(whole);
  EXPECT_EQ(surplus, 15u);  // 32 MiB at most
  // It is mapped, so that it serves without a call.
  const std::uint64_t calls = whole.dry->driver_calls().all();
  ASSERT_NE(whole.space.fit_in_any(WholeSpace::pages(surplus), nullptr), 0u);
  EXPECT_EQ(whole.dry->driver_calls().all(), calls);
  whole.space.verify();
}

TEST(Growing, AHandleIsA64thOfWhatIsMapped) {
  WholeSpace whole(1 << 14);
  ASSERT_NE(whole.allocate(300), 0u);
  EXPECT_EQ(surplus_of_a_page(whole), 3u);  // of 301 pages a 64th is 4
  WholeSpace shared(1 << 14, {.max_handle_bytes = 2 * page});
  ASSERT_NE(shared.allocate(4096), 0u);
  EXPECT_EQ(surplus_of_a_page(shared), 1u) << "the option says that it shares its device";
}

TEST(Growing, LargeGrowthsTakeFewHandles) {
  WholeSpace whole(1 << 16);
  for (int i = 0; i < 1024; ++i) ASSERT_NE(whole.allocate(20), 0u);
  EXPECT_LE(whole.creates(), 20'480u / 8);
}

TEST(Growing, BeyondAnEighthOfAnExplicitLimitPagesComeOneByOne) {
  WholeSpace whole(1 << 14, {.limit = 4096 * page});
  ASSERT_NE(whole.allocate(400), 0u);
  EXPECT_GT(surplus_of_a_page(whole), 0u);
  ASSERT_NE(whole.allocate(200), 0u);
  const std::uint64_t creates = whole.creates();
  const std::uint64_t reserved = whole.reserved_pages();
  for (int i = 0; i < 20; ++i) ASSERT_NE(whole.grow(WholeSpace::pages(5), Effort::thrifty).id, 0u);
  EXPECT_EQ(whole.creates() - creates, whole.reserved_pages() - reserved);
  WholeSpace unlimited(1024);  // what the device has is no limit that anybody set
  ASSERT_NE(unlimited.allocate(600), 0u);
  EXPECT_GT(surplus_of_a_page(unlimited), 0u);
}

// Other processes hold memory: the driver refuses long before the limit.
TEST(Growing, WhereTheDeviceHasNoMoreSmallHandlesAndFreePagesServe) {
  WholeSpace whole(2048);
  std::vector<std::uint32_t> blocks;
  for (int i = 0; i < 64; ++i) blocks.push_back(whole.allocate(10));
  while (const std::uint64_t spare = whole.free_pages())
    ASSERT_NE(whole.allocate(std::min<std::uint64_t>(spare, 1)), 0u);
  const std::uint64_t reserved = whole.reserved_pages();
  whole.dry->set_foreign_bytes((2048 - reserved - 5) * page);  // five are left, a large handle is more
  const Growth refused = whole.grow(WholeSpace::pages(6), Effort::thorough);
  EXPECT_EQ(refused.id, 0u);
  EXPECT_EQ(refused.taken, Taken::device_refused);
  EXPECT_EQ(whole.reserved_pages(), reserved);
  EXPECT_EQ(whole.free_pages(), 0u);
  whole.space.verify();
  // Small handles where a large one is refused.
  EXPECT_NE(whole.grow(WholeSpace::pages(5), Effort::thrifty).id, 0u);
  EXPECT_EQ(whole.reserved_pages(), reserved + 5);
  // Free pages, from wherever they are.
  for (const std::size_t i : {10u, 20u, 30u}) whole.release(blocks[i]);
  EXPECT_EQ(whole.free_pages(), 30u);
  EXPECT_NE(whole.grow(WholeSpace::pages(25), Effort::thorough).id, 0u);
  EXPECT_EQ(whole.reserved_pages(), reserved + 5);
  EXPECT_EQ(whole.free_pages(), 5u);
  // Once the others let go, all is as before.
  whole.dry->set_foreign_bytes(0);
  EXPECT_NE(whole.allocate(200), 0u);
  whole.space.verify();
  EXPECT_EQ(whole.backend->balance().pages, whole.reserved_pages());
}

TEST(Growing, FreeHandlesThatFitNowhereMakeWay) {
  WholeSpace whole(1 << 14, {.limit = 4096 * page});
  ASSERT_NE(whole.allocate(1500), 0u);
  std::vector<std::uint32_t> blocks;
  while (whole.reserved_pages() < 2000) blocks.push_back(whole.allocate(1));
  while (whole.reserved_pages() < 4096) ASSERT_NE(whole.allocate(1), 0u);
  while (whole.free_pages() != 0) ASSERT_NE(whole.allocate(1), 0u);
  for (const std::uint32_t id : blocks) whole.release(id);
  const std::uint64_t free = whole.free_pages();
  ASSERT_GT(free, 400u);
  ASSERT_NE(whole.grow(WholeSpace::pages(free - free % 16 - 1), Effort::thorough).id, 0u);
  EXPECT_LE(whole.reserved_pages(), 4096u);
  whole.space.verify();
}

/// Whether the books agree with the device, and nothing is in nobody's hands.
void expect_whole(WholeSpace& whole, std::uint64_t live_pages) {
  EXPECT_NO_THROW(whole.space.verify());
  EXPECT_EQ(whole.reserved_pages(), whole.backend->balance().pages);
  EXPECT_EQ(whole.free_pages() + live_pages, whole.reserved_pages());
  EXPECT_EQ(whole.space.store().held() / page + whole.backend->balance().mapped_pages, whole.reserved_pages());
  EXPECT_EQ(whole.backend->breach(), "");
}

/// A growth that needs held, moved and new pages over several gaps, with its n-th call failing; false if there is none.
bool growth_holds(std::uint64_t nth, FaultyBackend::Fault fault) {
  WholeSpace whole(1 << 12, {.limit = 200 * page});
  std::vector<std::uint32_t> blocks;
  for (int i = 0; i < 40; ++i) blocks.push_back(whole.allocate(3));
  std::uint64_t live = 120 - 3 * 8;
  for (std::size_t i = 1; i < 32; i += 4) whole.release(blocks[i]);
  expect_whole(whole, live);
  whole.backend->fail(nth, fault);
  std::uint32_t id = 0;
  try {
    id = whole.grow(WholeSpace::pages(95), Effort::thorough).id;
  } catch (const Error&) {
    EXPECT_EQ(id, 0u);
  }
  const bool fired = whole.backend->fired();
  whole.backend->heal();
  if (id != 0) live += 95;
  expect_whole(whole, live);
  if (id == 0) {
    EXPECT_NE(whole.grow(WholeSpace::pages(95), Effort::thorough).id, 0u) << "nothing is lost for good";
    expect_whole(whole, live + 95);
  }
  EXPECT_LE(whole.reserved_pages(), 200u);
  return fired;
}

TEST(Growing, IsAllOrNothingWhateverCallFails) {
  for (const FaultyBackend::Fault fault : {FaultyBackend::Fault::driver_error, FaultyBackend::Fault::out_of_memory}) {
    std::uint64_t nth = 1;
    while (!testing::Test::HasFailure() && growth_holds(nth, fault)) ++nth;
    EXPECT_GE(nth, 4u) << "it was to take several calls";
  }
}

/// The same of a growable block that is extended.
bool extension_holds(std::uint64_t nth, FaultyBackend::Fault fault) {
  WholeSpace whole(1 << 12, {.limit = 200 * page});
  const std::uint32_t id =
      whole.space.grow_growable(WholeSpace::pages(50), 400 * WholeSpace::page_granules, 0, Effort::thrifty).id;
  EXPECT_NE(id, 0u);
  const std::uint32_t idle = whole.allocate(60);
  whole.release(idle);
  whole.backend->fail(nth, fault);
  GrowthPlan plan;
  bool extended = false;
  const std::uint32_t more = 140 * WholeSpace::page_granules;
  try {
    extended = whole.space.extend(id, more, Effort::thorough, plan).id != 0;
  } catch (const Error&) {
    EXPECT_FALSE(extended);
  }
  const bool fired = whole.backend->fired();
  whole.backend->heal();
  if (!extended) {
    expect_whole(whole, 50);
    plan = {};
    EXPECT_NE(whole.space.extend(id, more, Effort::thorough, plan).id, 0u);
  }
  whole.space.finish_extension(plan, id);
  expect_whole(whole, 190);
  return fired;
}

TEST(Growing, AnExtensionIsAllOrNothingWhateverCallFails) {
  for (const FaultyBackend::Fault fault : {FaultyBackend::Fault::driver_error, FaultyBackend::Fault::out_of_memory}) {
    std::uint64_t nth = 1;
    while (!testing::Test::HasFailure() && extension_holds(nth, fault)) ++nth;
    EXPECT_GE(nth, 3u);
  }
}

}  // namespace
}  // namespace weir::pool
