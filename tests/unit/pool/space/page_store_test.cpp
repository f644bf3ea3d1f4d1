// The page store: never beyond the limit, peaks and totals to the byte, and
// nothing changed by what is refused.
#include "pool/space/page_store.hpp"
#include "device/access.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "pool/space/growth_plan.hpp"
#include "support/faulty_backend.hpp"

namespace weir::pool {
namespace {

using device::CallKind;
using device::FaultyBackend;

using Row = std::vector<MovableExtent>;

/// New extents of these lengths.
Row row_of(const std::vector<std::uint32_t>& lengths) {
  Row row;
  for (const std::uint32_t pages : lengths) row.push_back({{device::PageHandle::none, pages}, 0});
  return row;
}

class PageStoreTest : public testing::Test {
 protected:
  Taken segment(std::uint64_t bytes) {
    Segment refused;
    return store_.allocate_segment(bytes, refused);
  }

  FaultyBackend backend_{device::Access::shared_backend(open_device({.backend = "dry", .capacity = 1_GiB}))};
  PageStore store_{backend_, "tested", 64_MiB, 2_MiB};
};

TEST_F(PageStoreTest, CreatesUpToTheLimit) {
  Row pages(30);
  EXPECT_EQ(store_.create(pages), Taken::yes);
  EXPECT_EQ(store_.reserved(), 60_MiB);
  EXPECT_EQ(store_.headroom(), 4_MiB);
  Row more(3);
  const std::uint64_t calls = backend_.calls(CallKind::create);
  EXPECT_EQ(store_.create(more), Taken::limit_refused);
  EXPECT_EQ(backend_.calls(CallKind::create), calls) << "the limit is asked before the driver";
  EXPECT_EQ(store_.reserved(), 60_MiB);
  more.resize(2);
  EXPECT_EQ(store_.create(more), Taken::yes);
  EXPECT_EQ(store_.reserved(), 64_MiB);
  EXPECT_EQ(store_.headroom(), 0u);
  EXPECT_EQ(segment(1), Taken::limit_refused);
  EXPECT_EQ(segment(UINT64_MAX), Taken::limit_refused);
  store_.destroy(pages);
  store_.destroy(more);
  EXPECT_EQ(store_.reserved(), 0u);
  EXPECT_EQ(store_.peak(), 64_MiB);
  EXPECT_EQ(store_.total(), 64_MiB);
}

TEST_F(PageStoreTest, CountsExternalBytesTowardsTheLimit) {
  const auto booked = store_.book_external(40_MiB);
  Segment segment;
  ASSERT_EQ(store_.allocate_segment(24_MiB, segment), Taken::yes);
  EXPECT_EQ(store_.book_external(1), nullptr);
  EXPECT_THROW(store_.refuse_external(1), LimitExceeded);
  EXPECT_EQ(store_.headroom(), 0u);
  booked->unbook(40_MiB);
  EXPECT_EQ(store_.external(), 0u);
  EXPECT_EQ(store_.headroom(), 40_MiB);
  EXPECT_EQ(store_.book_external(40_MiB), booked);
  store_.free_segment(segment);
  booked->unbook(40_MiB);
  EXPECT_EQ(store_.peak(), 24_MiB);
}

TEST_F(PageStoreTest, AFailedCallChangesNothing) {
  Row pages(2);
  backend_.fail(1, FaultyBackend::Fault::out_of_memory, CallKind::create);
  EXPECT_EQ(store_.create(pages), Taken::device_refused);
  backend_.fail(1, FaultyBackend::Fault::driver_error, CallKind::create);
  EXPECT_THROW(static_cast<void>(store_.create(pages)), DriverError);
  backend_.fail(1, FaultyBackend::Fault::out_of_memory, CallKind::allocate_segment);
  EXPECT_EQ(segment(1_MiB), Taken::device_refused);
  backend_.fail(1, FaultyBackend::Fault::driver_error, CallKind::allocate_segment);
  EXPECT_THROW(static_cast<void>(segment(1_MiB)), DriverError);
  for (const MovableExtent& page : pages) EXPECT_EQ(page.handle, device::PageHandle::none);
  EXPECT_EQ(store_.reserved(), 0u);
  EXPECT_EQ(store_.peak(), 0u);
  EXPECT_EQ(store_.total(), 0u);
  Row all(32);
  EXPECT_EQ(store_.create(all), Taken::yes);  // the whole limit is still there
  store_.destroy(all);
}

TEST_F(PageStoreTest, KnowsWhereTheDeviceRefusedUntilItGivesAgain) {
  EXPECT_EQ(store_.refused_at(), UINT64_MAX);
  Row pages(3);
  ASSERT_EQ(store_.create(pages), Taken::yes);
  Row more(1);
  backend_.fail(1, FaultyBackend::Fault::out_of_memory, CallKind::create);
  EXPECT_EQ(store_.create(more), Taken::device_refused);
  EXPECT_EQ(store_.refused_at(), 6_MiB);
  Row beyond(30);
  EXPECT_EQ(store_.create(beyond), Taken::limit_refused);
  EXPECT_EQ(store_.refused_at(), 6_MiB) << "of the limit the device knows nothing";
  EXPECT_EQ(store_.create(more), Taken::yes);
  EXPECT_EQ(store_.refused_at(), UINT64_MAX);
  store_.destroy(pages);
  store_.destroy(more);
}

TEST_F(PageStoreTest, HoldsPagesForLater) {
  Row pages(5);
  ASSERT_EQ(store_.create(pages), Taken::yes);
  store_.hold(pages);
  EXPECT_EQ(store_.held(), 10_MiB);
  EXPECT_EQ(store_.reserved(), 10_MiB);
  const Row some = store_.take_held(2, false);
  EXPECT_EQ(some.size(), 2u);
  EXPECT_EQ(store_.held(), 6_MiB);
  const Row rest = store_.take_held(UINT64_MAX, false);
  EXPECT_EQ(rest.size(), 3u);
  store_.destroy(some);
  store_.destroy(rest);
  EXPECT_EQ(backend_.balance().pages, 0u);
}

TEST_F(PageStoreTest, ExtentsAreHeldAndTakenWhole) {
  Row pages = row_of({1, 3, 4});
  ASSERT_EQ(store_.create(pages), Taken::yes);
  EXPECT_EQ(store_.reserved(), 16_MiB);
  EXPECT_EQ(pages[1].pages, 3u);
  store_.hold(pages);
  EXPECT_EQ(store_.held(), 16_MiB);
  const auto taken = [&](std::uint64_t max_pages, bool beyond) {
    const Row some = store_.take_held(max_pages, beyond);
    EXPECT_EQ(store_.held(), 16_MiB - pages_of(some) * 2_MiB);
    store_.hold(some);
    return pages_of(some);
  };
  EXPECT_EQ(taken(2, false), 1u);  // the single one: none has two
  EXPECT_EQ(taken(2, true), 4u);   // and the smallest that is left, of three
  EXPECT_EQ(taken(3, false), 3u);  // large ones first
  EXPECT_EQ(taken(4, true), 4u);
  EXPECT_EQ(taken(5, false), 5u);
  EXPECT_EQ(taken(6, true), 8u);
  EXPECT_EQ(taken(0, true), 0u);
  EXPECT_EQ(taken(UINT64_MAX, false), 8u);
  EXPECT_EQ(store_.held(), 16_MiB);
  store_.destroy(store_.take_held(UINT64_MAX, false));
  EXPECT_EQ(store_.reserved(), 0u);
  EXPECT_EQ(backend_.balance(), FaultyBackend::Balance{});
  EXPECT_EQ(backend_.breach(), "");
}

TEST_F(PageStoreTest, RemapsAreMappingsBeyondThePeakPageCount) {
  Row pages(5);
  const device::Address range = backend_.reserve(10_MiB);
  ASSERT_EQ(store_.create(pages), Taken::yes);
  store_.map(range, pages);
  EXPECT_EQ(store_.page_maps(), 5u);
  EXPECT_EQ(store_.page_remaps(), 0u);
  const std::span<MovableExtent> two(pages.data(), 2);
  store_.unmap(range, two);
  EXPECT_EQ(pages[0].moves, 1u);
  EXPECT_EQ(pages[2].moves, 0u);
  store_.map(range, two);
  EXPECT_EQ(store_.page_remaps(), 2u);
  backend_.fail(1, FaultyBackend::Fault::driver_error, CallKind::unmap);
  EXPECT_THROW(store_.unmap(range, pages), DriverError);
  EXPECT_EQ(pages[0].moves, 1u) << "it was not moved";
  store_.unmap(range, pages);
  EXPECT_EQ(pages[0].moves, 2u);
  store_.destroy(pages);
  backend_.unreserve(range, 10_MiB);
}

TEST_F(PageStoreTest, TimesEachCallThatTookOrMappedMemory) {
  Row pages(4);
  const device::Address range = backend_.reserve(8_MiB);
  ASSERT_EQ(store_.create(pages), Taken::yes);
  store_.map(range, pages);
  Segment segment;
  ASSERT_EQ(store_.allocate_segment(1_MiB, segment), Taken::yes);
  EXPECT_EQ(store_.mapping_latency().count, 3u);
  EXPECT_GT(store_.mapping_latency().max.count(), 0);
  // Neither what was refused nor what gives memory back.
  backend_.fail(1, FaultyBackend::Fault::out_of_memory, CallKind::create);
  Row more(1);
  EXPECT_EQ(store_.create(more), Taken::device_refused);
  store_.unmap(range, pages);
  store_.destroy(pages);
  store_.free_segment(segment);
  backend_.unreserve(range, 8_MiB);
  EXPECT_EQ(store_.mapping_latency().count, 3u);
}

TEST_F(PageStoreTest, KeepsTheLimitAmongThreads) {
  std::vector<std::thread> crew;
  crew.reserve(4);
  for (int i = 0; i < 4; ++i) {
    crew.emplace_back([&] {
      for (int k = 0; k < 500; ++k) {
        Row pages(3 + static_cast<std::size_t>(k) % 20);
        const Taken taken = store_.create(pages);
        EXPECT_NE(taken, Taken::device_refused);
        if (taken != Taken::yes) continue;
        EXPECT_LE(store_.reserved(), 64_MiB);
        store_.destroy(pages);
      }
    });
  }
  for (std::thread& thread : crew) thread.join();
  EXPECT_EQ(store_.reserved(), 0u);
  EXPECT_LE(store_.peak(), 64_MiB);
  EXPECT_EQ(backend_.balance(), FaultyBackend::Balance{});
}

}  // namespace
}  // namespace weir::pool
