// The points in streams that must be past before a piece of memory may be freed or
// written again. A point that the driver refused to record is recorded later,
// which waits for more but never for less.
#pragma once

#include <memory>
#include <vector>

#include <weir/errors.hpp>

#include "device/event.hpp"

namespace weir::detail {

using SharedEvent = std::shared_ptr<const device::Event>;

class InFlight {
 public:
  /// All work queued on `stream` so far. Gives its point, empty if the driver refused to record it.
  SharedEvent add(const std::shared_ptr<device::Backend>& backend, StreamId stream) {
    try {
      // Another thread's own default stream is another one.
      if (stream == StreamId::per_thread_default) stream = backend->resolve(stream);
      return events_.emplace_back(std::make_shared<const device::Event>(backend, stream));
    } catch (const Error&) {
      unrecorded_.push_back(stream);
      return nullptr;
    }
  }
  /// What another waits for.
  void add(InFlight other) {
    events_.insert(events_.end(), other.events_.begin(), other.events_.end());
    unrecorded_.insert(unrecorded_.end(), other.unrecorded_.begin(), other.unrecorded_.end());
  }

  [[nodiscard]] bool past(const std::shared_ptr<device::Backend>& backend) noexcept {
    try {
      record(backend);
      std::erase_if(events_, [](const SharedEvent& event) { return event->done(); });
      return events_.empty();
    } catch (const DeviceLost&) {
      return true;  // nothing runs there any more
    } catch (...) {
      return false;
    }
  }

 private:
  void record(const std::shared_ptr<device::Backend>& backend) {
    for (; !unrecorded_.empty(); unrecorded_.pop_back()) {
      try {
        events_.push_back(std::make_shared<const device::Event>(backend, unrecorded_.back()));
      } catch (const InvalidArgument&) {  // NOLINT(bugprone-empty-catch): it was destroyed, its work finished first
      }
    }
  }

  std::vector<SharedEvent> events_;
  std::vector<StreamId> unrecorded_;
};

}  // namespace weir::detail
