// A monitor behind its face: what it watches, what is known of it, and its thread where it has one. Invariant: the
// samples and what is thought of them change under the lock, and no callback is called under it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <weir/monitor.hpp>

#include "core/process.hpp"
#include "track/latency.hpp"

namespace weir {

/// What a program's work on the device took; host functions that are still queued share it.
struct ComputeTimes {
  track::Latency latency;
  std::atomic<std::uint64_t> count{0};
  std::atomic<std::int64_t> total{0};  // nanoseconds

  void add(std::chrono::nanoseconds took) noexcept {
    latency.record(took);
    total.fetch_add(took.count(), std::memory_order_relaxed);
    count.fetch_add(1, std::memory_order_release);
  }
};

struct TimedWork::State {
  using Time = std::chrono::steady_clock::time_point;
  Device device;
  StreamId stream;
  std::shared_ptr<ComputeTimes> times;
  std::shared_ptr<Time> began;
};

class Monitor::Watcher {
 public:
  Watcher(Pool* pool, MemoryManager* manager, MonitorOptions options);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

  /// False in a child of fork(), where it is left as it is.
  [[nodiscard]] bool in_own_process() const noexcept { return process_.is_current(); }
  MemorySample sample();
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::shared_ptr<ComputeTimes>& compute() const noexcept { return compute_; }
  [[nodiscard]] Device device() const { return manager_ == nullptr ? pool_->device() : manager_->device(); }
  [[nodiscard]] std::optional<std::uint64_t> limit() const { return pool().options().limit; }
  [[nodiscard]] const Pool* bare_pool() const noexcept { return pool_; }
  [[nodiscard]] const MemoryManager* manager() const noexcept { return manager_; }
  /// Calls with the watch, under the lock.
  template <class Ask>
  auto ask(Ask ask) const {
    require_own_process();
    const std::lock_guard lock(mutex_);
    return ask(watch_);
  }

 private:
  [[nodiscard]] Pool& pool() const { return manager_ == nullptr ? *pool_ : manager_->pool(); }
  [[nodiscard]] MemorySample look() const;
  void require_own_process() const {
    if (!in_own_process()) throw core::made_before_fork("monitor \"" + name_ + "\"", name_);
  }
  void run() noexcept;

  const core::OwnerProcess process_;
  Pool* const pool_;  // one of the two
  MemoryManager* const manager_;
  const MonitorOptions options_;
  const std::string name_;
  const std::shared_ptr<ComputeTimes> compute_ = std::make_shared<ComputeTimes>();
  std::mutex sampling_;  // samples come one after the other, findings too
  mutable std::mutex mutex_;
  Watch watch_;
  std::mutex ending_;
  std::condition_variable end_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace weir
