// The dry device's streams and events, in its time. A stream is the moment when its
// queued work ends, an event the moment when it is done: both are known when they are
// made, so that a wait goes straight there. Thread-safe. Used by DryBackend alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>

#include <weir/stream.hpp>

#include "backend/dry/dry_memory.hpp"
#include "device/backend.hpp"
#include "device/simulated_time.hpp"

namespace weir::backend::dry {

class DryStreams {
 public:
  using Time = std::chrono::nanoseconds;

  /// An event is done `lateness` after its record and its stream's earlier work. `time` and `fault` outlive it.
  DryStreams(device::SimulatedTime& time, Time lateness, FirstFault& fault)
      : time_(time), lateness_(lateness), fault_(fault) {}

  [[nodiscard]] StreamId resolve(StreamId stream) const;
  [[nodiscard]] StreamId create();
  /// Waits for the stream's work.
  void destroy(StreamId stream) noexcept;
  /// Work that takes so long, after what is queued.
  void keep_busy(StreamId stream, Time time);

  [[nodiscard]] device::EventId record(StreamId stream);
  [[nodiscard]] bool done(device::EventId event) const;
  [[nodiscard]] bool wait_any(std::span<const device::EventId> events, Time deadline);
  void stream_wait(StreamId stream, device::EventId event);
  void release(device::EventId event) noexcept;
  [[nodiscard]] std::size_t events() const;

 private:
  /// The moment when the stream's work ends; throws for a stream that does not exist.
  [[nodiscard]] Time& end_of(StreamId stream);
  /// The moment when the event is done.
  [[nodiscard]] Time moment_of(device::EventId event) const;

  device::SimulatedTime& time_;
  const Time lateness_;
  FirstFault& fault_;
  mutable std::mutex mutex_;
  std::unordered_map<StreamId, Time> streams_{{StreamId::legacy_default, {}}, {StreamId::per_thread_default, {}}};
  std::uint64_t last_event_ = 0;
  std::unordered_map<device::EventId, Time> events_;
};

}  // namespace weir::backend::dry
