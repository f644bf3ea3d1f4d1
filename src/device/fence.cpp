#include "device/fence.hpp"

#include <utility>

#include <weir/errors.hpp>

namespace weir::device {

namespace {

/// Drops what is `gone`, which may throw: then the rest stays as it is.
template <class Value, class Gone>
void drop_if(std::vector<Value>& values, Gone gone) {
  for (std::size_t i = 0; i < values.size();) {
    if (!gone(values[i])) {
      ++i;
      continue;
    }
    std::swap(values[i], values.back());
    values.pop_back();
  }
}

}  // namespace

SharedEvent Fence::add(const std::shared_ptr<Backend>& backend, StreamId stream, std::string* why) {
  try {
    // Another thread's own default stream is another one.
    if (stream == StreamId::per_thread_default) stream = backend->resolve(stream);
    if (!backend->capturing(stream)) {
      points_.push_back(std::make_shared<const Event>(backend, stream));
      return points_.back();
    }
  } catch (const InvalidArgument&) {
    return nullptr;  // it was destroyed, its work finished first
  } catch (const Error& error) {
    if (why != nullptr) *why = error.message();
  }
  later_.push_back({backend, stream});
  return nullptr;
}

void Fence::add(Fence other) {
  points_.insert(points_.end(), other.points_.begin(), other.points_.end());
  later_.insert(later_.end(), other.later_.begin(), other.later_.end());
}

bool Fence::record_rest() {
  drop_if(later_, [&](const Later& each) {
    if (each.backend->capturing(each.stream)) return false;
    try {
      points_.push_back(std::make_shared<const Event>(each.backend, each.stream));
    } catch (const InvalidArgument&) {  // NOLINT(bugprone-empty-catch): it was destroyed, its work finished first
    } catch (const DeviceLost&) {       // NOLINT(bugprone-empty-catch): nothing runs there any more
    }
    return true;
  });
  return later_.empty();
}

// Points of several devices may be in one fence, so that a device that is lost ends its own points alone.
bool Fence::past() noexcept {
  try {
    const bool all = record_rest();
    drop_if(points_, [](const SharedEvent& point) {
      try {
        return point->done();
      } catch (const DeviceLost&) {
        return true;
      }
    });
    return all && points_.empty();
  } catch (...) {
    return false;
  }
}

bool Fence::await(const core::Deadline& deadline) {
  if (!record_rest()) return false;
  while (!points_.empty()) {
    try {
      if (!points_.back()->wait(deadline)) return false;
    } catch (const DeviceLost&) {  // NOLINT(bugprone-empty-catch): its work runs no more
    }
    points_.pop_back();
  }
  return true;
}

void Fence::hold_back(StreamId stream) {
  if (!record_rest()) {
    throw Unsupported("the memory is used by a stream that is being captured; end the capture first",
                      {.name = "stream"});
  }
  for (const SharedEvent& point : points_) point->hold_back(stream);
}

bool await_any(Backend& backend, const std::vector<SharedEvent>& points, const core::Deadline& deadline) {
  if (points.empty()) return false;
  std::vector<EventId> events;
  events.reserve(points.size());
  for (const SharedEvent& point : points) events.push_back(point->id());
  return backend.wait_any(events, deadline.left());
}

}  // namespace weir::device
