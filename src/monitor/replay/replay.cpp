#include "monitor/replay/replay.hpp"

#include <algorithm>
#include <chrono>

#include <weir/device.hpp>
#include <weir/errors.hpp>
#include <weir/pool.hpp>

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

/// One device's trace in its own pool.
class DeviceReplay {
 public:
  DeviceReplay(const DeviceTrace& trace, const ReplayOptions& options)
      : trace_(trace), device_(open(options)), pool_(device_, pool_options(options)) {
    for (std::uint32_t i = 0; i < trace.streams; ++i) streams_.push_back(device_.stream());
    addresses_.resize(trace.block_bytes.size());
  }

  // Throws what the pool throws where a request is refused.
  void run(std::vector<double>& times, double clock, const std::function<void(std::uint64_t)>& progress) {
    std::uint64_t done = 0;
    for (const TraceEvent& event : trace_.events) {
      const StreamId stream = streams_[event.stream].id();
      void*& address = addresses_[event.block];
      const auto start = SteadyClock::now();
      if (event.kind == TraceEvent::Kind::allocate) {
        address = pool_.allocate(trace_.block_bytes[event.block], Pool::granule, stream);
      } else {
        pool_.deallocate(address, stream);
      }
      times.push_back(std::max(0.0, nanoseconds(SteadyClock::now() - start) - clock));
      if (event.kind == TraceEvent::Kind::free) address = nullptr;
      if (++done % events_per_progress == 0) progress(events_per_progress);
    }
    progress(done % events_per_progress);
  }

  void finish() {
    for (void* address : addresses_) pool_.deallocate(address, streams_.front().id());
  }

  [[nodiscard]] const Pool& pool() const { return pool_; }

 private:
  static Device open(const ReplayOptions& options) {
    DeviceRequest request{.backend = options.device, .capacity = {}};
    if (options.device == "dry") request.capacity = options.capacity.value_or(largest_dry_capacity);
    return open_device(request);
  }
  static PoolOptions pool_options(const ReplayOptions& options) {
    PoolOptions made;
    made.name = "replay";
    made.limit = options.capacity;
    return made;
  }

  const DeviceTrace& trace_;
  Device device_;
  Pool pool_;
  std::vector<Stream> streams_;  // after the pool: they retire from it
  std::vector<void*> addresses_;
};

}  // namespace

ReplayReport replay(const Trace& trace, const ReplayOptions& options) {
  ReplayReport report;
  std::uint64_t all = 0;
  for (const DeviceTrace& device : trace.devices) all += device.events.size();
  std::uint64_t done = 0;
  const auto progress = [&](std::uint64_t more) {
    done += more;
    if (options.progress) options.progress(done, all);
  };

  std::vector<double> times;
  times.reserve(all);
  const double clock = clock_cost();
  report.recorded_peak_reserved = 0;
  for (const DeviceTrace& device : trace.devices) {
    DeviceReplay run(device, options);
    try {
      run.run(times, clock, progress);
    } catch (const std::bad_alloc& refusal) {
      if (dynamic_cast<const Error*>(&refusal) == nullptr) throw;  // this machine's memory, not the device's
      report.fits = false;
      report.refusal = refusal.what();
      report.largest_holders = run.pool().live_blocks();
      report.largest_holders.resize(std::min(report.largest_holders.size(), most_holders));
    }
    add(report.pool, run.pool().statistics());
    run.finish();

    report.operations += device.events.size();
    report.streams += device.streams;
    const DirectPolicyResult direct = simulate_direct_policy(device);
    report.direct.peak_reserved += direct.peak_reserved;
    report.direct.driver_calls += direct.driver_calls;
    report.direct.peak_requested += direct.peak_requested;
    const PytorchPolicyResult pytorch = simulate_pytorch_policy(device);
    report.pytorch.peak_reserved += pytorch.peak_reserved;
    report.pytorch.driver_calls += pytorch.driver_calls;
    report.pytorch.peak_requested += pytorch.peak_requested;
    if (!device.recorded_peak_reserved) {
      report.recorded_peak_reserved.reset();
    } else if (report.recorded_peak_reserved) {
      *report.recorded_peak_reserved += *device.recorded_peak_reserved;
    }
  }
  report.per_operation = distribution(times);
  return report;
}

}  // namespace weir::replay
