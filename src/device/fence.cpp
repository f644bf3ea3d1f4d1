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
      events_.push_back(std::make_shared<const Event>(backend, stream));
      return events_.back();
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
  events_.insert(events_.end(), other.events_.begin(), other.events_.end());
  later_.insert(later_.end(), other.later_.begin(), other.later_.end());
}

bool Fence::record_rest() {
  drop_if(later_, [&](const Later& each) {
    if (each.backend->capturing(each.stream)) return false;
    try {
      events_.push_back(std::make_shared<const Event>(each.backend, each.stream));
    } catch (const InvalidArgument&) {  // NOLINT(bugprone-empty-catch): it was destroyed, its work finished first
    } catch (const DeviceLost&) {       // NOLINT(bugprone-empty-catch): nothing runs there any more
    }
    return true;
  });
  return later_.empty();
}

// Events of several devices may be in one fence, so that a device that is lost ends its own events alone.
bool Fence::done() noexcept {
  try {
    const bool all = record_rest();
    drop_if(events_, [](const SharedEvent& event) {
      try {
        return event->done();
      } catch (const DeviceLost&) {
        return true;
      }
    });
    return all && events_.empty();
  } catch (...) {
    return false;
  }
}

bool Fence::await(const core::Deadline& deadline) {
  if (!record_rest()) return false;
  while (!events_.empty()) {
    try {
      if (!events_.back()->wait(deadline)) return false;
    } catch (const DeviceLost&) {  // NOLINT(bugprone-empty-catch): its work runs no more
    }
    events_.pop_back();
  }
  return true;
}

void Fence::hold_back(StreamId stream) {
  if (!record_rest()) {
    throw Unsupported("the memory is used by a stream that is being captured; end the capture first",
                      {.name = "stream"});
  }
  for (const SharedEvent& event : events_) event->hold_back(stream);
}

bool await_any(Backend& backend, const std::vector<SharedEvent>& events, const core::Deadline& deadline) {
  if (events.empty()) return false;
  std::vector<EventId> ids;
  ids.reserve(events.size());
  for (const SharedEvent& event : events) ids.push_back(event->id());
  return backend.wait_any(ids, deadline.left());
}

}  // namespace weir::device
