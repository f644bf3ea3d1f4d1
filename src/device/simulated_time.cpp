#include "device/simulated_time.hpp"

#include <algorithm>
#include <thread>

namespace weir::device {
namespace {

using std::chrono::nanoseconds;

// Shorter waits are spun out to the end, longer ones slept up to so much before it: a sleep under Linux comes back 50
// to 100 us late, where other programs leave it a core.
constexpr nanoseconds spun = std::chrono::microseconds(200);
// One sleep at most, so that the system's own sums of time cannot overflow.
constexpr nanoseconds longest_sleep = std::chrono::hours(1);

nanoseconds at_least_none(nanoseconds time) noexcept { return std::max(time, nanoseconds::zero()); }

void add(std::atomic<std::int64_t>& sum, nanoseconds time) noexcept {
  std::int64_t before = sum.load(std::memory_order_relaxed);
  while (!sum.compare_exchange_weak(before, later(nanoseconds(before), time).count(), std::memory_order_acq_rel,
                                    std::memory_order_relaxed)) {
  }
}

void sit_out_until(nanoseconds end) noexcept {
  for (;;) {
    const nanoseconds left = end - Clock::system().now();
    if (left <= nanoseconds::zero()) return;
    if (left > spun) {
      std::this_thread::sleep_for(std::min(left - spun, longest_sleep));
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace

nanoseconds later(nanoseconds moment, nanoseconds time) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(moment.count(), at_least_none(time).count(), &sum)) return nanoseconds(sum);
  return nanoseconds::max();
}

nanoseconds SimulatedTime::now() const noexcept {
  if (kind_ == Kind::real) return Clock::system().now();
  return nanoseconds(now_.load(std::memory_order_acquire));
}

void SimulatedTime::pass(nanoseconds time) noexcept {
  if (time <= nanoseconds::zero()) return;
  if (kind_ == Kind::real) {
    sit_out_until(later(now(), time));
  } else {
    add(now_, time);
  }
}

void SimulatedTime::spend(nanoseconds time) noexcept {
  if (time <= nanoseconds::zero()) return;
  add(in_driver_, time);
  pass(time);
}

bool SimulatedTime::wait_until(nanoseconds moment, nanoseconds deadline) noexcept {
  const nanoseconds start = now();
  if (moment <= start) return true;
  const nanoseconds end = std::min(moment, later(start, deadline));
  add(waited_, end - start);
  if (kind_ == Kind::real) {
    sit_out_until(end);
  } else {
    // Other threads may have brought the time further meanwhile; it never goes back.
    std::int64_t reached = start.count();
    while (reached < end.count() &&
           !now_.compare_exchange_weak(reached, end.count(), std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
  }
  return end == moment;
}

nanoseconds SimulatedTime::in_driver() const noexcept {
  return nanoseconds(in_driver_.load(std::memory_order_relaxed));
}

nanoseconds SimulatedTime::waited() const noexcept { return nanoseconds(waited_.load(std::memory_order_relaxed)); }

}  // namespace weir::device
