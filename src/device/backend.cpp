#include "device/backend.hpp"

#include <algorithm>
#include <atomic>

namespace weir::device {

void Backend::observe(StreamObserver& observer) {
  const std::lock_guard lock(observers_mutex_);
  observers_.push_back(&observer);
}

void Backend::forget(StreamObserver& observer) noexcept {
  const std::lock_guard lock(observers_mutex_);
  observers_.erase(std::remove(observers_.begin(), observers_.end(), &observer), observers_.end());
}

void Backend::announce_end(StreamId stream) noexcept {
  // The lock keeps an observer alive while it is told; observers take only locks of their own.
  const std::lock_guard lock(observers_mutex_);
  for (StreamObserver* observer : observers_) observer->stream_ends(stream);
}

StreamId next_stream_id() noexcept {
  static std::atomic<std::uint32_t> next{2};  // 0 and 1 are the default streams
  return static_cast<StreamId>(next.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace weir::device
