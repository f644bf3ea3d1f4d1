#include "workloads/graph/frames/timeline.hpp"

#include <algorithm>

namespace weir::graph {

void Timeline::step_started(Clock::time_point at) {
  const std::lock_guard lock(mutex_);
  steps_.push_back({at, Clock::time_point::max()});
  computing_ = true;
}

void Timeline::step_ended(Clock::time_point at) {
  const std::lock_guard lock(mutex_);
  if (!computing_) return;
  computing_ = false;
  steps_.back().end = at;
  step_seconds_ += seconds_of(at - steps_.back().start);
  ++step_count_;
  // A download to come begins after the last one, and after its snapshot, which is taken or comes after this step.
  const Clock::time_point first = std::max(last_download_, snapshots_.empty() ? at : snapshots_.front());
  while (!steps_.empty() && steps_.front().end <= first) steps_.pop_front();
}

void Timeline::snapshot_ended(Clock::time_point at) {
  const std::lock_guard lock(mutex_);
  snapshots_.push_back(at);
}

void Timeline::download_ended(Clock::time_point at) {
  const std::lock_guard lock(mutex_);
  if (snapshots_.empty()) return;  // the device was lost before it took one
  const Interval download{std::min(std::max(snapshots_.front(), last_download_), at), at};
  snapshots_.pop_front();
  for (const Interval& step : steps_) {
    const Clock::time_point start = std::max(step.start, download.start), end = std::min(step.end, download.end);
    if (start < end) both_seconds_ += seconds_of(end - start);
  }
  download_seconds_ += seconds_of(download.end - download.start);
  last_download_ = at;
  ++download_count_;
}

double Timeline::overlap() const {
  const std::lock_guard lock(mutex_);
  return download_seconds_ > 0 ? std::min(both_seconds_ / download_seconds_, 1.0) : 0.0;
}
double Timeline::step_seconds() const {
  const std::lock_guard lock(mutex_);
  return step_seconds_;
}
double Timeline::download_seconds() const {
  const std::lock_guard lock(mutex_);
  return download_seconds_;
}
std::uint64_t Timeline::steps() const {
  const std::lock_guard lock(mutex_);
  return step_count_;
}
std::uint64_t Timeline::downloads() const {
  const std::lock_guard lock(mutex_);
  return download_count_;
}

void queue_stamp(Device& device, StreamId stream, const std::shared_ptr<Timeline>& timeline,
                 void (Timeline::*stamp)(Timeline::Clock::time_point)) {
  device.run(stream, [timeline, stamp] { (timeline.get()->*stamp)(Timeline::Clock::now()); });
}

}  // namespace weir::graph
