// The dry device is as strict as a driver: what a driver would refuse, or what
// would crash, throws here.
#include "backend/dry/dry_backend.hpp"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::dry {
namespace {

using device::PageHandle;

class DryBackendTest : public testing::Test {
 protected:
  std::shared_ptr<device::Backend> backend_ = make_dry_backend(64_MiB);
  std::uint64_t page_ = backend_->info().page_bytes;
  device::Address range_ = backend_->reserve(16 * page_);
};

TEST_F(DryBackendTest, HasItsCapacityAndNoMore) {
  std::vector<PageHandle> pages(32);
  backend_->create(pages);
  EXPECT_EQ(backend_->info().memory_free, 0u);
  std::vector<PageHandle> more(1);
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
  std::vector<PageHandle> pages(33);
  EXPECT_THROW(backend_->create(pages), OutOfMemory);
  EXPECT_EQ(backend_->info().memory_free, 64_MiB);
}

TEST_F(DryBackendTest, MappingWhatIsMappedIsAFault) {
  std::vector<PageHandle> pages(2);
  backend_->create(pages);
  backend_->map(range_, pages);
  EXPECT_THROW(backend_->map(range_ + 4 * page_, pages), std::logic_error);
  std::vector<PageHandle> others(1);
  backend_->create(others);
  EXPECT_THROW(backend_->map(range_ + page_, others), std::logic_error);
  EXPECT_THROW(backend_->map(range_ + 4 * page_ + 512, others), std::logic_error);
  backend_->map(range_ + 2 * page_, others);
  backend_->unmap(range_, pages);
  backend_->unmap(range_ + 2 * page_, others);
}

TEST_F(DryBackendTest, UnmappingWhatIsNotThereIsAFault) {
  std::vector<PageHandle> pages(2);
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
  std::vector<PageHandle> pages(1);
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

TEST_F(DryBackendTest, CountsItsCallsAsADriverWould) {
  const std::uint64_t before = backend_->driver_calls();
  std::vector<PageHandle> pages(3);
  backend_->create(pages);                                   // 3
  backend_->map(range_, pages);                              // 3, and the access for all
  backend_->unmap(range_, pages);                            // 1
  backend_->destroy(pages);                                  // 3
  backend_->free_segment(backend_->allocate_segment(1), 1);  // 2
  EXPECT_EQ(backend_->driver_calls() - before, 13u);
}

}  // namespace
}  // namespace weir::backend::dry
