#include "faults/late_events.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "core/deadline.hpp"

namespace weir::faults {
namespace {

// A thread that sleeps comes back so much too late; what is nearer is waited for awake.
constexpr std::chrono::microseconds sleep_slack{100};

}  // namespace

void sleep_until(std::chrono::steady_clock::time_point end) {
  if (end - std::chrono::steady_clock::now() > sleep_slack) std::this_thread::sleep_until(end - sleep_slack);
  while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

void LateEvents::delay(std::chrono::nanoseconds delay) {
  const std::lock_guard lock(mutex_);
  delay_ = delay;
}

void LateEvents::hold(Holding which) {
  const std::lock_guard lock(mutex_);
  holding_ = true;
  held_ = std::move(which);
}

void LateEvents::let_go() {
  {
    const std::lock_guard lock(mutex_);
    holding_ = false;
  }
  changed_.notify_all();
}

void LateEvents::set_lost(bool lost) {
  {
    const std::lock_guard lock(mutex_);
    lost_ = lost;
  }
  changed_.notify_all();
}

auto LateEvents::add(EventId inner, StreamId stream) -> EventId {
  const std::lock_guard lock(mutex_);
  const auto event = static_cast<EventId>(++last_event_);
  events_.emplace(event, Added{inner, Clock::now() + delay_, stream});
  return event;
}

auto LateEvents::remove(EventId event) noexcept -> EventId {
  const std::lock_guard lock(mutex_);
  const auto found = events_.find(event);
  if (found == events_.end()) return EventId::none;
  const EventId inner = found->second.inner;
  events_.erase(found);
  return inner;
}

auto LateEvents::inner_of(EventId event) const noexcept -> EventId {
  const std::lock_guard lock(mutex_);
  const auto found = events_.find(event);
  return found == events_.end() ? EventId::none : found->second.inner;
}

bool LateEvents::knows(EventId event) const noexcept {
  const std::lock_guard lock(mutex_);
  return event == EventId::none || events_.contains(event);
}

std::size_t LateEvents::count() const noexcept {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

bool LateEvents::query(device::Backend& inner, EventId event) {
  EventId known = EventId::none;
  {
    const std::lock_guard lock(mutex_);
    const auto found = events_.find(event);
    if (found == events_.end()) return true;
    if (is_held(found->second) || (Clock::now() < found->second.due && !lost_)) return false;
    known = found->second.inner;
  }
  return inner.query(known);
}

auto LateEvents::outlook(std::span<const Added> events) const -> Outlook {
  const Clock::time_point now = Clock::now();
  Outlook seen{.due = {}, .next_due = Clock::time_point::max()};
  for (const Added& each : events) {
    if (is_held(each)) continue;
    if (each.due <= now) {
      seen.due.push_back(each.inner);
    } else {
      seen.next_due = std::min(seen.next_due, each.due);
    }
  }
  return seen;
}

bool LateEvents::wait_any(device::Backend& inner, std::span<const EventId> events, std::chrono::nanoseconds deadline) {
  if (events.empty()) return true;
  const Clock::time_point end = Clock::now() + std::clamp<std::chrono::nanoseconds>(deadline, {}, core::longest_wait);
  std::unique_lock lock(mutex_);
  std::vector<Added> known;
  for (const EventId event : events) {
    const auto found = events_.find(event);
    if (found == events_.end()) return true;
    known.push_back(found->second);
  }
  for (;;) {
    const auto any_goes = [&] {
      return lost_ || std::any_of(known.begin(), known.end(), [&](const Added& each) { return !is_held(each); });
    };
    if (!changed_.wait_until(lock, end, any_goes)) return false;
    if (lost_) return true;
    const bool last_look = Clock::now() >= end;
    const Outlook seen = outlook(known);
    const Clock::time_point until = std::min(end, seen.next_due);
    if (!seen.due.empty()) {
      const std::chrono::nanoseconds left = std::max<std::chrono::nanoseconds>(until - Clock::now(), {});
      lock.unlock();
      if (inner.wait_any(seen.due, left)) return true;
      lock.lock();
    } else if (until - Clock::now() > sleep_slack) {
      changed_.wait_until(lock, until - sleep_slack);
    } else {
      lock.unlock();
      sleep_until(until);
      lock.lock();
    }
    if (last_look) return false;
  }
}

}  // namespace weir::faults
