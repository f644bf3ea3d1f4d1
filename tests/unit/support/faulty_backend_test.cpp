// The fault injector itself: it fails the call it was told to, keeps true books,
// and tells of a caller that breaks the contract.
#include "support/faulty_backend.hpp"
#include "device/access.hpp"

#include <chrono>
#include <future>
#include <stdexcept>
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
  std::shared_ptr<FaultyBackend> backend_ = std::make_shared<FaultyBackend>(
      device::Access::shared_backend(open_device({.backend = "dry", .capacity = 1_GiB})));
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
  std::vector<Extent> pages(2);
  EXPECT_THROW(backend_->create(pages), OutOfMemory);
  EXPECT_EQ(backend_->balance().pages, 0u);
  EXPECT_NO_THROW(backend_->create(pages));
  backend_->destroy(pages);
  backend_->unreserve(range, 4 * page_);
  EXPECT_EQ(backend_->calls(CallKind::create), 2u);
  EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
}

TEST_F(FaultyBackendTest, DeniesMemoryUntilItIsToldOtherwise) {
  std::vector<Extent> pages(2);
  backend_->deny_memory(true);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THROW(backend_->create(pages), OutOfMemory);
    EXPECT_THROW(static_cast<void>(backend_->allocate_segment(page_)), OutOfMemory);
    EXPECT_THROW(static_cast<void>(backend_->allocate_pinned(page_)), OutOfMemory);
  }
  EXPECT_NO_THROW(static_cast<void>(backend_->query(EventId::none)));
  backend_->deny_memory(false);
  backend_->create(pages);
  backend_->destroy(pages);
  EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
}

TEST_F(FaultyBackendTest, LosesTheDeviceForGood) {
  std::vector<Extent> pages(2);
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

TEST_F(FaultyBackendTest, HeldEventsAreWaitedForTogetherUntilTheyGo) {
  const std::vector<EventId> events{backend_->record(StreamId::legacy_default),
                                    backend_->record(StreamId::legacy_default)};
  backend_->hold_events();
  EXPECT_FALSE(backend_->wait_any(events, 1ms));
  EXPECT_TRUE(backend_->wait_any({}, 0ns));
  EXPECT_TRUE(backend_->wait_any(std::vector{events[0], EventId::none}, 0ns));
  std::thread later([&] {
    std::this_thread::sleep_for(5ms);
    backend_->let_events_go();
  });
  EXPECT_TRUE(backend_->wait_any(events, 10s));
  later.join();
  for (const EventId each : events) backend_->release(each);
  EXPECT_EQ(backend_->breach(), "");
}

// Neither before its time, nor much after it, whether one asks or sits it out.
TEST_F(FaultyBackendTest, LateEventsAreDoneInTheirTime) {
  using Clock = std::chrono::steady_clock;
  for (const std::chrono::nanoseconds late : {std::chrono::nanoseconds(5us), std::chrono::nanoseconds(20ms)}) {
    SCOPED_TRACE(late.count());
    backend_->delay_events(late);
    const Clock::time_point began = Clock::now();
    const EventId event = backend_->record(StreamId::legacy_default);
    while (!backend_->query(event)) std::this_thread::yield();
    EXPECT_GE(Clock::now() - began, late);
    EXPECT_TRUE(backend_->wait(event, 0ns));
    const Clock::time_point before_next = Clock::now();
    const EventId next = backend_->record(StreamId::legacy_default);
    const Clock::time_point again = Clock::now();
    if (late > 1ms) {
      EXPECT_FALSE(backend_->query(next));
      EXPECT_FALSE(backend_->wait(next, 1ms));
      EXPECT_LT(Clock::now() - again, late) << "a wait outlasted its deadline";
    }
    EXPECT_TRUE(backend_->wait(next, 10s));
    EXPECT_GE(Clock::now() - before_next, late);
    EXPECT_LT(Clock::now() - again, 5s);
    backend_->release(event);
    backend_->release(next);
  }
}

TEST_F(FaultyBackendTest, TheEarliestOfLateEventsEndsAWait) {
  backend_->delay_events(10s);
  const EventId late = backend_->record(StreamId::legacy_default);
  backend_->delay_events(3ms);
  const EventId soon = backend_->record(StreamId::legacy_default);
  backend_->delay_events(0ns);
  EXPECT_TRUE(backend_->wait_any(std::vector{late, soon}, 5s));
  EXPECT_FALSE(backend_->query(late));
  EXPECT_TRUE(backend_->query(soon));
  backend_->release(soon);
  const EventId now = backend_->record(StreamId::legacy_default);
  EXPECT_TRUE(backend_->wait_any(std::vector{late, now}, 0ns));
  backend_->release(now);
  backend_->release(late);
}

// What is late on the device too is waited for in both ways: the delay does not make it done.
TEST_F(FaultyBackendTest, ALateEventWaitsForItsWorkAsWell) {
  FaultyBackend host(device::Access::shared_backend(open_device({.backend = "host"})));
  host.delay_events(1ms);
  std::promise<void> go;
  const StreamId stream = host.create_stream();
  host.run(stream, [end = go.get_future().share()] { end.wait(); });
  const EventId busy = host.record(stream);
  EXPECT_FALSE(host.wait(busy, 5ms));
  const EventId idle = host.record(StreamId::legacy_default);
  EXPECT_TRUE(host.wait_any(std::vector{busy, idle}, 10s));
  EXPECT_FALSE(host.query(busy));
  go.set_value();
  EXPECT_TRUE(host.wait(busy, 10s));
  host.release(busy);
  host.release(idle);
  host.destroy_stream(stream);
}

TEST_F(FaultyBackendTest, CountsWhatIsTaken) {
  const Address range = backend_->reserve(4 * page_);
  std::vector<Extent> pages(3);
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
    return std::make_shared<FaultyBackend>(
        device::Access::shared_backend(open_device({.backend = "dry", .capacity = 1_GiB})));
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
    std::vector<Extent> pages(1);
    backend->create(pages);
    backend->map(range, pages);
    backend->destroy(pages);
    EXPECT_NE(backend->breach(), "");
  }
  {
    FaultyBackend host(device::Access::shared_backend(open_device({.backend = "host"})));
    std::vector<Extent> row{{.pages = 2}};
    EXPECT_THROW(host.create(row), std::logic_error);
    EXPECT_EQ(host.breach(), "create: an extent of more pages than max_extent_pages()");
    EXPECT_EQ(host.balance().pages, 0u);
  }
  {
    const auto backend = fresh();
    const Address range = backend->reserve(3 * page_);
    std::vector<Extent> row{{.pages = 3}};
    backend->create(row);
    backend->map(range, row);
    EXPECT_EQ(backend->balance().pages, 3u);
    EXPECT_EQ(backend->balance().mapped_pages, 3u);
    EXPECT_EQ(backend->breach(), "");
    const std::vector<Extent> part{{row[0].handle, 2}};
    EXPECT_THROW(backend->unmap(range, part), std::logic_error);
    EXPECT_EQ(backend->breach(), "a handle is torn apart");
  }
  {
    const auto backend = fresh();
    std::vector<Extent> row{{.pages = 3}};
    backend->create(row);
    const std::vector<Extent> part{{row[0].handle, 1}};
    backend->destroy(part);
    EXPECT_EQ(backend->breach(), "a handle is torn apart");
  }
  {
    const auto backend = fresh();
    const Address range = backend->reserve(page_);
    std::vector<Extent> pages(1);
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
