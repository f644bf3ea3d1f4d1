// Streams of the host device: each one with work has a thread that runs it in
// order. An event is a value, (stream, position): done when the stream has
// completed that many items. Invariant: completed ≤ submitted, both only grow.
// What a user queued is called and destroyed on the stream's thread, before it counts as
// completed, under no lock. Called by HostBackend; thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <span>

#include "device/stream_table.hpp"

namespace weir::backend::host {

class HostStreams {
 public:
  HostStreams();
  /// Runs all queued work to its end.
  ~HostStreams();
  HostStreams(const HostStreams&) = delete;
  HostStreams& operator=(const HostStreams&) = delete;

  StreamId create();
  void destroy(StreamId stream) noexcept;
  /// The same, but does not wait: the stream takes no more work, and is there until what it has is done.
  void end_after_work(StreamId stream) noexcept;
  /// Throws InvalidArgument for a stream that is not there.
  StreamId resolve(StreamId stream);

  /// Throws DriverError where the stream needs a thread and the system makes none; then nothing was queued.
  void run(StreamId stream, std::function<void()> work);
  device::EventId record(StreamId stream);
  bool query(device::EventId event);
  bool wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline);
  bool wait(device::EventId event, std::chrono::nanoseconds deadline) { return wait_any({&event, 1}, deadline); }
  void stream_wait(StreamId stream, device::EventId event);

 private:
  class Watch;
  class Worker;
  device::StreamTable<Worker> workers_;
};

}  // namespace weir::backend::host
