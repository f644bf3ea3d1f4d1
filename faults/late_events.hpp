// Events that are done later than the device's: so much after their record at the earliest, or not before a test lets
// them go. Each stands for one of the backend below, under a number that is never used twice. A stream that waits for
// one waits for the device's own. Thread-safe. Used by the injecting backend.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "device/backend.hpp"

namespace weir::faults {

class LateEvents {
 public:
  using EventId = device::EventId;
  /// Which streams' events are held; called under the lock of this object.
  using Holding = std::function<bool(StreamId stream)>;

  /// Events added from now on are done so much later than that at the earliest, in real time.
  void delay(std::chrono::nanoseconds delay);
  /// While held, no event is done, or none of the streams that `which` is true of: query is false, wait runs into its
  /// deadline.
  void hold(Holding which);
  void let_go();
  /// While the device is lost, waits end at once and say that all is done: their caller throws.
  void set_lost(bool lost);

  /// A name for an event of the backend below that was recorded just now.
  [[nodiscard]] EventId add(EventId inner, StreamId stream);
  /// The event below, which is the caller's to release; none for one that is not there.
  [[nodiscard]] EventId remove(EventId event) noexcept;
  [[nodiscard]] EventId inner_of(EventId event) const noexcept;
  /// Whether it was added and not removed; `none` counts as known.
  [[nodiscard]] bool knows(EventId event) const noexcept;
  [[nodiscard]] std::size_t count() const noexcept;

  /// As the backend's functions of these names; an event that is not there is done.
  [[nodiscard]] bool query(device::Backend& inner, EventId event);
  [[nodiscard]] bool wait_any(device::Backend& inner, std::span<const EventId> events,
                              std::chrono::nanoseconds deadline);

 private:
  using Clock = std::chrono::steady_clock;
  struct Added {
    EventId inner = EventId::none;  ///< what the inner backend knows it by
    Clock::time_point due;          ///< not done before
    StreamId stream{};
  };
  /// What those who wait for several events can do now.
  struct Outlook {
    std::vector<EventId> due;      ///< inner events that may be done
    Clock::time_point next_due{};  ///< when there is one more; the greatest time for none
  };

  [[nodiscard]] bool is_held(const Added& event) const { return holding_ && !lost_ && (!held_ || held_(event.stream)); }
  [[nodiscard]] Outlook outlook(std::span<const Added> events) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unordered_map<EventId, Added> events_;
  std::uint64_t last_event_ = 0;
  std::chrono::nanoseconds delay_{0};
  bool holding_ = false;
  bool lost_ = false;
  Holding held_;  // empty for all
};

/// Sleeps until then, and no longer: the last part of it awake.
void sleep_until(std::chrono::steady_clock::time_point end);

}  // namespace weir::faults
