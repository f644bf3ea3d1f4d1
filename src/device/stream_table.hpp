// The streams of a backend by id. A `State` has close(), after which it takes no more work, over(), whether it is
// closed and finish() would not wait, and finish(), which closes it and waits for its work. Invariant: a stream is
// known until its work is done, since its events must not look done before. Thread-safe; no stream is called under the
// lock. Called by the host and Vulkan.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/elsewhere.hpp"
#include "device/backend.hpp"

namespace weir::device {

template <class State>
class StreamTable {
 public:
  using Shared = std::shared_ptr<State>;

  void add(StreamId id, Shared stream) {
    const std::lock_guard lock(mutex_);
    streams_.emplace(id, std::move(stream));
  }
  [[nodiscard]] Shared find_or_null(StreamId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second;
  }
  /// Throws InvalidArgument for a stream that is not there.
  [[nodiscard]] Shared find(StreamId id) const {
    if (Shared stream = find_or_null(id)) return stream;
    refuse_stream(id);
  }

  void destroy(StreamId id) noexcept {
    const Shared last = find_or_null(id);
    if (!last) return;
    last->finish();
    const std::lock_guard lock(mutex_);
    streams_.erase(id);
  }
  /// The same, but does not wait: the stream takes no more work, and is there until what it has is done.
  void end_after_work(StreamId id) noexcept {
    const Shared last = find_or_null(id);
    if (!last) return;
    last->close();
    {
      const std::lock_guard lock(mutex_);
      ending_.push_back(id);
    }
    // Two threads of streams that end would join each other: what they leave goes at another's next call.
    if (!core::in_queued_work()) drop_ended();
  }
  /// Destroys those whose end was waited for and has come.
  void drop_ended() noexcept {
    std::vector<StreamId> ending;
    {
      const std::lock_guard lock(mutex_);
      ending = ending_;
    }
    for (const StreamId id : ending) {
      const Shared stream = find_or_null(id);
      if (stream && !stream->over()) continue;
      {
        const std::lock_guard lock(mutex_);
        if (std::erase(ending_, id) == 0) continue;  // another thread was quicker
      }
      destroy(id);
    }
  }
  /// Each to its end before any goes: one may be the last to keep another. Nobody else calls any more.
  void destroy_all() noexcept {
    for (const auto& [id, stream] : streams_) stream->finish();
    streams_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::map<StreamId, Shared> streams_;
  std::vector<StreamId> ending_;  // by end_after_work(), not known to be done
};

}  // namespace weir::device
