// Streams of the host device: each one with work has a thread that runs it in
// order. An event is a value, (stream, position): done when the stream has
// completed that many items. Invariant: completed ≤ submitted, both only grow.
// Called by HostBackend; thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>

#include "device/backend.hpp"

namespace weir::backend::host {

class HostStreams {
 public:
  HostStreams();
  /// Runs all queued work to its end.
  ~HostStreams() = default;
  HostStreams(const HostStreams&) = delete;
  HostStreams& operator=(const HostStreams&) = delete;

  StreamId create();
  void destroy(StreamId stream) noexcept;
  /// Throws InvalidArgument for a stream that is not there.
  StreamId resolve(StreamId stream);

  void run(StreamId stream, std::function<void()> work);
  device::EventId record(StreamId stream);
  bool query(device::EventId event);
  bool wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline);
  bool wait(device::EventId event, std::chrono::nanoseconds deadline) { return wait_any({&event, 1}, deadline); }
  void stream_wait(StreamId stream, device::EventId event);

 private:
  class Watch;
  class Worker;
  StreamId per_thread();
  std::shared_ptr<Worker> find(StreamId stream);
  std::shared_ptr<Worker> find_or_null(StreamId stream);

  std::mutex mutex_;
  std::map<StreamId, std::shared_ptr<Worker>> workers_;
};

}  // namespace weir::backend::host
