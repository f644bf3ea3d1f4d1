#include "replay/device_replay.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include <weir/errors.hpp>

#include "core/names.hpp"
#include "device/access.hpp"
#include "open/simulated_device.hpp"

namespace weir::replay {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t max_holders = 8;
constexpr std::size_t events_per_tick = 1024;

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

Device device_of(const ReplayOptions& options) {
  if (options.device.empty()) {
    return open::simulated_device(options.capacity.value_or(max_dry_capacity), options.driver);
  }
  DeviceRequest request{.backend = options.device};
  if (backend_named(options.device) == BackendKind::dry) {
    request.capacity = options.capacity.value_or(max_dry_capacity);
  }
  return open_device(request);
}

PoolOptions pool_options(const ReplayOptions& options, const Clock* clock) {
  PoolOptions made{.name = "replay", .limit = options.capacity, .clock = clock};
  if (options.device.empty()) {
    // Said here, these go before what the environment says.
    made.mode = PoolMode::pages;
    made.limit = options.capacity.value_or(max_dry_capacity);
  }
  return made;
}

/// The labels of a trace as owners, for a recording of the replay. Where each block has its own they name no owners.
std::vector<Tag> tags_of(const DeviceTrace& trace, Pool& pool) {
  constexpr std::size_t max_owners = 4096;
  std::vector<Tag> tags(std::max<std::size_t>(1, trace.labels.size()), Tag::none);
  if (tags.size() > max_owners || tags.size() > trace.block_bytes.size()) return tags;
  for (std::size_t i = 1; i < tags.size(); ++i) tags[i] = pool.tag(core::printable(trace.labels[i]));
  return tags;
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

}  // namespace

void keep_largest(std::vector<Holder>& holders) {
  std::stable_sort(holders.begin(), holders.end(), [](const Holder& a, const Holder& b) { return a.bytes > b.bytes; });
  holders.resize(std::min(holders.size(), max_holders));
}

/// What a pass comes to: the counts at its end less those at its beginning.
class DeviceReplay::Meter {
 public:
  explicit Meter(DeviceReplay& replay) : replay_(replay) {
    // What opening the device and the pool took is the first pass's.
    if (replay.passes_ != 0) {
      calls_ = calls();
      remaps_ = remaps();
      if (replay.time_ != nullptr) driver_ = replay.time_->in_driver();
      if (replay.time_ != nullptr) waited_ = replay.time_->waited();
    }
    replay.longest_ = std::chrono::nanoseconds(0);
    replay.peak_reserved_ = replay.pool_.statistics().reserved.live;
  }

  [[nodiscard]] PassFigures figures() const {
    const device::DriverCalls now = calls();
    PassFigures made{.driver_calls = now.about_memory() - calls_.about_memory(),
                     .event_calls = now.events - calls_.events,
                     .creates = now.creates - calls_.creates,
                     .maps = now.maps - calls_.maps,
                     .accesses = now.accesses - calls_.accesses,
                     .unmaps = now.unmaps - calls_.unmaps,
                     .page_remaps = remaps() - remaps_,
                     .longest = replay_.longest_,
                     .peak_reserved = replay_.peak_reserved_};
    if (replay_.time_ != nullptr) {
      made.driver = replay_.time_->in_driver() - driver_;
      made.waited = replay_.time_->waited() - waited_;
    }
    return made;
  }

 private:
  [[nodiscard]] device::DriverCalls calls() const { return device::Access::backend(replay_.device_).driver_calls(); }
  [[nodiscard]] std::uint64_t remaps() const { return replay_.pool_.statistics().page_remaps; }

  DeviceReplay& replay_;
  device::DriverCalls calls_{};
  std::uint64_t remaps_ = 0;
  std::chrono::nanoseconds driver_{0};
  std::chrono::nanoseconds waited_{0};
};

DeviceReplay::DeviceReplay(const DeviceTrace& trace, const ReplayOptions& options)
    : trace_(trace),
      options_(options),
      merges_(options.threads == ReplayOptions::Threads::merge),
      device_(device_of(options)),
      time_(device::Access::backend(device_).simulated_time()),
      pool_(device_, pool_options(options, time_)),
      crew_(merges_ ? 1 : trace.threads),
      streams_(trace, device_, merges_ ? 1 : trace.threads),
      tags_(tags_of(trace, pool_)),
      addresses_(trace.block_bytes.size()),
      allocations_(trace.block_bytes.size()),
      clock_cost_(clock_cost()) {
  if (!options.gap && trace.times.empty()) {
    throw InvalidArgument(
        "the recording has no times, so the gaps between operations are unknown; give one, as in --gap 1",
        {.name = "gap"});
  }
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    if (trace.events[i].kind == TraceEvent::Kind::allocate) allocations_[trace.events[i].block] = i;
  }
}

DeviceReplay::~DeviceReplay() {
  // First, so that a pool that serves no more pairs of a thread and a stream has room for one.
  streams_.end();
  try {
    for (void* address : addresses_) {
      if (address != nullptr) pool_.deallocate(address);
    }
  } catch (const Error&) {
    // The replay has ended by an error already, and the pool takes the rest along.
  }
}

std::optional<PassFigures> DeviceReplay::run_pass(std::vector<double>* times, const Tick& tick) {
  const Meter meter(*this);
  ++passes_;
  done_ = 0;
  while (done_ < trace_.events.size()) {
    if (options_.interrupted && options_.interrupted()) throw Interrupted();
    const std::size_t first = done_;
    const std::size_t last = end_of_turn(first);
    bool served = false;
    try {
      crew_.on(member(trace_.events[first]), [&] { served = run_events(first, last, times); });
    } catch (const Unsupported& error) {
      if (merges_ || trace_.threads == 1) throw;
      throw Unsupported(error.message() + "; the trace has " + std::to_string(trace_.streams) + " streams and " +
                            std::to_string(trace_.threads) + " threads: put these on one with --threads merge",
                        error.facts());
    }
    if (tick) tick(done_ - first);
    if (!served) return std::nullopt;
  }
  free_live();
  return meter.figures();
}

std::size_t DeviceReplay::end_of_turn(std::size_t first) const {
  const std::size_t most = std::min(first + events_per_tick, trace_.events.size());
  std::size_t last = first + 1;
  while (last < most && member(trace_.events[last]) == member(trace_.events[first])) ++last;
  return last;
}

std::chrono::nanoseconds DeviceReplay::gap_before(std::size_t event) const {
  if (options_.gap) return *options_.gap;
  return event == 0 ? std::chrono::nanoseconds(0) : trace_.times[event] - trace_.times[event - 1];
}

bool DeviceReplay::run_events(std::size_t first, std::size_t last, std::vector<double>* times) {
  for (std::size_t i = first; i < last; ++i) {
    const TraceEvent& event = trace_.events[i];
    const StreamId stream = streams_.of(event.stream);
    if (time_ != nullptr) time_->pass(gap_before(i));
    const auto waited = time_ != nullptr ? time_->waited() : std::chrono::nanoseconds(0);
    const auto start = SteadyClock::now();
    if (event.kind == TraceEvent::Kind::free) {
      free_block(event.block, stream);
    } else if (!allocate(event, stream)) {
      return false;
    }
    if (times != nullptr && times->size() < times->capacity()) {
      times->push_back(std::max(0.0, nanoseconds(SteadyClock::now() - start) - clock_cost_));
    }
    if (time_ != nullptr) longest_ = std::max(longest_, time_->waited() - waited);
    // Memory comes and goes by driver calls only: without one there is nothing to look at.
    const device::DriverCalls calls = device::Access::backend(device_).driver_calls();
    const std::uint64_t seen = calls.creates + calls.destroys + calls.segments;
    if (seen != seen_calls_) peak_reserved_ = std::max(peak_reserved_, pool_.statistics().reserved.live);
    seen_calls_ = seen;
    streams_.after(i);
    ++done_;
  }
  return true;
}

bool DeviceReplay::allocate(const TraceEvent& event, StreamId stream) {
  try {
    addresses_[event.block] = pool_.allocate(trace_.block_bytes[event.block], stream, {.tag = tag_of(event.block)});
    return true;
  } catch (const std::bad_alloc& refusal) {
    if (dynamic_cast<const Error*>(&refusal) == nullptr) throw;  // this machine's memory, not the device's
    why_ = refusal.what();
    return false;
  }
}

void DeviceReplay::free_block(std::uint32_t block, StreamId stream) {
  pool_.deallocate(addresses_[block], stream);
  addresses_[block] = nullptr;
}

// In the order of their allocation, each by its thread on its stream.
void DeviceReplay::free_live() {
  std::vector<std::uint32_t> live;
  for (std::uint32_t block = 0; block < addresses_.size(); ++block) {
    if (addresses_[block] != nullptr) live.push_back(block);
  }
  const auto event_of = [&](std::size_t i) -> const TraceEvent& { return trace_.events[allocations_[live[i]]]; };
  for (std::size_t first = 0; first < live.size();) {
    std::size_t last = first + 1;
    while (last < live.size() && member(event_of(last)) == member(event_of(first))) ++last;
    crew_.on(member(event_of(first)), [&] {
      for (std::size_t i = first; i < last; ++i) free_block(live[i], streams_.of(event_of(i).stream));
    });
    first = last;
  }
}

Refusal DeviceReplay::refusal() const {
  return {.request = holder_of(trace_, trace_.events[done_]),
          .live = pool_.statistics().requested.live,
          .why = why_,
          .pass = passes_,
          .operation = done_ + 1};
}

std::vector<Holder> DeviceReplay::holders() const {
  std::unordered_map<std::uint64_t, std::uint64_t> allocated;
  for (const LiveBlock& block : pool_.live_blocks()) allocated.emplace(block.address, block.allocated);
  std::vector<Holder> all;
  for (std::uint32_t block = 0; block < addresses_.size(); ++block) {
    if (addresses_[block] == nullptr) continue;
    all.push_back(holder_of(trace_, trace_.events[allocations_[block]]));
    all.back().allocated = allocated[reinterpret_cast<std::uint64_t>(addresses_[block])];
  }
  keep_largest(all);
  return all;
}

}  // namespace weir::replay
