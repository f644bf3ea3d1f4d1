// When steps computed and when frames were downloaded, and what share of the downloads' time had a step computing too.
// Steps are stamped by host functions in the order of their stream, on every kind of device: before the first kernel,
// after the last, and behind the snapshot. A download begins when its snapshot is taken and the download before it has
// ended, as both are on one stream of the manager's; its end is stamped by a thread that does nothing but wait for it.
// Thread-safe. Used by runs and the bench.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include <weir/weir.hpp>

namespace weir::graph {

class Timeline {
 public:
  using Clock = std::chrono::steady_clock;

  // Each in the order of time.
  void step_started(Clock::time_point at);
  void step_ended(Clock::time_point at);
  /// Stamped behind the snapshot of the first part of a frame, and before that of its last: so it has come when the
  /// frame's download has ended.
  void snapshot_ended(Clock::time_point at);
  /// That of the oldest frame whose download has not ended.
  void download_ended(Clock::time_point at);

  /// From 0 to 1; 0 where nothing was downloaded.
  [[nodiscard]] double overlap() const;
  [[nodiscard]] double step_seconds() const;
  [[nodiscard]] double download_seconds() const;
  [[nodiscard]] std::uint64_t steps() const;
  [[nodiscard]] std::uint64_t downloads() const;

 private:
  struct Interval {
    Clock::time_point start, end;
  };
  [[nodiscard]] static double seconds_of(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

  mutable std::mutex mutex_;
  std::deque<Interval> steps_;  // that may overlap a download to come; the last is open where one computes
  bool computing_ = false;
  std::deque<Clock::time_point> snapshots_;  // of frames whose download has not ended
  Clock::time_point last_download_{};
  double step_seconds_ = 0, download_seconds_ = 0, both_seconds_ = 0;
  std::uint64_t step_count_ = 0, download_count_ = 0;
};

/// Calls one of the timeline's functions with the time at which `stream` gets there. What is queued shares the
/// timeline.
void queue_stamp(Device& device, StreamId stream, const std::shared_ptr<Timeline>& timeline,
                 void (Timeline::*stamp)(Timeline::Clock::time_point));

}  // namespace weir::graph
