// The page store: never beyond the limit, peaks and totals to the byte, and
// nothing changed by what the driver refuses.
#include "pool/page_store.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "device/faulty_backend.hpp"
#include "pool/bundles.hpp"

namespace weir::pool {
namespace {

using device::CallKind;
using device::FaultyBackend;
using device::PageHandle;

class PageStoreTest : public testing::Test {
 protected:
  FaultyBackend backend_{open_device({.backend = "dry", .capacity = 1_GiB}).shared_backend()};
  PageStore store_{backend_, "tested", 64_MiB, 2_MiB};
};

TEST_F(PageStoreTest, CreatesUpToTheLimit) {
  std::vector<PageHandle> pages(30);
  store_.create(pages);
  EXPECT_EQ(store_.reserved(), 60_MiB);
  std::vector<PageHandle> more(3);
  EXPECT_THROW(store_.create(more), LimitExceeded);
  EXPECT_EQ(store_.reserved(), 60_MiB);
  more.resize(2);
  store_.create(more);
  EXPECT_EQ(store_.reserved(), 64_MiB);
  EXPECT_THROW(static_cast<void>(store_.allocate_segment(1)), LimitExceeded);
  EXPECT_THROW(static_cast<void>(store_.allocate_segment(UINT64_MAX)), LimitExceeded);
  store_.destroy(pages);
  store_.destroy(more);
  EXPECT_EQ(store_.reserved(), 0u);
  EXPECT_EQ(store_.peak(), 64_MiB);
  EXPECT_EQ(store_.total(), 64_MiB);
}

TEST_F(PageStoreTest, CountsExternalBytesTowardsTheLimit) {
  const auto booked = store_.book_external(40_MiB);
  const Segment segment = store_.allocate_segment(24_MiB);
  EXPECT_THROW(static_cast<void>(store_.book_external(1)), LimitExceeded);
  booked->unbook(40_MiB);
  EXPECT_EQ(store_.external(), 0u);
  EXPECT_EQ(store_.book_external(40_MiB), booked);
  store_.free_segment(segment);
  booked->unbook(40_MiB);
  EXPECT_EQ(store_.peak(), 24_MiB);
}

TEST_F(PageStoreTest, AFailedCallChangesNothing) {
  std::vector<PageHandle> pages(2);
  backend_.fail(1, FaultyBackend::Fault::out_of_memory, CallKind::create);
  EXPECT_THROW(store_.create(pages), OutOfMemory);
  backend_.fail(1, FaultyBackend::Fault::driver_error, CallKind::allocate_segment);
  EXPECT_THROW(static_cast<void>(store_.allocate_segment(1_MiB)), DriverError);
  EXPECT_EQ(store_.reserved(), 0u);
  EXPECT_EQ(store_.peak(), 0u);
  EXPECT_EQ(store_.total(), 0u);
  std::vector<PageHandle> all(32);
  store_.create(all);  // the whole limit is still there
  store_.destroy(all);
}

TEST_F(PageStoreTest, HoldsPagesForLater) {
  std::vector<PageHandle> pages(5);
  store_.create(pages);
  store_.hold(pages);
  EXPECT_EQ(store_.held(), 10_MiB);
  EXPECT_EQ(store_.reserved(), 10_MiB);
  std::vector<PageHandle> some = store_.take_held({2});
  EXPECT_EQ(some.size(), 2u);
  EXPECT_EQ(store_.held(), 6_MiB);
  std::vector<PageHandle> rest = store_.take_held({UINT64_MAX});
  EXPECT_EQ(rest.size(), 3u);
  store_.destroy(some);
  store_.destroy(rest);
  EXPECT_EQ(backend_.balance().pages, 0u);
}

TEST_F(PageStoreTest, BundlesAreHeldAndTakenWhole) {
  constexpr PageHandle more = bundled;
  std::vector<PageHandle> pages{PageHandle::none, PageHandle::none, more, more, PageHandle::none, more, more, more};
  store_.create(pages);
  EXPECT_EQ(store_.reserved(), 16_MiB);
  EXPECT_EQ(pages[3], more);
  store_.hold(pages);
  EXPECT_EQ(store_.held(), 16_MiB);
  const auto taken = [&](const PagesWanted& wanted, bool bundles_first) {
    const std::vector<PageHandle> some = store_.take_held(wanted, bundles_first);
    store_.hold(some);
    return some.size();
  };
  EXPECT_EQ(taken({3}, false), 1u);        // the single one, and no bundle has two
  EXPECT_EQ(taken({3, true}, false), 5u);  // and the last bundle, of four
  EXPECT_EQ(taken({4}, true), 4u);
  EXPECT_EQ(taken({5}, true), 5u);
  EXPECT_EQ(taken({5, true}, true), 7u);
  EXPECT_EQ(taken({0, true}, true), 0u);
  EXPECT_EQ(taken({UINT64_MAX}, false), 8u);
  EXPECT_EQ(store_.held(), 16_MiB);
  store_.destroy(store_.take_held({UINT64_MAX}));
  EXPECT_EQ(store_.reserved(), 0u);
  EXPECT_EQ(backend_.balance(), FaultyBackend::Balance{});
  EXPECT_EQ(backend_.breach(), "");
}

TEST_F(PageStoreTest, RemapsAreMappingsBeyondThePeakPageCount) {
  std::vector<PageHandle> pages(5);
  const device::Address range = backend_.reserve(10_MiB);
  store_.create(pages);
  store_.map(range, pages);
  EXPECT_EQ(store_.page_maps(), 5u);
  EXPECT_EQ(store_.page_remaps(), 0u);
  const std::span<const PageHandle> two(pages.data(), 2);
  backend_.unmap(range, extents_of(two));
  store_.map(range, two);
  EXPECT_EQ(store_.page_remaps(), 2u);
  backend_.unmap(range, extents_of(pages));
  store_.destroy(pages);
  backend_.unreserve(range, 10_MiB);
}

TEST_F(PageStoreTest, TimesEachCallThatTookOrMappedMemory) {
  std::vector<PageHandle> pages(4);
  const device::Address range = backend_.reserve(8_MiB);
  store_.create(pages);
  store_.map(range, pages);
  const Segment segment = store_.allocate_segment(1_MiB);
  EXPECT_EQ(store_.mapping_latency().count, 3u);
  EXPECT_GT(store_.mapping_latency().max.count(), 0);
  // Neither what was refused nor what gives memory back.
  backend_.fail(1, FaultyBackend::Fault::out_of_memory, CallKind::create);
  std::vector<PageHandle> more(1);
  EXPECT_THROW(store_.create(more), OutOfMemory);
  backend_.unmap(range, extents_of(pages));
  store_.destroy(pages);
  store_.free_segment(segment);
  backend_.unreserve(range, 8_MiB);
  EXPECT_EQ(store_.mapping_latency().count, 3u);
}

TEST_F(PageStoreTest, KeepsTheLimitAmongThreads) {
  std::vector<std::thread> crew;
  for (int i = 0; i < 4; ++i) {
    crew.emplace_back([&] {
      for (int k = 0; k < 500; ++k) {
        std::vector<PageHandle> pages(3 + static_cast<std::size_t>(k) % 20);
        try {
          store_.create(pages);
        } catch (const LimitExceeded&) {
          continue;
        }
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
