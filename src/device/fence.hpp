// The events that must be done before some memory is freed, moved or written again: who
// may still use it, and until when. The one answer to that question, for freed blocks,
// for staging memory, and for buffers that move.
//
// An event that the driver refused to record, or that a captured stream cannot have, is
// recorded later, which waits for more but never for less. For one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "core/deadline.hpp"
#include "device/event.hpp"

namespace weir::device {

class Fence {
 public:
  /// All work queued on `stream` so far. Returns its event; null if there is none yet, and then `why` says what the
  /// driver said. Nothing for a stream that was destroyed: its work is done.
  SharedEvent add(const std::shared_ptr<Backend>& backend, StreamId stream, std::string* why = nullptr);
  /// An event that was recorded already.
  void add(SharedEvent event) {
    if (event) events_.push_back(std::move(event));
  }
  /// What another waits for.
  void add(Fence other);

  [[nodiscard]] bool empty() const noexcept { return events_.empty() && later_.empty(); }
  /// Whether all events are done, without waiting; what is done is not asked again. On a lost device nothing runs any
  /// more: all its events are done.
  [[nodiscard]] bool done() noexcept;
  /// Blocks the host until all is done; false when the deadline passed first, or a stream is being captured. Throws
  /// what the driver throws, but for a lost device; what was done by then is not waited for again.
  [[nodiscard]] bool await(const core::Deadline& deadline);
  /// Work queued on `stream` from now on starts after all of it. Throws what the driver throws, and Unsupported where a
  /// stream that uses the memory is being captured.
  void hold_back(StreamId stream);
  /// Adds the events that were not done when they were last asked, for a wait for one of several.
  void collect(std::vector<SharedEvent>& unfinished) const {
    unfinished.insert(unfinished.end(), events_.begin(), events_.end());
  }

 private:
  struct Later {
    std::shared_ptr<Backend> backend;
    StreamId stream;
  };
  /// Whether there is an event for everything now.
  [[nodiscard]] bool record_rest();

  std::vector<SharedEvent> events_;
  std::vector<Later> later_;
};

/// Blocks the host until one of the events, or more, is done; false when the deadline passed first, or there is none.
[[nodiscard]] bool await_any(Backend& backend, const std::vector<SharedEvent>& events, const core::Deadline& deadline);

}  // namespace weir::device
