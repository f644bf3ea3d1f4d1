#include "replay/replay.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "index/size_bins.hpp"
#include "replay/device_replay.hpp"
#include "replay/direct_policy.hpp"
#include "replay/pytorch_expandable.hpp"
#include "replay/pytorch_policy.hpp"

namespace weir::replay {
namespace {

// Of 8 B each; the first of a replay tell as much as all would.
constexpr std::size_t max_timed_operations = std::size_t{1} << 22;

Nanoseconds distribution(std::vector<double>& times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) {
    return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  };
  return {at(0.50), at(0.99), times.back()};
}

void add(Amount& sum, const Amount& more) {
  sum.live += more.live;
  sum.peak += more.peak;
  sum.cumulative += more.cumulative;
}

void add(Statistics& sum, const Statistics& more) {
  add(sum.requested, more.requested);
  add(sum.allocated, more.allocated);
  add(sum.reserved, more.reserved);
  sum.allocations += more.allocations;
  sum.frees += more.frees;
  sum.cache_hits += more.cache_hits;
  sum.arena_hits += more.arena_hits;
  sum.misses += more.misses;
  sum.driver_calls += more.driver_calls;
  sum.page_maps += more.page_maps;
  sum.page_remaps += more.page_remaps;
}

void check(const ReplayOptions& options) {
  if (options.passes == 0 || options.passes > ReplayOptions::max_passes) {
    throw InvalidArgument("a replay must have 1 to " + std::to_string(ReplayOptions::max_passes) + " passes, not " +
                              std::to_string(options.passes),
                          {.name = "repeat", .limit = ReplayOptions::max_passes});
  }
}

/// A trace, device by device.
class Replay {
 public:
  Replay(const Trace& trace, const ReplayOptions& options) : options_(options) {
    check(options);
    for (const DeviceTrace& device : trace.devices) all_ += device.events.size() * options.passes;
    times_.reserve(std::min<std::size_t>(all_, max_timed_operations));
    report_.recorded_peak_reserved = 0;
    report_.passes.resize(options.passes);
    report_.whole.resize(options.passes);
    for (const DeviceTrace& device : trace.devices) {
      const std::vector<PassFigures> passes = run(device);
      report_.passes.resize(std::min(report_.passes.size(), passes.size()));
      for (std::size_t i = 0; i < report_.passes.size(); ++i) report_.passes[i] += passes[i];
      compare(device);
    }
    keep_largest(report_.largest_holders);
    report_.per_operation = distribution(times_);
  }

  [[nodiscard]] ReplayReport take() && { return std::move(report_); }

 private:
  struct Outcome {
    std::vector<PassFigures> passes;
    bool ended = false;
  };

  /// The passes that the device completed under the options.
  std::vector<PassFigures> run(const DeviceTrace& device) {
    Outcome asked = run_in(device, options_);
    if (asked.ended) return std::move(asked.passes);
    // What came until the refusal says nothing about the whole trace.
    ReplayOptions unbounded = options_;
    unbounded.device = {};
    unbounded.capacity = {};
    if (!run_in(device, unbounded).ended) throw std::logic_error("a replay without a bound ended early");
    raise_needed(device, unbounded);
    return std::move(asked.passes);
  }

  /// Whether it came to the end; then its figures are added. Throws OutOfMemory where there was no capacity to
  /// blame.
  Outcome run_in(const DeviceTrace& device, const ReplayOptions& options) {
    DeviceReplay replay(device, options);
    const std::size_t timed = times_.size();
    const std::uint64_t before = done_;
    Outcome outcome;
    while (outcome.passes.size() < options.passes) {
      const auto pass = replay.run_pass(&times_, [&](std::uint64_t more) { progress(more); });
      if (!pass) break;
      outcome.passes.push_back(*pass);
    }
    outcome.ended = outcome.passes.size() == options.passes;
    if (outcome.ended) {
      for (std::size_t i = 0; i < options.passes; ++i) report_.whole[i] += outcome.passes[i];
      const Statistics known = replay.statistics();
      add(report_.pool, known);
      needed_ = known.reserved.peak;
      report_.needed = std::max(report_.needed, needed_);
      report_.has_time = replay.has_time();
    } else {
      Refusal refusal = replay.refusal();
      if (!options.capacity) fail(refusal);
      report_.refusals.push_back(std::move(refusal));
      for (Holder& holder : replay.holders()) report_.largest_holders.push_back(std::move(holder));
      times_.resize(timed);
      all_ += done_ - before;
    }
    return outcome;
  }

  [[noreturn]] static void fail(const Refusal& refusal) {
    constexpr std::uint64_t most = index::max_granules << index::granule_shift;
    const std::uint64_t bytes = refusal.request.bytes;
    const std::string text =
        "its allocation number " + std::to_string(refusal.request.number + 1) + ", of " + format_bytes(bytes) +
        ", cannot be served: " +
        (bytes > most ? "a pool serves at most " + format_bytes(most) + " at once; replay a smaller job" : refusal.why);
    throw OutOfMemory(text, {.name = "replay", .bytes_asked = refusal.request.bytes});
  }

  /// What a pool without a bound reserves need not do as its bound, for it grows otherwise then: it is tried.
  void raise_needed(const DeviceTrace& device, ReplayOptions options) {
    constexpr std::uint64_t steps = 64;  // a step adds one part of so many
    for (;;) {
      options.capacity = needed_;
      DeviceReplay replay(device, options);
      std::uint32_t pass = 0;
      while (pass < options.passes && replay.run_pass()) ++pass;
      if (pass == options.passes) break;
      needed_ += std::max(needed_ / steps, replay.page_bytes());
    }
    report_.needed = std::max(report_.needed, needed_);
  }

  void compare(const DeviceTrace& device) {
    report_.operations += device.events.size();
    report_.streams += device.streams;
    report_.threads += options_.threads == ReplayOptions::Threads::merge ? 1 : device.threads;
    const PolicyOptions policy{options_.passes, options_.driver};
    report_.direct += simulate_direct_policy(device, policy);
    report_.pytorch += simulate_pytorch_policy(device, policy);
    report_.expandable += simulate_pytorch_expandable(device, policy);
    report_.peak_requested = report_.direct.peak_requested;
    if (!device.recorded_peak_reserved) {
      report_.recorded_peak_reserved.reset();
    } else if (report_.recorded_peak_reserved) {
      *report_.recorded_peak_reserved += *device.recorded_peak_reserved;
    }
  }

  void progress(std::uint64_t more) {
    done_ += more;
    if (options_.progress) options_.progress(done_, all_);
  }

  const ReplayOptions& options_;
  std::uint64_t done_ = 0;
  std::uint64_t all_ = 0;
  std::uint64_t needed_ = 0;  // of the device at hand
  std::vector<double> times_;
  ReplayReport report_;
};

}  // namespace

ReplayReport replay(const Trace& trace, const ReplayOptions& options) { return Replay(trace, options).take(); }

}  // namespace weir::replay
