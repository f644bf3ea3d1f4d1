// The faulty backend's events: held for as long as a test says, late by a time of its
// choice, and never used after their release.
#include <algorithm>
#include <thread>
#include <utility>

#include <weir/errors.hpp>

#include "support/faulty_backend.hpp"

namespace weir::device {
namespace {

constexpr std::chrono::nanoseconds longest_wait = std::chrono::hours(24 * 365);  // from now, still a time
// A thread that sleeps comes back so much too late; what is nearer is waited for awake.
constexpr std::chrono::microseconds sleep_slack{100};
constexpr std::chrono::milliseconds between_looks{10};  // for a device that was lost

}  // namespace

void FaultyBackend::hold_events(Holding which) {
  const std::lock_guard lock(mutex_);
  holding_ = true;
  held_ = std::move(which);
}

void FaultyBackend::note_copy(StreamId stream) {
  const std::lock_guard lock(mutex_);
  copied_.insert(stream);
}

void FaultyBackend::let_events_go() {
  {
    const std::lock_guard lock(mutex_);
    holding_ = false;
  }
  events_go_.notify_all();
}

void FaultyBackend::delay_events(std::chrono::nanoseconds delay) {
  const std::lock_guard lock(mutex_);
  delay_ = delay;
}

EventId FaultyBackend::record(StreamId stream) {
  enter(CallKind::record);
  expect_open(stream, "record: the stream is being captured");
  const EventId inner = inner_->record(stream);
  const std::lock_guard lock(mutex_);
  const auto event = static_cast<EventId>(++last_event_);
  events_.emplace(event, Recorded{inner, Clock::now() + delay_, stream});
  return event;
}

// The mutex is held.
FaultyBackend::Recorded FaultyBackend::recorded(EventId event) {
  if (event == EventId::none) return {};
  const auto found = events_.find(event);
  expect(found != events_.end(), "an event is used after its release");
  return found == events_.end() ? Recorded{} : found->second;
}

void FaultyBackend::expect_open(StreamId stream, const char* rule) {
  const bool captured = inner_->capturing(stream);
  const std::lock_guard lock(mutex_);
  expect(!captured, rule);
}

bool FaultyBackend::query(EventId event) {
  enter(CallKind::query);
  Recorded known;
  {
    const std::lock_guard lock(mutex_);
    known = recorded(event);
    if (event != EventId::none && (holds(known) || Clock::now() < known.due)) return false;
  }
  return inner_->query(known.inner);
}

FaultyBackend::Outlook FaultyBackend::outlook(std::span<const Recorded> events) const {
  const Clock::time_point now = Clock::now();
  Outlook seen{.due = {}, .next_due = Clock::time_point::max()};
  for (const Recorded& each : events) {
    if (holds(each)) continue;
    if (each.due <= now) {
      seen.due.push_back(each.inner);
    } else {
      seen.next_due = std::min(seen.next_due, each.due);
    }
  }
  return seen;
}

bool FaultyBackend::wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) {
  enter(CallKind::wait);
  if (events.empty()) return true;
  const Clock::time_point end = Clock::now() + std::clamp(deadline, {}, longest_wait);
  std::unique_lock lock(mutex_);
  std::vector<Recorded> known;
  for (const EventId event : events) {
    if (event == EventId::none) return true;
    known.push_back(recorded(event));
  }
  for (;;) {
    const auto any_goes = [&] {
      return std::any_of(known.begin(), known.end(), [&](const Recorded& each) { return !holds(each); });
    };
    if (!events_go_.wait_until(lock, end, [&] { return lost_ || any_goes(); })) return false;
    if (lost_) {
      lock.unlock();
      come_to_rest();
      throw DeviceLost("an injected loss of the device, in a wait", {.name = "faulty"});
    }
    const bool last_look = Clock::now() >= end;
    const Outlook seen = outlook(known);
    const Clock::time_point until = std::min(end, seen.next_due);
    if (!seen.due.empty()) {
      const std::chrono::nanoseconds left =
          std::clamp<std::chrono::nanoseconds>(until - Clock::now(), {}, between_looks);
      lock.unlock();
      if (inner_->wait_any(seen.due, left)) return true;
      lock.lock();
    } else if (until - Clock::now() > sleep_slack) {
      events_go_.wait_until(lock, until - sleep_slack);
    } else {
      lock.unlock();
      while (Clock::now() < until) std::this_thread::yield();
      lock.lock();
    }
    if (last_look) return false;
  }
}

void FaultyBackend::stream_wait(StreamId stream, EventId event) {
  enter(CallKind::stream_wait);
  Recorded known;
  {
    const std::lock_guard lock(mutex_);
    known = recorded(event);
  }
  inner_->stream_wait(stream, known.inner);
}

void FaultyBackend::release(EventId event) noexcept {
  EventId inner = EventId::none;
  {
    const std::lock_guard lock(mutex_);
    note(CallKind::release);
    if (event == EventId::none) return;
    const auto found = events_.find(event);
    expect(found != events_.end(), "release: the event does not exist, or was released before");
    if (found == events_.end()) return;
    inner = found->second.inner;
    events_.erase(found);
  }
  inner_->release(inner);
}

}  // namespace weir::device
