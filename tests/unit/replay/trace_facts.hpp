// What a trace promises and what tests want to know of one: the oracle of the
// reader tests and of the fuzzers, written without the readers' own builder.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "replay/trace.hpp"

namespace weir::replay::testing {

struct TraceFacts {
  std::size_t allocations = 0;
  std::size_t frees = 0;
  std::uint64_t peak_live = 0;
  std::uint64_t live_at_end = 0;
  std::string broken;  ///< the first broken promise, or empty
};

class TraceOracle {
 public:
  explicit TraceOracle(const DeviceTrace& trace) : trace_(trace), states_(trace.block_bytes.size()) {}

  TraceFacts check() && {
    for (const TraceEvent& event : trace_.events) {
      facts_.broken = apply(event);
      if (!facts_.broken.empty()) return facts_;
    }
    if (facts_.allocations != states_.size()) facts_.broken = "a block is never allocated";
    if (trace_.origins.size() != states_.size()) facts_.broken = "a block has no origin";
    for (const BlockOrigin& origin : trace_.origins) {
      if (origin.label >= trace_.labels.size()) facts_.broken = "an origin names a label beyond labels";
    }
    if (trace_.stream_keys.size() != trace_.streams) facts_.broken = "a stream has no key";
    if (streams_ != trace_.streams) facts_.broken = "streams is not the number of streams";
    if (threads_ != trace_.threads) facts_.broken = "threads is not the number of threads";
    if (!trace_.times.empty() && trace_.times.size() != trace_.events.size()) facts_.broken = "an event has no time";
    if (!std::is_sorted(trace_.times.begin(), trace_.times.end())) facts_.broken = "times fall";
    if (facts_.peak_live > std::uint64_t{1} << 60) facts_.broken = "more than 1 EiB is live";
    return facts_;
  }

 private:
  enum class State : std::uint8_t { unborn, live, freed };

  std::string apply(const TraceEvent& event) {
    if (event.block >= states_.size()) return "an event names a block beyond block_bytes";
    if (event.stream > streams_) return "streams are not numbered by first appearance";
    streams_ = std::max(streams_, event.stream + 1);
    threads_ = std::max(threads_, event.thread + std::uint32_t{1});
    State& state = states_[event.block];
    const std::uint64_t bytes = trace_.block_bytes[event.block];
    if (event.kind == TraceEvent::Kind::allocate) {
      if (state != State::unborn) return "a block is allocated twice";
      state = State::live;
      ++facts_.allocations;
      facts_.live_at_end += bytes;
      facts_.peak_live = std::max(facts_.peak_live, facts_.live_at_end);
    } else {
      if (state != State::live) return "a block is freed that is not live";
      state = State::freed;
      ++facts_.frees;
      facts_.live_at_end -= bytes;
    }
    return {};
  }

  const DeviceTrace& trace_;
  std::vector<State> states_;
  std::uint32_t streams_ = 0;
  std::uint32_t threads_ = 1;
  TraceFacts facts_;
};

inline TraceFacts facts_of(const DeviceTrace& trace) { return TraceOracle(trace).check(); }

/// The first broken promise of a whole trace, or empty.
inline std::string broken_promise(const Trace& trace) {
  if (trace.devices.empty()) return "no device";
  for (const DeviceTrace& device : trace.devices) {
    if (device.events.empty()) return "a device without events";
    std::string broken = facts_of(device).broken;
    if (!broken.empty()) return broken;
  }
  return {};
}

/// Events as text, "+0 +1 -0", with "@stream" where it is not 0.
inline std::string events_text(const DeviceTrace& trace) {
  std::string out;
  for (const TraceEvent& event : trace.events) {
    if (!out.empty()) out += ' ';
    out += event.kind == TraceEvent::Kind::allocate ? '+' : '-';
    out += std::to_string(event.block);
    if (event.stream != 0) out += '@' + std::to_string(event.stream);
  }
  return out;
}

}  // namespace weir::replay::testing
