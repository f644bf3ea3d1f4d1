// An event in a stream, owned: given back to the driver with its last user, but left
// as it is in a child of fork(), where asking for it throws. Shared by the transfers.
// Not for the pool's hot path.
#pragma once

#include <memory>
#include <utility>

#include "core/deadline.hpp"
#include "device/backend.hpp"

namespace weir::device {

/// Blocks the host until the event is done; false when the deadline passed first. A deadline that has passed
/// already makes it a look.
[[nodiscard]] inline bool wait_for(Backend& backend, EventId event, const core::Deadline& deadline) {
  const std::chrono::nanoseconds left = deadline.left();
  return left.count() == 0 ? backend.query(event) : backend.wait(event, left);
}

class Event {
 public:
  /// One that is done.
  Event() = default;
  /// All work queued on `stream` so far.
  Event(std::shared_ptr<Backend> backend, StreamId stream) : backend_(std::move(backend)) {
    backend_->require_own_process();
    id_ = backend_->record(stream);
  }
  Event(Event&& other) noexcept : backend_(std::move(other.backend_)), id_(std::exchange(other.id_, EventId::none)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(backend_, other.backend_);
    std::swap(id_, other.id_);
    return *this;
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (backend_ && backend_->in_own_process()) backend_->release(id_);
  }

  /// For waits for one of several; none for one that is known to be done.
  [[nodiscard]] EventId id() const noexcept { return id_; }
  [[nodiscard]] bool done() const {
    if (!backend_) return true;
    backend_->require_own_process();
    return backend_->query(id_);
  }
  /// As wait_for.
  [[nodiscard]] bool wait(const core::Deadline& deadline) const {
    if (!backend_) return true;
    backend_->require_own_process();
    return wait_for(*backend_, id_, deadline);
  }
  /// Work queued on `stream` from now on starts after it.
  void hold_back(StreamId stream) const {
    if (backend_) backend_->stream_wait(stream, id_);
  }

 private:
  std::shared_ptr<Backend> backend_;
  EventId id_ = EventId::none;
};

/// An event that several wait for; null is done.
using SharedEvent = std::shared_ptr<const Event>;

}  // namespace weir::device
