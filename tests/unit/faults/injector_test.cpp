// A device with WEIR_INJECT before it: faults strike once in a process, whatever is opened again; a slow stream ends
// late for all who wait; those who wait on a device that is lost wake.
#include "faults/injector.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "device/access.hpp"
#include "faults/injecting_backend.hpp"
#include "open/simulated_device.hpp"
#include "open/wrap_backends.hpp"
#include "open_backend.hpp"

namespace weir::faults {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using device::EventId;

std::shared_ptr<device::Backend> opened(const std::string& name = "host") {
  return device::Access::shared_backend(open_device({.backend = name}));
}

/// Keeps what an injector tells.
class Lines {
 public:
  [[nodiscard]] Injector::Tell tell() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST(Injector, StrikesOnceInAProcessAndCountsOnThroughOpenings) {
  Lines lines;
  Injector injector(parse_plan("lose@3,lose@6"), lines.tell());
  {
    const auto first = injector.wrap(opened());
    const StreamId stream = first->create_stream();                                                // 1
    first->release(first->record(stream));                                                         // 2
    EXPECT_THROW(static_cast<void>(first->record(stream)), DeviceLost);                            // 3
    EXPECT_THROW(static_cast<void>(first->reserve(1)), DeviceLost) << "a lost device stays lost";  // 4
    first->destroy_stream(stream);
  }
  EXPECT_EQ(injector.missed(), "WEIR_INJECT: lose@6 did not happen: the device was called 4 times");
  const auto second = injector.wrap(opened());
  const StreamId stream = second->create_stream();                      // 5
  EXPECT_THROW(static_cast<void>(second->record(stream)), DeviceLost);  // 6
  second->destroy_stream(stream);
  const auto third = injector.wrap(opened());
  for (int i = 0; i < 20; ++i) third->release(third->record(StreamId::legacy_default));
  EXPECT_EQ(injector.missed(), "");
  const std::string host = third->facts().name;
  EXPECT_EQ(lines.all(), (std::vector<std::string>{"WEIR_INJECT=lose@3,lose@6: faults are injected into " + host,
                                                   "WEIR_INJECT: lose@3 strikes call 3, record: the device is lost",
                                                   "WEIR_INJECT=lose@3,lose@6: faults are injected into " + host,
                                                   "WEIR_INJECT: lose@6 strikes call 6, record: the device is lost",
                                                   "WEIR_INJECT=lose@3,lose@6: faults are injected into " + host}));
}

TEST(Injector, RefusesMemoryOnceAndThePoolGoesOn) {
  Lines lines;
  Injector injector(parse_plan("oom@1"), lines.tell());
  Pool pool(device::Access::make_device(injector.wrap(opened())), {.name = "refused", .mode = PoolMode::segments});
  void* const block = pool.allocate(1_MiB, StreamId::legacy_default);
  pool.deallocate(block, StreamId::legacy_default);
  EXPECT_EQ(lines.all().back().substr(0, 25), "WEIR_INJECT: oom@1 strike");
  EXPECT_EQ(injector.missed(), "");
}

TEST(Injector, StandsBeforeEveryDeviceThatIsOpened) {
  Lines lines;
  Injector injector(parse_plan("lose@1000"), lines.tell());
  open::wrap_backends([&](std::shared_ptr<device::Backend> each) { return injector.wrap(std::move(each)); });
  const Device host = open_device({.backend = "host"});
  const Device dry = open_device({.backend = "dry"});
  const Device simulated = open::simulated_device(1_GiB);
  open::wrap_backends({});
  EXPECT_EQ(lines.all().size(), 3u);
  for (const Device& each : {host, dry, simulated}) {
    device::Backend& backend = device::Access::backend(each);
    EXPECT_NE(&backend.concrete(), &backend);
    EXPECT_EQ(&backend.concrete().concrete(), &backend.concrete());
  }
  const Device plain = open_device({.backend = "host"});
  EXPECT_EQ(&device::Access::backend(plain).concrete(), &device::Access::backend(plain));
}

TEST(Injector, DevicesOfOneDriverKnowEachOtherBehindIt) {
  Injector injector(parse_plan("lose@1000"), [](const std::string&) {});
  const auto from = injector.wrap(opened()), to = injector.wrap(opened());
  const device::Address source = from->allocate_segment(512), target = to->allocate_segment(512);
  from->fill(StreamId::legacy_default, source, 7, 512);
  const EventId filled = from->record(StreamId::legacy_default);
  EXPECT_TRUE(from->wait(filled, 10s));
  EXPECT_TRUE(to->copy_from(StreamId::legacy_default, target, *from, source, 512));
  const EventId copied = to->record(StreamId::legacy_default);
  EXPECT_TRUE(to->wait(copied, 10s));
  EXPECT_EQ(*reinterpret_cast<const std::uint8_t*>(target), 7);  // NOLINT(performance-no-int-to-ptr)
  from->release(filled);
  to->release(copied);
  from->free_segment(source, 512);
  to->free_segment(target, 512);
}

TEST(Injector, LateEventsComeLate) {
  Injector injector(parse_plan("late@20000"), [](const std::string&) {});
  const auto backend = injector.wrap(opened());
  const Clock::time_point before = Clock::now();
  const EventId event = backend->record(StreamId::legacy_default);
  EXPECT_TRUE(backend->wait(event, 10s));
  EXPECT_GE(Clock::now() - before, 20ms);
  backend->release(event);
}

TEST(Injector, ALossWakesThoseWhoWait) {
  const auto backend = std::make_shared<InjectingBackend>(opened());
  backend->late_events().hold({});
  const EventId event = backend->record(StreamId::legacy_default);
  std::promise<void> waits;
  auto waiter = std::async(std::launch::async, [&] {
    waits.set_value();
    return backend->wait(event, 24h);
  });
  waits.get_future().wait();
  backend->schedule().add({.kind = FaultKind::loss});
  EXPECT_THROW(static_cast<void>(backend->query(event)), DeviceLost);
  EXPECT_THROW(static_cast<void>(waiter.get()), DeviceLost);
  EXPECT_TRUE(backend->lost());
  backend->release(event);
}

// --- Slow streams ---

TEST(SlowStreams, AnOperationTakesSoManyTimesAsLong) {
  const auto backend = std::make_shared<InjectingBackend>(opened());
  const StreamId stream = backend->create_stream();
  backend->schedule().add({.kind = FaultKind::slow, .nth = 2, .fitting = submits, .factor = 5});
  Clock::time_point started, ended;
  const auto work = [&] {
    started = Clock::now();
    sleep_until(started + 2ms);
    ended = Clock::now();
  };
  const auto run = [&] {
    backend->run(stream, work);
    const EventId event = backend->record(stream);
    EXPECT_TRUE(backend->wait(event, 60s));
    backend->release(event);
  };
  run();  // is not slow yet
  for (int i = 0; i < 3; ++i) {
    run();
    EXPECT_GE(Clock::now() - started, 5 * (ended - started));
  }
  backend->destroy_stream(stream);
}

TEST(SlowStreams, OtherStreamsAreNot) {
  const auto backend = std::make_shared<InjectingBackend>(opened());
  const StreamId slow = backend->create_stream(), other = backend->create_stream();
  backend->schedule().add({.kind = FaultKind::slow, .fitting = submits, .factor = 500});
  const auto work = [] { sleep_until(Clock::now() + 1ms); };
  backend->run(slow, work);
  const EventId late = backend->record(slow);
  backend->run(other, work);
  const EventId soon = backend->record(other);
  EXPECT_TRUE(backend->wait_any(std::vector{late, soon}, 60s));
  EXPECT_TRUE(backend->query(soon));
  EXPECT_FALSE(backend->query(late));
  EXPECT_TRUE(backend->wait(late, 60s));
  backend->release(soon);
  backend->release(late);
  backend->destroy_stream(slow);
  backend->destroy_stream(other);
}

TEST(SlowStreams, WhatWaitsForOneOnTheDeviceIsLateToo) {
  const auto backend = std::make_shared<InjectingBackend>(opened());
  const StreamId slow = backend->create_stream(), other = backend->create_stream();
  backend->schedule().add({.kind = FaultKind::slow, .fitting = submits, .factor = 5});
  Clock::time_point started, ended, after;
  backend->run(slow, [&] {
    started = Clock::now();
    sleep_until(started + 2ms);
    ended = Clock::now();
  });
  const EventId event = backend->record(slow);
  backend->stream_wait(other, event);
  backend->run(other, [&] { after = Clock::now(); });
  const EventId last = backend->record(other);
  EXPECT_TRUE(backend->wait(last, 60s));
  EXPECT_GE(after - started, 5 * (ended - started));
  backend->release(event);
  backend->release(last);
  backend->destroy_stream(slow);
  backend->destroy_stream(other);
}

TEST(SlowStreams, DryDevicesAreRefused) {
  Injector injector(parse_plan("slow@1:2"), [](const std::string&) {});
  try {
    static_cast<void>(injector.wrap(opened("dry")));
    FAIL() << "a dry device was slowed";
  } catch (const Unsupported& error) {
    EXPECT_NE(error.message().find("leave slow@ out, or name another device"), std::string::npos) << error.message();
  }
}

class SlowStreamsOn : public testing::TestWithParam<const char*> {};

// By what the host sees of fills, before and after.
TEST_P(SlowStreamsOn, CopiesTakeLonger) {
  WEIR_NEEDS_BACKEND(GetParam());
  const auto backend = std::make_shared<InjectingBackend>(opened(GetParam()));
  constexpr std::uint64_t bytes = 32_MiB;
  const device::Address segment = backend->allocate_segment(bytes);
  const StreamId stream = backend->create_stream();
  const auto median = [&] {
    std::vector<Clock::duration> times(5);
    for (Clock::duration& time : times) {
      const Clock::time_point start = Clock::now();
      backend->fill(stream, segment, 1, bytes);
      const EventId event = backend->record(stream);
      EXPECT_TRUE(backend->wait(event, 60s));
      backend->release(event);
      time = Clock::now() - start;
    }
    std::nth_element(times.begin(), times.begin() + 2, times.end());
    return times[2];
  };
  static_cast<void>(median());  // the first ones touch the memory
  const Clock::duration usual = median();
  backend->schedule().add({.kind = FaultKind::slow, .fitting = submits, .factor = 20});
  EXPECT_GT(median(), 4 * usual);
  backend->destroy_stream(stream);
  backend->free_segment(segment, bytes);
}

INSTANTIATE_TEST_SUITE_P(Backends, SlowStreamsOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weir::faults
