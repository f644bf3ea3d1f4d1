// Streams whose operations take longer: behind each one a host function in the stream holds it up by a multiple of the
// time that it took there, so that whatever waits for the stream, on the host or on the device, sees it late. Two host
// functions an operation stamp its begin and hold its end; they go onto the backend below, where no hook counts them.
// Thread-safe. Used by the injecting backend.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "device/backend.hpp"
#include "faults/call.hpp"

namespace weir::faults {

class SlowStreams {
 public:
  /// Operations of `stream` from the next one on take `factor` times as long.
  void add(StreamId stream, double factor);
  void remove(StreamId stream) noexcept;

  /// For before a call in the order of `stream`: ends the operation before it and begins that of the call, if it is
  /// one. Costs a load while no stream is slow. Streams under capture are left alone: what is captured runs later.
  /// Throws what Backend::run throws.
  void before(device::Backend& inner, CallKind kind, StreamId stream);

 private:
  using Clock = std::chrono::steady_clock;
  struct Operation {
    std::atomic<Clock::time_point> started{};
  };
  struct Slow {
    double factor = 1;
    std::shared_ptr<Operation> open;  ///< the last one, whose end is not held yet
  };

  std::atomic<bool> any_ = false;
  std::mutex mutex_;
  std::map<StreamId, Slow> slow_;
};

}  // namespace weir::faults
