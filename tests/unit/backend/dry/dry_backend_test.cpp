// The dry device is as strict as a driver: what a driver would refuse, or what
// would crash, throws here, or is kept where nothing can be thrown.
#include "backend/dry/dry_backend.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::dry {
namespace {

using device::DriverCalls;
using device::Extent;
using device::PageHandle;

class DryBackendTest : public testing::Test {
 protected:
  std::shared_ptr<DryBackend> backend_ = make_dry_backend(64_MiB);
  std::uint64_t page_ = backend_->info().page_bytes;
  device::Address range_ = backend_->reserve(32 * page_);
};

TEST_F(DryBackendTest, LivesInRealTimeWhereNothingTakesAny) {
  EXPECT_EQ(backend_->simulated_time(), nullptr);
  EXPECT_EQ(&backend_->clock(), &Clock::system());
}

TEST_F(DryBackendTest, HasItsCapacityAndNoMore) {
  std::vector<Extent> pages(32);
  backend_->create(pages);
  EXPECT_EQ(backend_->info().memory_free, 0u);
  std::vector<Extent> more(1);
  EXPECT_THROW(backend_->create(more), OutOfMemory);
  EXPECT_THROW(static_cast<void>(backend_->allocate_segment(1)), OutOfMemory);
  backend_->destroy(pages);
  const device::Address segment = backend_->allocate_segment(64_MiB);
  EXPECT_THROW(backend_->create(more), OutOfMemory);
  backend_->free_segment(segment, 64_MiB);
  EXPECT_EQ(backend_->info().memory_free, 64_MiB);
  EXPECT_THROW(static_cast<void>(backend_->allocate_segment(UINT64_MAX)), OutOfMemory);
  std::vector<Extent> huge{{.pages = backend_->max_extent_pages()}};
  EXPECT_THROW(backend_->create(huge), OutOfMemory);
}

TEST_F(DryBackendTest, ARefusedCreateMakesNothing) {
  std::vector<Extent> row{{.pages = 20}, {.pages = 13}};
  EXPECT_THROW(backend_->create(row), OutOfMemory);
  EXPECT_EQ(row[0].handle, PageHandle::none);
  EXPECT_EQ(backend_->info().memory_free, 64_MiB);
}

TEST_F(DryBackendTest, RefusesWhatOtherProcessesHold) {
  std::vector<Extent> held{{.pages = 8}};
  backend_->create(held);
  backend_->set_foreign_bytes(40_MiB);
  EXPECT_EQ(backend_->info().memory_free, 8_MiB);
  EXPECT_EQ(backend_->info().memory_total, 64_MiB);
  std::vector<Extent> row{{.pages = 5}};
  try {
    backend_->create(row);
    FAIL() << "10 MiB were created where 8 MiB are free";
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.facts().free, 8_MiB);
    EXPECT_EQ(error.facts().bytes_asked, 10_MiB);
    EXPECT_THAT(error.message(), testing::HasSubstr("other processes hold 40.00 MiB"));
  }
  EXPECT_THROW(static_cast<void>(backend_->allocate_segment(8_MiB + 1)), OutOfMemory);
  backend_->set_foreign_bytes(1_GiB);  // all of it, and what is held stays
  EXPECT_EQ(backend_->info().memory_free, 0u);
  backend_->map(range_, held);
  backend_->set_foreign_bytes(0);
  backend_->create(row);
  EXPECT_EQ(backend_->info().memory_free, 64_MiB - 26_MiB);
}

TEST_F(DryBackendTest, MappingWhatIsMappedIsAFault) {
  std::vector<Extent> pages(2);
  backend_->create(pages);
  backend_->map(range_, pages);
  EXPECT_THROW(backend_->map(range_ + 4 * page_, pages), std::logic_error);
  std::vector<Extent> others(1);
  backend_->create(others);
  EXPECT_THROW(backend_->map(range_ + page_, others), std::logic_error);
  EXPECT_THROW(backend_->map(range_ + 4 * page_ + 512, others), std::logic_error);
  backend_->map(range_ + 2 * page_, others);
  backend_->unmap(range_, pages);
  backend_->unmap(range_ + 2 * page_, others);
}

TEST_F(DryBackendTest, LargeExtentsLieSideBySide) {
  std::vector<Extent> row{{.pages = 3}, {.pages = 1}, {.pages = 4}};
  backend_->create(row);
  EXPECT_EQ(backend_->info().memory_free, 64_MiB - 8 * page_);
  backend_->map(range_, row);
  std::vector<Extent> one(1);
  backend_->create(one);
  for (std::uint64_t page = 0; page < 8; ++page) {
    EXPECT_THROW(backend_->map(range_ + page * page_, one), std::logic_error) << page;
  }
  backend_->map(range_ + 8 * page_, one);
  // A part of a handle cannot be unmapped, nor one alone that is not where it is said to be.
  EXPECT_THROW(backend_->unmap(range_, std::vector<Extent>{{row[0].handle, 2}}), std::logic_error);
  EXPECT_THROW(backend_->unmap(range_ + page_, std::vector<Extent>{row[0]}), std::logic_error);
  backend_->unmap(range_ + 3 * page_, std::vector<Extent>{row[1]});
  EXPECT_THROW(backend_->unmap(range_, row), std::logic_error);
  backend_->map(range_ + 3 * page_, std::vector<Extent>{row[1]});
  backend_->unmap(range_, row);
}

TEST_F(DryBackendTest, ARefusedMapMapsNothing) {
  std::vector<Extent> row(3);
  backend_->create(row);
  std::vector<Extent> twice{row[0], row[1], row[0]};
  EXPECT_THROW(backend_->map(range_, twice), std::logic_error);
  backend_->map(range_, row);
}

TEST_F(DryBackendTest, MappingOutsideOfARangeIsAFault) {
  std::vector<Extent> row{{.pages = 2}};
  backend_->create(row);
  EXPECT_THROW(backend_->map(range_ + 31 * page_, row), std::logic_error);
  EXPECT_THROW(backend_->map(range_ - page_, row), std::logic_error);
  EXPECT_THROW(backend_->map(0, row), std::logic_error);
  backend_->unreserve(range_, 32 * page_);
  EXPECT_THROW(backend_->map(range_, row), std::logic_error);
  EXPECT_THROW(static_cast<void>(backend_->reserve(page_ + 512)), std::logic_error);
  EXPECT_THROW(static_cast<void>(backend_->reserve(std::uint64_t{1} << 63)), OutOfMemory);
}

TEST_F(DryBackendTest, UnmappingWhatIsNotThereIsAFault) {
  std::vector<Extent> pages(2);
  backend_->create(pages);
  EXPECT_THROW(backend_->unmap(range_, pages), std::logic_error);
  backend_->map(range_, pages);
  EXPECT_THROW(backend_->unmap(range_ + page_, pages), std::logic_error);
  std::swap(pages[0], pages[1]);
  EXPECT_THROW(backend_->unmap(range_, pages), std::logic_error);
  std::swap(pages[0], pages[1]);
  backend_->unmap(range_, pages);
  backend_->map(range_ + 5 * page_, pages);  // they are as good as new
}

TEST_F(DryBackendTest, UsingADestroyedPageIsAFault) {
  std::vector<Extent> pages(1);
  backend_->create(pages);
  backend_->destroy(pages);
  EXPECT_THROW(backend_->map(range_, pages), std::logic_error);
}

TEST_F(DryBackendTest, ALostDevicesPagesAreDestroyedWhereTheyAreMapped) {
  std::vector<Extent> pages(2);
  backend_->create(pages);
  backend_->map(range_, pages);
  backend_->destroy(pages);
  EXPECT_EQ(backend_->info().memory_free, 64_MiB);
  backend_->create(pages);
  backend_->map(range_, pages);
}

TEST_F(DryBackendTest, KeepsThatSomethingWasGivenBackTwice) {
  std::vector<Extent> pages(1);
  backend_->create(pages);
  EXPECT_EQ(backend_->fault(), nullptr);
  backend_->destroy(pages);
  EXPECT_EQ(backend_->fault(), nullptr);
  backend_->destroy(pages);
  EXPECT_THAT(backend_->fault(), testing::HasSubstr("extent is destroyed"));
  EXPECT_EQ(backend_->info().memory_free, 64_MiB) << "it changes nothing";
  const auto fault_of = [](auto give_back) {
    const auto backend = make_dry_backend(64_MiB);
    give_back(*backend);
    EXPECT_EQ(backend->info().memory_free, 64_MiB);
    return std::string(backend->fault() == nullptr ? "" : backend->fault());
  };
  EXPECT_THAT(fault_of([](DryBackend& backend) { backend.free_segment(1, 1); }),
              testing::HasSubstr("segment is freed"));
  EXPECT_THAT(fault_of([](DryBackend& backend) { backend.unreserve(1, 1); }), testing::HasSubstr("not reserved"));
  EXPECT_THAT(fault_of([](DryBackend& backend) {
                const device::EventId event = backend.record(StreamId::legacy_default);
                backend.release(event);
                EXPECT_EQ(backend.fault(), nullptr);
                backend.release(event);
              }),
              testing::HasSubstr("released before"));
}

TEST_F(DryBackendTest, StreamsEnd) {
  const StreamId stream = backend_->create_stream();
  EXPECT_EQ(backend_->resolve(stream), stream);
  const device::EventId event = backend_->record(stream);
  backend_->destroy_stream(stream);
  EXPECT_THROW(static_cast<void>(backend_->resolve(stream)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(backend_->record(stream)), InvalidArgument);
  EXPECT_THROW(backend_->stream_wait(stream, event), InvalidArgument);
  EXPECT_THROW(backend_->fill(stream, 0, 0, 1), InvalidArgument);
  EXPECT_THROW(backend_->keep_busy(stream, std::chrono::nanoseconds(1)), InvalidArgument);
  EXPECT_TRUE(backend_->query(event)) << "events outlive their stream";
  backend_->destroy_stream(StreamId::legacy_default);  // which never ends
  EXPECT_NO_THROW(static_cast<void>(backend_->record(StreamId::legacy_default)));
}

TEST_F(DryBackendTest, EventsAreDoneAtOnceAndGoneWhenReleased) {
  const device::EventId event = backend_->record(StreamId::legacy_default);
  EXPECT_NE(event, device::EventId::none);
  EXPECT_EQ(backend_->events(), 1u);
  EXPECT_TRUE(backend_->query(event));
  EXPECT_TRUE(backend_->wait(event, std::chrono::nanoseconds(0)));
  backend_->release(event);
  EXPECT_EQ(backend_->events(), 0u);
  EXPECT_THROW(static_cast<void>(backend_->query(event)), std::logic_error);
  EXPECT_THROW(static_cast<void>(backend_->wait(event, std::chrono::seconds(1))), std::logic_error);
  EXPECT_THROW(backend_->stream_wait(StreamId::legacy_default, event), std::logic_error);
  EXPECT_TRUE(backend_->query(device::EventId::none));
  backend_->release(device::EventId::none);
}

TEST_F(DryBackendTest, AHandleStandsForAnyNumberOfPages) {
  const auto large = make_dry_backend(UINT64_MAX);
  std::vector<Extent> row{{.pages = 1}, {.pages = UINT32_MAX}, {.pages = 5}};
  ASSERT_EQ(large->max_extent_pages(), UINT32_MAX);
  large->create(row);
  EXPECT_NE(row[0].handle, row[1].handle);
  const std::uint64_t bytes = device::pages_of(row) * page_;
  EXPECT_EQ(large->info().memory_free, UINT64_MAX - bytes);
  const device::Address start = large->reserve(bytes + page_);
  large->map(start, row);
  large->unmap(start, row);
  large->map(start + page_, row);
  large->unmap(start + page_, std::span(row).first(2));
  large->unmap(start + bytes - 4 * page_, std::span(row).last(1));
  large->destroy(row);
  EXPECT_EQ(large->info().memory_free, UINT64_MAX);
  std::vector<Extent> none{{.pages = 0}};
  EXPECT_THROW(large->create(none), std::logic_error);
}

TEST_F(DryBackendTest, CountsItsCallsAsADriverWould) {
  std::vector<Extent> pages(3);
  backend_->create(pages);                                                   // 3
  backend_->map(range_, pages);                                              // 3, and an access for all
  backend_->unmap(range_, pages);                                            // 1
  backend_->destroy(pages);                                                  // 3
  backend_->free_segment(backend_->allocate_segment(1), 1);                  // 2
  backend_->free_pinned(backend_->allocate_pinned(4096), 4096);              // 2
  const device::EventId event = backend_->record(StreamId::legacy_default);  // 3 with the query and the wait
  EXPECT_TRUE(backend_->query(event));
  EXPECT_TRUE(backend_->wait(event, std::chrono::seconds(1)));
  backend_->release(event);                           // kept for the next
  backend_->copy(StreamId::legacy_default, 0, 0, 1);  // 1
  const DriverCalls calls = backend_->driver_calls();
  EXPECT_EQ(calls.reserves, 1u);
  EXPECT_EQ(calls.creates, 3u);
  EXPECT_EQ(calls.maps, 3u);
  EXPECT_EQ(calls.accesses, 1u);
  EXPECT_EQ(calls.unmaps, 1u);
  EXPECT_EQ(calls.destroys, 3u);
  EXPECT_EQ(calls.segments, 2u);
  EXPECT_EQ(calls.pinned, 2u);
  EXPECT_EQ(calls.events, 3u);
  EXPECT_EQ(calls.others, 1u);
  EXPECT_EQ(calls.about_memory(), 14u);
}

TEST_F(DryBackendTest, CountsWhatARefusedCreateTried) {
  std::vector<Extent> row(40);  // 32 fit, the next is refused, and the 32 are given back
  EXPECT_THROW(backend_->create(row), OutOfMemory);
  EXPECT_EQ(backend_->driver_calls().creates, 33u);
  EXPECT_EQ(backend_->driver_calls().destroys, 32u);
}

}  // namespace
}  // namespace weir::backend::dry
