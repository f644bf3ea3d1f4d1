#include <weir/monitor.hpp>

#include <exception>
#include <system_error>
#include <utility>

#include <weir/errors.hpp>

#include "monitor/quiet_thread.hpp"
#include "monitor/watcher.hpp"

namespace weir {

// --- Timed work ---

TimedWork::TimedWork(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
TimedWork::TimedWork(TimedWork&&) noexcept = default;

TimedWork& TimedWork::operator=(TimedWork&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

TimedWork::~TimedWork() {
  if (!state_) return;
  try {
    state_->device.run(state_->stream, [times = state_->times, began = state_->began] {
      times->add(std::chrono::steady_clock::now() - *began);
    });
  } catch (const std::exception&) {  // what the program queues next meets the same
  }
}

// --- The watcher ---

Monitor::Watcher::Watcher(Pool* pool, MemoryManager* manager, MonitorOptions options)
    : pool_(pool),
      manager_(manager),
      options_(std::move(options)),
      name_(manager == nullptr ? pool->options().name : manager->name()),
      watch_(options_.watch) {
  if (options_.interval.count() < 0) {
    throw InvalidArgument("monitor \"" + name_ + "\": the interval is less than no time", {.name = name_});
  }
  if (options_.interval.count() == 0) return;
  try {
    thread_ = monitor::quiet_thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw DriverError("monitor \"" + name_ + "\" needs a thread for its interval: " + error.what(),
                      {.name = name_, .native_code = error.code().value()});
  }
}

Monitor::Watcher::~Watcher() {
  {
    const std::lock_guard lock(ending_);
    ends_ = true;
  }
  end_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Monitor::Watcher::run() noexcept {
  std::unique_lock lock(ending_);
  while (!end_.wait_for(lock, options_.interval, [&] { return ends_; })) {
    lock.unlock();
    try {
      static_cast<void>(sample());
    } catch (const std::exception&) {  // a device that is being opened again has no numbers
    }
    lock.lock();
  }
}

MemorySample Monitor::Watcher::look() const {
  ManagerStatistics all;
  if (manager_ != nullptr) {
    all = manager_->quick_statistics();
  } else {
    all.pool = pool_->quick_statistics();
  }
  const Statistics& now = all.pool;
  const LatencySummary& transfers = all.transfers.transfer_latency;
  return {.time = pool().options().clock->now(),
          .requested = now.requested.live,
          .peak_requested = now.requested.peak,
          .reserved = now.reserved.live,
          .in_use = now.live + now.pending + now.external,
          .limit = limit(),
          .allocations = now.allocations,
          .cache_hits = now.cache_hits,
          .arena_hits = now.arena_hits,
          .refusals = now.refusals,
          .errors = now.errors,
          .evictions = now.evictions,
          .driver = {.count = now.driver_calls, .total = now.driver_time},
          .compute = {.count = compute_->count.load(std::memory_order_acquire),
                      .total = std::chrono::nanoseconds(compute_->total.load(std::memory_order_relaxed))},
          .transfers = {.count = transfers.count, .total = all.transfers.transfer_time},
          .utilization = options_.utilization ? options_.utilization() : std::nullopt};
}

MemorySample Monitor::Watcher::sample() {
  require_own_process();
  const std::lock_guard sampling(sampling_);
  const MemorySample now = look();
  std::vector<Finding> told;
  {
    const std::lock_guard lock(mutex_);
    told = watch_.note(now);
  }
  if (options_.on_finding) {
    for (const Finding& each : told) options_.on_finding(each);
  }
  return now;
}

// --- The face ---

Monitor::Monitor(Pool& pool, MonitorOptions options)
    : watcher_(std::make_unique<Watcher>(&pool, nullptr, std::move(options))) {}
Monitor::Monitor(MemoryManager& manager, MonitorOptions options)
    : watcher_(std::make_unique<Watcher>(nullptr, &manager, std::move(options))) {}
Monitor::~Monitor() {
  if (!watcher_->in_own_process()) static_cast<void>(watcher_.release());
}

MemorySample Monitor::sample() { return watcher_->sample(); }
void Monitor::note_compute(std::chrono::nanoseconds took) noexcept { watcher_->compute()->add(took); }

TimedWork Monitor::time(StreamId stream) {
  auto state = std::make_unique<TimedWork::State>(
      TimedWork::State{watcher_->device(), stream, watcher_->compute(), std::make_shared<TimedWork::State::Time>()});
  state->device.run(stream, [began = state->began] { *began = std::chrono::steady_clock::now(); });
  return TimedWork(std::move(state));
}

std::vector<MemorySample> Monitor::history(std::size_t count) const {
  return watcher_->ask([&](const Watch& watch) { return watch.history(count); });
}
MetricSummary Monitor::summary(Metric metric, std::size_t count) const {
  return watcher_->ask([&](const Watch& watch) { return watch.summary(metric, count); });
}
Health Monitor::health() const {
  return watcher_->ask([](const Watch& watch) { return watch.health(); });
}
std::vector<Finding> Monitor::findings() const {
  return watcher_->ask([](const Watch& watch) { return watch.findings(); });
}
std::optional<Forecast> Monitor::forecast() const {
  return watcher_->ask([](const Watch& watch) { return watch.forecast(); });
}
const std::string& Monitor::name() const noexcept { return watcher_->name(); }

}  // namespace weir
