// The fault injector itself: it fails the call it was told to, keeps true books,
// and tells of a caller that breaks the contract.
#include "device/faulty_backend.hpp"

#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::device {
namespace {

using namespace std::chrono_literals;

class FaultyBackendTest : public testing::Test {
 protected:
  std::shared_ptr<FaultyBackend> backend_ =
      std::make_shared<FaultyBackend>(open_device({.backend = "dry", .capacity = 1_GiB}).shared_backend());
  std::uint64_t page_ = backend_->info().page_bytes;
};

TEST_F(FaultyBackendTest, FailsTheNthCallOnce) {
  backend_->fail(3, FaultyBackend::Fault::driver_error);
  static_cast<void>(backend_->query(EventId::none));
  static_cast<void>(backend_->query(EventId::none));
  EXPECT_FALSE(backend_->fired());
  EXPECT_THROW(static_cast<void>(backend_->query(EventId::none)), DriverError);
  EXPECT_TRUE(backend_->fired());
  EXPECT_NO_THROW(static_cast<void>(backend_->query(EventId::none)));
}

TEST_F(FaultyBackendTest, FailsTheNthCallOfAKind) {
  backend_->fail(1, FaultyBackend::Fault::out_of_memory, CallKind::create);
  const Address range = backend_->reserve(4 * page_);
  std::vector<PageHandle> pages(2);
  EXPECT_THROW(backend_->create(pages), OutOfMemory);
  EXPECT_EQ(backend_->balance().pages, 0u);
  EXPECT_NO_THROW(backend_->create(pages));
  backend_->destroy(pages);
  backend_->unreserve(range, 4 * page_);
  EXPECT_EQ(backend_->calls(CallKind::create), 2u);
  EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
}

TEST_F(FaultyBackendTest, LosesTheDeviceForGood) {
  std::vector<PageHandle> pages(2);
  backend_->create(pages);
  backend_->lose(2);
  EXPECT_NO_THROW(static_cast<void>(backend_->query(EventId::none)));
  EXPECT_THROW(static_cast<void>(backend_->record(StreamId::legacy_default)), DeviceLost);
  EXPECT_THROW(static_cast<void>(backend_->reserve(page_)), DeviceLost);
  EXPECT_TRUE(backend_->fired());
  backend_->destroy(pages);  // giving back never fails
  backend_->heal();
  EXPECT_NO_THROW(static_cast<void>(backend_->query(EventId::none)));
  EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
  EXPECT_EQ(backend_->breach(), "");
}

TEST_F(FaultyBackendTest, DelaysEvents) {
  const EventId event = backend_->record(StreamId::legacy_default);
  EXPECT_TRUE(backend_->query(event));
  backend_->hold_events();
  EXPECT_FALSE(backend_->query(event));
  EXPECT_FALSE(backend_->wait(event, 1ms));
  std::thread later([&] {
    std::this_thread::sleep_for(5ms);
    backend_->let_events_go();
  });
  EXPECT_TRUE(backend_->wait(event, 10s));
  later.join();
  EXPECT_EQ(backend_->balance().events, 1u);
  backend_->release(event);
  EXPECT_EQ(backend_->balance().events, 0u);
}

TEST_F(FaultyBackendTest, CountsWhatIsTaken) {
  const Address range = backend_->reserve(4 * page_);
  std::vector<PageHandle> pages(3);
  backend_->create(pages);
  backend_->map(range, pages);
  const Address segment = backend_->allocate_segment(12'345);
  const FaultyBackend::Balance held = backend_->balance();
  EXPECT_EQ(held.ranges, 1u);
  EXPECT_EQ(held.pages, 3u);
  EXPECT_EQ(held.mapped_pages, 3u);
  EXPECT_EQ(held.segments, 1u);
  EXPECT_EQ(held.segment_bytes, 12'345u);
  backend_->unmap(range, pages);
  backend_->destroy(pages);
  backend_->free_segment(segment, 12'345);
  backend_->unreserve(range, 4 * page_);
  EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
  EXPECT_EQ(backend_->breach(), "");
}

TEST_F(FaultyBackendTest, SeesBreachesOfTheContract) {
  const auto fresh = [] {
    return std::make_shared<FaultyBackend>(open_device({.backend = "dry", .capacity = 1_GiB}).shared_backend());
  };
  {
    const auto backend = fresh();
    const EventId event = backend->record(StreamId::legacy_default);
    backend->release(event);
    backend->release(event);
    EXPECT_NE(backend->breach(), "");
  }
  {
    const auto backend = fresh();
    const EventId event = backend->record(StreamId::legacy_default);
    backend->release(event);
    static_cast<void>(backend->query(event));
    EXPECT_NE(backend->breach(), "");
  }
  {
    const auto backend = fresh();
    const Address range = backend->reserve(page_);
    std::vector<PageHandle> pages(1);
    backend->create(pages);
    backend->map(range, pages);
    backend->destroy(pages);
    EXPECT_NE(backend->breach(), "");
  }
  {
    const auto backend = fresh();
    std::vector<PageHandle> pages{PageHandle::none, PageHandle::bundled};
    backend->create(pages);  // where nothing is bundled
    EXPECT_NE(backend->breach(), "");
  }
  {
    const auto backend = fresh();
    backend->bundle_pages();
    const Address range = backend->reserve(3 * page_);
    std::vector<PageHandle> pages{PageHandle::none, PageHandle::bundled, PageHandle::bundled};
    backend->create(pages);
    backend->map(range, pages);
    EXPECT_EQ(backend->balance().mapped_pages, 3u);
    EXPECT_EQ(backend->breach(), "");
    backend->unmap(range, std::span(pages).first(2));
    EXPECT_EQ(backend->breach(), "a bundle is torn apart");
  }
  {
    const auto backend = fresh();
    const Address range = backend->reserve(page_);
    std::vector<PageHandle> pages(1);
    backend->create(pages);
    backend->map(range, pages);
    backend->unreserve(range, page_);
    EXPECT_NE(backend->breach(), "");
  }
  {
    const auto backend = fresh();
    const Address segment = backend->allocate_segment(1000);
    backend->free_segment(segment, 999);
    EXPECT_NE(backend->breach(), "");
  }
}

}  // namespace
}  // namespace weir::device
