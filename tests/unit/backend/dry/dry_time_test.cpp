// The dry device in time: each call takes what the model says, an event is done when
// its record, its stream's work and its lateness are past, and a wait ends there.
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "backend/dry/dry_backend.hpp"

namespace weir::backend::dry {
namespace {

using namespace std::chrono_literals;
using device::driver_model;
using device::DriverModel;
using device::EventId;
using device::Extent;
using std::chrono::nanoseconds;

class DryTime : public testing::Test {
 protected:
  DryTime() = default;

  std::shared_ptr<DryBackend> open(const DriverModel& model) { return make_dry_backend(64_MiB, model); }
  static nanoseconds now(DryBackend& backend) { return backend.simulated_time()->now(); }
  /// How long `call` takes.
  template <class Call>
  static nanoseconds cost(DryBackend& backend, Call call) {
    const nanoseconds before = now(backend);
    call();
    return now(backend) - before;
  }
};

TEST_F(DryTime, CallsTakeTheirTime) {
  const auto backend =
      open(driver_model("record_us=1,query_us=2,create_us=10,map_us=20,access_us=30,unmap_us=40,destroy_us=50,"
                        "reserve_us=60,allocate_us=70,create_handle_us=0.1,map_handle_us=0.2,access_handle_us=0.3,"
                        "unmap_handle_us=0.4"));
  ASSERT_EQ(&backend->clock(), backend->simulated_time());
  device::Address range = 0;
  EXPECT_EQ(cost(*backend, [&] { range = backend->reserve(16_MiB); }), 60us);
  std::vector<Extent> row{{.pages = 4}, {.pages = 1}, {.pages = 1}};
  EXPECT_EQ(cost(*backend, [&] { backend->create(row); }), 30300ns);
  EXPECT_EQ(cost(*backend, [&] { backend->map(range, row); }), 60600ns + 30900ns);
  EXPECT_EQ(cost(*backend, [&] { backend->unmap(range, row); }), 41200ns);
  EXPECT_EQ(cost(*backend, [&] { backend->destroy(row); }), 150us);
  EXPECT_EQ(cost(*backend, [&] { backend->unreserve(range, 16_MiB); }), 60us);
  device::Address segment = 0;
  EXPECT_EQ(cost(*backend, [&] { segment = backend->allocate_segment(1_MiB); }), 70us);
  EXPECT_EQ(cost(*backend, [&] { backend->free_segment(segment, 1_MiB); }), 70us);
  EventId event = EventId::none;
  EXPECT_EQ(cost(*backend, [&] { event = backend->record(StreamId::legacy_default); }), 1us);
  EXPECT_EQ(cost(*backend, [&] { EXPECT_TRUE(backend->query(event)); }), 2us);
  EXPECT_EQ(cost(*backend, [&] { backend->release(event); }), 0us);
  EXPECT_EQ(backend->simulated_time()->in_driver(), now(*backend));
}

TEST_F(DryTime, ARefusedCreateTakesTheTimeOfWhatItTried) {
  const auto backend = open(driver_model("create_us=10,destroy_us=1"));
  std::vector<Extent> row(33);
  EXPECT_EQ(cost(*backend, [&] { EXPECT_THROW(backend->create(row), OutOfMemory); }), 330us + 32us);
}

TEST_F(DryTime, AnEventIsLate) {
  const auto backend = open(driver_model("event_us=5"));
  const EventId event = backend->record(StreamId::legacy_default);
  EXPECT_FALSE(backend->query(event));
  backend->simulated_time()->pass(4999ns);
  EXPECT_FALSE(backend->query(event));
  backend->simulated_time()->pass(1ns);
  EXPECT_TRUE(backend->query(event));
  EXPECT_EQ(backend->simulated_time()->waited(), 0ns) << "a query never waits";
}

TEST_F(DryTime, AnEventComesAfterItsStreamsWork) {
  const auto backend = open(driver_model("event_us=5"));
  const StreamId stream = backend->create_stream();
  const StreamId other = backend->create_stream();
  const EventId before = backend->record(stream);
  backend->keep_busy(stream, 100us);
  backend->keep_busy(stream, 20us);  // one after the other
  const EventId after = backend->record(stream);
  EXPECT_TRUE(backend->wait(before, 1s));
  EXPECT_EQ(now(*backend), 5us);
  const EventId elsewhere = backend->record(other);
  EXPECT_TRUE(backend->wait(elsewhere, 1s));
  EXPECT_EQ(now(*backend), 10us) << "another stream's work is nothing to it";
  EXPECT_TRUE(backend->wait(after, 1s));
  EXPECT_EQ(now(*backend), 125us);
}

TEST_F(DryTime, AStreamThatWaitsEndsNoEarlier) {
  const auto backend = open(driver_model("event_us=5"));
  const StreamId stream = backend->create_stream();
  const StreamId other = backend->create_stream();
  backend->keep_busy(stream, 100us);
  backend->stream_wait(other, backend->record(stream));
  EXPECT_EQ(now(*backend), 0us) << "the host does not wait";
  const EventId event = backend->record(other);
  EXPECT_TRUE(backend->wait(event, 1s));
  EXPECT_EQ(now(*backend), 110us);  // the work, the event waited for, and the event's own lateness
  // A wait for what is past, or for nothing, is none.
  backend->stream_wait(other, EventId::none);
  backend->stream_wait(other, event);
  EXPECT_TRUE(backend->wait(backend->record(other), 1s));
  EXPECT_EQ(now(*backend), 115us);
}

TEST_F(DryTime, WaitsExactlyToTheEarliestOfTheEvents) {
  const auto backend = open(driver_model("event_us=5,query_us=2"));
  const StreamId slow = backend->create_stream();
  backend->keep_busy(slow, 1ms);
  const EventId last = backend->record(slow);
  backend->simulated_time()->pass(1us);
  const EventId first = backend->record(StreamId::legacy_default);
  const std::vector<EventId> both{last, first};
  EXPECT_TRUE(backend->wait_any(both, 1s));
  EXPECT_EQ(now(*backend), 6us);
  EXPECT_EQ(backend->simulated_time()->waited(), 3us);
  EXPECT_TRUE(backend->wait_any(both, 0s)) << "one is done";
  EXPECT_TRUE(backend->wait_any({}, 0s)) << "none is nothing to wait for";
  const std::vector<EventId> past{last, EventId::none};
  EXPECT_TRUE(backend->wait_any(past, 0s));
  backend->release(first);
  EXPECT_THROW(static_cast<void>(backend->wait_any(both, 1s)), std::logic_error);
}

TEST_F(DryTime, WaitsNoLongerThanTheDeadline) {
  const auto backend = open(driver_model("event_us=50,query_us=2"));
  const EventId event = backend->record(StreamId::legacy_default);
  EXPECT_FALSE(backend->wait(event, 20us));
  EXPECT_EQ(now(*backend), 20us);
  EXPECT_FALSE(backend->wait(event, 0us)) << "only looks";
  EXPECT_EQ(now(*backend), 22us);
  EXPECT_FALSE(backend->wait(event, nanoseconds::min()));
  EXPECT_EQ(now(*backend), 24us);
  EXPECT_TRUE(backend->wait(event, nanoseconds::max()));
  EXPECT_EQ(now(*backend), 50us);
}

TEST_F(DryTime, AStreamsWorkFinishesBeforeItEnds) {
  const auto backend = open({});
  const StreamId stream = backend->create_stream();
  backend->keep_busy(stream, 70us);
  backend->destroy_stream(stream);
  EXPECT_EQ(now(*backend), 70us);
  EXPECT_EQ(backend->simulated_time()->waited(), 70us);
}

TEST_F(DryTime, NothingOverflows) {
  const auto backend = open(driver_model("event_us=1e9"));
  backend->keep_busy(StreamId::legacy_default, nanoseconds::max());
  const EventId never = backend->record(StreamId::legacy_default);
  EXPECT_FALSE(backend->wait(never, 1s));
  EXPECT_EQ(now(*backend), 1s);
  EXPECT_TRUE(backend->wait(never, nanoseconds::max()));
}

TEST_F(DryTime, RepeatsExactly) {
  const auto job = [this] {
    const auto backend = open(driver_model("cheap"));
    const device::Address range = backend->reserve(32_MiB);
    for (int round = 0; round < 10; ++round) {
      std::vector<Extent> row(4, {.pages = 2});
      backend->create(row);
      backend->map(range, row);
      const EventId event = backend->record(StreamId::legacy_default);
      backend->simulated_time()->pass(1us);
      EXPECT_TRUE(backend->wait(event, 1s));
      backend->release(event);
      backend->unmap(range, row);
      backend->destroy(row);
    }
    return now(*backend);
  };
  const nanoseconds once = job();
  EXPECT_GT(once, 10 * 4 * 7us);
  EXPECT_EQ(job(), once);
}

TEST_F(DryTime, ThreadsShareTheTime) {
  const auto backend = open(driver_model("event_us=5,record_us=1,query_us=1"));
  constexpr int rounds = 2000;
  std::vector<std::thread> crew;
  for (int i = 0; i < 4; ++i) {
    crew.emplace_back([&] {
      const StreamId stream = backend->create_stream();
      for (int round = 0; round < rounds; ++round) {
        const EventId event = backend->record(stream);
        const nanoseconds recorded = now(*backend);
        ASSERT_TRUE(backend->wait(event, nanoseconds::max()));
        ASSERT_GE(now(*backend), recorded);
        ASSERT_TRUE(backend->query(event));
        backend->release(event);
      }
      backend->destroy_stream(stream);
    });
  }
  for (std::thread& each : crew) each.join();
  EXPECT_EQ(backend->events(), 0u);
  EXPECT_EQ(backend->driver_calls().events, 4u * rounds * 3);
  EXPECT_EQ(backend->simulated_time()->in_driver(), 4 * rounds * 3us);
}

TEST_F(DryTime, RealTimeIsSatOut) {
  const auto backend =
      make_dry_backend(64_MiB, driver_model("event_us=2000,create_us=300"), device::SimulatedTime::Kind::real);
  const auto start = Clock::system().now();
  std::vector<Extent> row(2);
  backend->create(row);
  EXPECT_GE(Clock::system().now() - start, 600us);
  const auto recorded = Clock::system().now();
  const EventId event = backend->record(StreamId::legacy_default);
  EXPECT_TRUE(backend->wait(event, 10s));
  EXPECT_GE(Clock::system().now() - recorded, 2ms);
  EXPECT_TRUE(backend->query(event));
}

}  // namespace
}  // namespace weir::backend::dry
