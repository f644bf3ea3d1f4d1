// One device's trace through a pool of its own, pass by pass. The pool is used by
// its public doors only, as any program uses it. Called by replay and by the
// search for the tightest memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <weir/device.hpp>
#include <weir/pool.hpp>
#include <weir/statistics.hpp>

#include "device/backend.hpp"
#include "replay/crew.hpp"
#include "replay/options.hpp"
#include "replay/report.hpp"
#include "replay/trace.hpp"
#include "replay/trace_streams.hpp"

namespace weir::replay {

class DeviceReplay {
 public:
  using Tick = std::function<void(std::uint64_t more)>;

  /// Throws what open_device throws, and InvalidArgument for more threads than a crew has, more streams at once than a
  /// pool serves, and for recorded gaps where the trace tells no times.
  DeviceReplay(const DeviceTrace& trace, const ReplayOptions& options);
  ~DeviceReplay();
  DeviceReplay(const DeviceReplay&) = delete;
  DeviceReplay& operator=(const DeviceReplay&) = delete;

  /// The next pass, and at its end the frees of what is still live. Its figures, or nothing where a request was
  /// refused, which refusal() then tells of. `times`, where there is room, gets the host's time of each operation.
  /// Throws what the device throws, Unsupported for more pairs of a thread and a stream than a pool serves, and
  /// Interrupted.
  [[nodiscard]] std::optional<PassFigures> run_pass(std::vector<double>* times = nullptr, const Tick& tick = {});

  [[nodiscard]] Refusal refusal() const;
  /// The blocks that are live now.
  [[nodiscard]] std::vector<Holder> holders() const;
  /// Events done in the pass that was refused.
  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] Statistics statistics() const { return pool_.statistics(); }
  [[nodiscard]] std::uint64_t page_bytes() const { return device_.facts().page_bytes; }
  /// Whether the device lives in a time of its own, so that passes have times.
  [[nodiscard]] bool has_time() const { return time_ != nullptr; }

 private:
  class Meter;

  /// The events [first, last) by the thread that calls; false where one was refused.
  bool run_events(std::size_t first, std::size_t last, std::vector<double>* times);
  bool allocate(const TraceEvent& event, StreamId stream);
  [[nodiscard]] Tag tag_of(std::uint32_t block) const { return tags_[trace_.origins[block].label]; }
  void free_block(std::uint32_t block, StreamId stream);
  void free_live();
  /// One past the last of the events from `first` on that one thread does in one go.
  [[nodiscard]] std::size_t end_of_turn(std::size_t first) const;
  [[nodiscard]] std::size_t member(const TraceEvent& event) const { return merges_ ? 0 : event.thread; }
  [[nodiscard]] std::chrono::nanoseconds gap_before(std::size_t event) const;

  const DeviceTrace& trace_;
  const ReplayOptions& options_;
  const bool merges_;
  Device device_;
  device::SimulatedTime* const time_;  // null on a device in real time
  Pool pool_;
  Crew crew_;
  TraceStreams streams_;   // after the pool: they retire from it
  std::vector<Tag> tags_;  // by label
  std::vector<void*> addresses_;
  std::vector<std::size_t> allocations_;  // the event of each block's
  std::uint32_t passes_ = 0;
  std::uint64_t done_ = 0;  // events of the pass
  std::string why_;
  // Of the pass: what a single operation waited, and the highest that was reserved.
  std::chrono::nanoseconds longest_{0};
  std::uint64_t peak_reserved_ = 0;
  std::uint64_t seen_calls_ = 0;
  double clock_cost_ = 0;  // nanoseconds
};

/// The largest few, largest first.
void keep_largest(std::vector<Holder>& holders);

}  // namespace weir::replay
