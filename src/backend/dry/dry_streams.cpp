#include "backend/dry/dry_streams.hpp"

#include <algorithm>
#include <stdexcept>

namespace weir::backend::dry {

using device::EventId;
using device::later;

StreamId DryStreams::resolve(StreamId stream) const {
  const std::lock_guard lock(mutex_);
  if (!streams_.contains(stream)) device::refuse_stream(stream);
  return stream;
}

StreamId DryStreams::create() {
  const StreamId stream = device::next_stream_id();
  const std::lock_guard lock(mutex_);
  streams_.emplace(stream, Time{0});
  return stream;
}

void DryStreams::destroy(StreamId stream) noexcept {
  if (stream <= StreamId::per_thread_default) return;
  Time end{0};
  {
    const std::lock_guard lock(mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    end = found->second;
    streams_.erase(found);
  }
  static_cast<void>(time_.wait_until(end, Time::max()));
}

DryStreams::Time& DryStreams::end_of(StreamId stream) {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) device::refuse_stream(stream);
  return found->second;
}

void DryStreams::keep_busy(StreamId stream, Time time) {
  const std::lock_guard lock(mutex_);
  Time& end = end_of(stream);
  end = later(std::max(end, time_.now()), time);
}

EventId DryStreams::record(StreamId stream) {
  const std::lock_guard lock(mutex_);
  const Time done = later(std::max(end_of(stream), time_.now()), lateness_);
  const auto event = static_cast<EventId>(++last_event_);
  events_.emplace(event, done);
  return event;
}

DryStreams::Time DryStreams::moment_of(EventId event) const {
  if (event == EventId::none) return Time::min();
  if (const auto found = events_.find(event); found != events_.end()) return found->second;
  throw std::logic_error("dry device: an event is used that was never recorded, or was released");
}

bool DryStreams::done(EventId event) const {
  const std::lock_guard lock(mutex_);
  return moment_of(event) <= time_.now();
}

bool DryStreams::wait_any(std::span<const EventId> events, Time deadline) {
  Time first = Time::max();
  {
    const std::lock_guard lock(mutex_);
    for (const EventId event : events) first = std::min(first, moment_of(event));
  }
  return events.empty() || time_.wait_until(first, deadline);
}

void DryStreams::stream_wait(StreamId stream, EventId event) {
  const std::lock_guard lock(mutex_);
  Time& end = end_of(stream);
  end = std::max(end, moment_of(event));
}

void DryStreams::release(EventId event) noexcept {
  if (event == EventId::none) return;
  const std::lock_guard lock(mutex_);
  const bool known = events_.erase(event) == 1;
  fault_.holds(known, "an event is released that was never recorded, or was released before");
}

std::size_t DryStreams::events() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

}  // namespace weir::backend::dry
