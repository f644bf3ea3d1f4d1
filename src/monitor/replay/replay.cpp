#include "monitor/replay/replay.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/device.hpp>
#include <weir/errors.hpp>
#include <weir/pool.hpp>

#include "index/size_bins.hpp"

namespace weir::replay {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t most_holders = 8;
constexpr std::uint64_t events_per_progress = 1024;

double nanoseconds(SteadyClock::duration time) { return std::chrono::duration<double, std::nano>(time).count(); }

// What reading the clock twice costs, so that it can be taken off.
double clock_cost() {
  std::vector<double> costs(1001);
  for (double& cost : costs) {
    const auto start = SteadyClock::now();
    cost = nanoseconds(SteadyClock::now() - start);
  }
  std::nth_element(costs.begin(), costs.begin() + 500, costs.end());
  return costs[500];
}

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

Holder holder_of(const DeviceTrace& trace, const TraceEvent& allocation) {
  const BlockOrigin& origin = trace.origins[allocation.block];
  return {.device = trace.device,
          .bytes = trace.block_bytes[allocation.block],
          .stream = trace.stream_keys[allocation.stream],
          .number = allocation.block,
          .address = origin.address,
          .line = origin.line,
          .label = trace.labels[origin.label]};
}

void keep_largest(std::vector<Holder>& holders) {
  std::stable_sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) { return a.bytes > b.bytes; });
  holders.resize(std::min(holders.size(), most_holders));
}

/// One device's trace in its own pool.
class DeviceReplay {
 public:
  DeviceReplay(const DeviceTrace& trace, const ReplayOptions& options)
      : trace_(trace), device_(open(options)), pool_(device_, pool_options(options)) {
    for (std::uint32_t i = 0; i < trace.streams; ++i) streams_.push_back(device_.stream());
    addresses_.resize(trace.block_bytes.size());
  }

  /// False where a request was refused, which refusal() then tells of. Throws what the device throws.
  bool run(std::vector<double>& times, double clock, const std::function<void(std::uint64_t)>& progress) {
    for (const TraceEvent& event : trace_.events) {
      const StreamId stream = streams_[event.stream].id();
      void*& address = addresses_[event.block];
      const auto start = SteadyClock::now();
      if (event.kind == TraceEvent::Kind::free) {
        pool_.deallocate(address, stream);
      } else {
        try {
          address = pool_.allocate(trace_.block_bytes[event.block], Pool::granule, stream);
        } catch (const std::bad_alloc& refusal) {
          if (dynamic_cast<const Error*>(&refusal) == nullptr) throw;  // this machine's memory, not the device's
          why_ = refusal.what();
          break;
        }
      }
      times.push_back(std::max(0.0, nanoseconds(SteadyClock::now() - start) - clock));
      if (event.kind == TraceEvent::Kind::free) address = nullptr;
      if (++done_ % events_per_progress == 0) progress(events_per_progress);
    }
    progress(done_ % events_per_progress);
    return done_ == trace_.events.size();
  }

  [[nodiscard]] Refusal refusal() const {
    return {holder_of(trace_, trace_.events[done_]), pool_.statistics().requested.live, why_};
  }

  /// The blocks that are live now.
  [[nodiscard]] std::vector<Holder> holders() const {
    std::unordered_map<std::uint64_t, std::uint64_t> allocated;
    for (const LiveBlock& block : pool_.live_blocks()) allocated.emplace(block.address, block.allocated);
    std::vector<Holder> all;
    for (std::uint64_t i = 0; i < done_; ++i) {
      const TraceEvent& event = trace_.events[i];
      const void* address = addresses_[event.block];
      if (event.kind != TraceEvent::Kind::allocate || address == nullptr) continue;
      all.push_back(holder_of(trace_, event));
      all.back().allocated = allocated[reinterpret_cast<std::uint64_t>(address)];
    }
    keep_largest(all);
    return all;
  }

  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] Statistics statistics() const { return pool_.statistics(); }

  void finish() {
    for (void* address : addresses_) pool_.deallocate(address, streams_.front().id());
  }

 private:
  static Device open(const ReplayOptions& options) {
    DeviceRequest request{.backend = options.device.empty() ? "dry" : options.device};
    if (is_dry(options)) request.capacity = options.capacity.value_or(largest_dry_capacity);
    return open_device(request);
  }
  static PoolOptions pool_options(const ReplayOptions& options) {
    PoolOptions made{.name = "replay", .limit = options.capacity};
    if (options.device.empty()) {
      // Said here, these go before what the environment says.
      made.mode = PoolMode::pages;
      made.limit = options.capacity.value_or(largest_dry_capacity);
    }
    return made;
  }
  static bool is_dry(const ReplayOptions& options) {
    return options.device.empty() || options.device == "dry" || options.device.starts_with("dry:");
  }

  const DeviceTrace& trace_;
  Device device_;
  Pool pool_;
  std::vector<Stream> streams_;  // after the pool: they retire from it
  std::vector<void*> addresses_;
  std::uint64_t done_ = 0;  // events
  std::string why_;
};

/// A trace, device by device.
class Replay {
 public:
  Replay(const Trace& trace, const ReplayOptions& options) : options_(options), clock_(clock_cost()) {
    for (const DeviceTrace& device : trace.devices) all_ += device.events.size();
    times_.reserve(all_);
    report_.recorded_peak_reserved = 0;
    for (const DeviceTrace& device : trace.devices) {
      run(device);
      compare(device);
    }
    keep_largest(report_.largest_holders);
    report_.per_operation = distribution(times_);
  }

  [[nodiscard]] ReplayReport take() && { return std::move(report_); }

 private:
  void run(const DeviceTrace& device) {
    if (run_in(device, options_)) return;
    // What came until the refusal says nothing about the whole trace.
    ReplayOptions unbounded;
    if (!run_in(device, unbounded)) throw std::logic_error("a replay without a bound ended early");
  }

  /// Whether it came to the end; then its figures are added. Throws OutOfMemory where there was no capacity to
  /// blame.
  bool run_in(const DeviceTrace& device, const ReplayOptions& options) {
    DeviceReplay replay(device, options);
    const std::size_t before = times_.size();
    const bool ended = replay.run(times_, clock_, [&](std::uint64_t more) { progress(more); });
    if (ended) {
      const Statistics known = replay.statistics();
      add(report_.pool, known);
      report_.needed = std::max(report_.needed, known.reserved.peak);
    } else {
      Refusal refusal = replay.refusal();
      if (!options.capacity) {
        constexpr std::uint64_t most = index::max_granules << index::granule_shift;
        const std::uint64_t bytes = refusal.request.bytes;
        const std::string text =
            "its allocation number " + std::to_string(refusal.request.number + 1) + ", of " + format_bytes(bytes) +
            ", cannot be served: " +
            (bytes > most ? "a pool serves at most " + format_bytes(most) + " at once; replay a smaller job"
                          : refusal.why);
        throw OutOfMemory(text, {.name = "replay", .bytes_asked = refusal.request.bytes});
      }
      report_.refusals.push_back(std::move(refusal));
      for (Holder& holder : replay.holders()) report_.largest_holders.push_back(std::move(holder));
      times_.resize(before);
      all_ += replay.done();
    }
    replay.finish();
    return ended;
  }

  void compare(const DeviceTrace& device) {
    report_.operations += device.events.size();
    report_.streams += device.streams;
    const DirectPolicyResult direct = simulate_direct_policy(device);
    report_.direct.peak_reserved += direct.peak_reserved;
    report_.direct.driver_calls += direct.driver_calls;
    report_.direct.peak_requested += direct.peak_requested;
    const PytorchPolicyResult pytorch = simulate_pytorch_policy(device);
    report_.pytorch.peak_reserved += pytorch.peak_reserved;
    report_.pytorch.driver_calls += pytorch.driver_calls;
    report_.pytorch.peak_requested += pytorch.peak_requested;
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
  const double clock_;
  std::uint64_t done_ = 0;
  std::uint64_t all_ = 0;
  std::vector<double> times_;
  ReplayReport report_;
};

}  // namespace

ReplayReport replay(const Trace& trace, const ReplayOptions& options) { return Replay(trace, options).take(); }

}  // namespace weir::replay
