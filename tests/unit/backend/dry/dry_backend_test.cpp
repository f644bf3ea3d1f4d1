// The dry device is as strict as a driver: what a driver would refuse, or what
// would crash, throws here.
#include "backend/dry/dry_backend.hpp"

#include <chrono>
#include <span>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::dry {
namespace {

using device::Extent;

class DryBackendTest : public testing::Test {
 protected:
  std::shared_ptr<device::Backend> backend_ = make_dry_backend(64_MiB);
  std::uint64_t page_ = backend_->info().page_bytes;
  device::Address range_ = backend_->reserve(16 * page_);
};

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
}

TEST_F(DryBackendTest, ARefusedCreateMakesNoPage) {
  std::vector<Extent> pages(33);
  EXPECT_THROW(backend_->create(pages), OutOfMemory);
  EXPECT_EQ(backend_->info().memory_free, 64_MiB);
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

TEST_F(DryBackendTest, StreamsEnd) {
  const StreamId stream = backend_->create_stream();
  EXPECT_EQ(backend_->resolve(stream), stream);
  EXPECT_NO_THROW(static_cast<void>(backend_->record(stream)));
  backend_->destroy_stream(stream);
  EXPECT_THROW(static_cast<void>(backend_->resolve(stream)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(backend_->record(stream)), InvalidArgument);
  EXPECT_NO_THROW(static_cast<void>(backend_->record(StreamId::legacy_default)));
}

TEST_F(DryBackendTest, AHandleStandsForAnyNumberOfPages) {
  const auto large = make_dry_backend(UINT64_MAX);
  std::vector<Extent> row{{.pages = 1}, {.pages = UINT32_MAX}, {.pages = 5}};
  ASSERT_EQ(large->max_extent_pages(), UINT32_MAX);
  large->create(row);
  EXPECT_NE(row[0].handle, row[1].handle);
  const std::uint64_t bytes = device::pages_of(row) * page_;
  EXPECT_EQ(bytes, (std::uint64_t{UINT32_MAX} + 6) * page_);
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

TEST_F(DryBackendTest, AHandleIsNotTornApart) {
  std::vector<Extent> row{{.pages = 4}, {.pages = 2}};
  backend_->create(row);
  const auto cut = [](Extent whole, std::uint32_t pages) { return std::vector<Extent>{{whole.handle, pages}}; };
  EXPECT_THROW(backend_->map(range_, cut(row[0], 3)), std::logic_error);
  backend_->map(range_, row);
  EXPECT_THROW(backend_->unmap(range_, cut(row[0], 2)), std::logic_error);
  EXPECT_THROW(backend_->unmap(range_ + 2 * page_, cut(row[0], 2)), std::logic_error);
  EXPECT_THROW(backend_->unmap(range_ + 4 * page_, cut(row[1], 3)), std::logic_error);
  EXPECT_THROW(backend_->unmap(range_ + 2 * page_, std::span(row).last(1)), std::logic_error);
  backend_->unmap(range_, row);  // nothing had changed
}

TEST_F(DryBackendTest, AMappingLiesWhereNothingIsInOneRange) {
  std::vector<Extent> row{{.pages = 4}, {.pages = 2}};
  backend_->create(row);
  const std::span<const Extent> large(row.data(), 1);
  const std::span<const Extent> small(row.data() + 1, 1);
  EXPECT_THROW(backend_->map(range_ + 13 * page_, large), std::logic_error);
  EXPECT_THROW(backend_->map(range_ - page_, large), std::logic_error);
  backend_->map(range_ + 4 * page_, large);
  for (const std::uint64_t place : {3u, 4u, 6u, 7u}) {
    EXPECT_THROW(backend_->map(range_ + place * page_, small), std::logic_error) << place;
  }
  backend_->map(range_ + 2 * page_, small);
  backend_->unmap(range_ + 2 * page_, small);
  backend_->map(range_ + 8 * page_, small);
  const device::Address other = backend_->reserve(page_);
  backend_->unreserve(other, page_);
  std::vector<Extent> one(1);
  backend_->create(one);
  EXPECT_THROW(backend_->map(other, one), std::logic_error);
}

TEST_F(DryBackendTest, CountsItsCallsAsADriverWould) {
  const device::DriverCalls before = backend_->driver_calls();
  std::vector<Extent> row{{.pages = 3}, {.pages = 1}, {.pages = 4}};
  backend_->create(row);
  backend_->map(range_, row);
  backend_->unmap(range_, row);
  backend_->destroy(row);
  backend_->free_segment(backend_->allocate_segment(1), 1);
  backend_->free_pinned(backend_->allocate_pinned(4096), 4096);
  backend_->unreserve(backend_->reserve(page_), page_);
  const device::EventId event = backend_->record(StreamId::legacy_default);
  EXPECT_TRUE(backend_->query(event));
  EXPECT_TRUE(backend_->wait(event, std::chrono::nanoseconds(0)));
  backend_->fill(StreamId::legacy_default, range_, 0, 1);
  const device::DriverCalls after = backend_->driver_calls();
  EXPECT_EQ(after.creates - before.creates, 3u);
  EXPECT_EQ(after.maps - before.maps, 3u);
  EXPECT_EQ(after.accesses - before.accesses, 1u);
  EXPECT_EQ(after.unmaps - before.unmaps, 1u);
  EXPECT_EQ(after.destroys - before.destroys, 3u);
  EXPECT_EQ(after.segments - before.segments, 2u);
  EXPECT_EQ(after.pinned - before.pinned, 2u);
  EXPECT_EQ(after.reserves - before.reserves, 2u);
  EXPECT_EQ(after.events - before.events, 3u);
  EXPECT_EQ(after.others - before.others, 1u);
  EXPECT_EQ(after.about_memory() - before.about_memory(), 15u);
  EXPECT_EQ(after.all() - before.all(), 21u);
}

}  // namespace
}  // namespace weir::backend::dry
