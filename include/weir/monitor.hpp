// Watches the memory of a pool or a manager over time: samples of it are kept and judged (watch.hpp), and what is known
// is written as text for Prometheus and as JSON. Nothing here is on the way of an allocation: a sample reads counters,
// takes no lock of an arena, and is taken when the program asks, or by a thread that the program asked for.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weir/manager.hpp>
#include <weir/pool.hpp>
#include <weir/statistics.hpp>
#include <weir/stream.hpp>
#include <weir/watch.hpp>

namespace weir {

struct MonitorOptions {
  WatchOptions watch = {};
  /// Told of each finding as it begins and as it is over, on the thread that samples: it may allocate and ask the
  /// monitor, but not sample. Must not throw.
  std::function<void(const Finding&)> on_finding = {};
  /// Above 0: a thread of the monitor's own takes a sample so often, until the monitor ends. Default: the program calls
  /// sample().
  std::chrono::nanoseconds interval = {};
  /// What part of its time the device is at work, 0 to 1, as its driver's management library tells; asked for each
  /// sample. Default: unknown.
  std::function<std::optional<double>()> utilization = {};
};

/// Work on a stream that is being timed: from its making to its end, in the stream's order. Move-only.
class TimedWork {
 public:
  TimedWork(TimedWork&&) noexcept;
  TimedWork& operator=(TimedWork&&) noexcept;
  /// Queues the second stamp. A device that is lost meanwhile is not timed.
  ~TimedWork();

 private:
  friend class Monitor;
  struct State;
  explicit TimedWork(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

/// Thread-safe, but for its end. The pool or the manager outlives it; a manager's recover() may not run beside a
/// sample, so end a monitor with a thread before it. In a child of fork() it throws Unsupported as they do.
class Monitor {
 public:
  /// Throws InvalidArgument for options out of range, DriverError where there is no thread to be had.
  explicit Monitor(Pool& pool, MonitorOptions options = {});
  /// Transfers are watched too.
  explicit Monitor(MemoryManager& manager, MonitorOptions options = {});
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  ~Monitor();

  /// Takes a sample and judges it. Once a second is often; costs some microseconds, more with more thread caches. One
  /// that comes at the same time as the last is not kept.
  MemorySample sample();
  /// Says that work of the program's own took so long on the device, by the device's time stamps.
  void note_compute(std::chrono::nanoseconds took) noexcept;
  /// Has the device stamp the time before the work that is queued on `stream` from now on, and after the work that was
  /// queued when the result ends; costs two host functions. Throws as Device::run.
  [[nodiscard]] TimedWork time(StreamId stream);

  // --- What the samples say; see Watch ---

  [[nodiscard]] std::vector<MemorySample> history(std::size_t count = SIZE_MAX) const;
  [[nodiscard]] MetricSummary summary(Metric metric, std::size_t count = SIZE_MAX) const;
  [[nodiscard]] Health health() const;
  [[nodiscard]] std::vector<Finding> findings() const;
  [[nodiscard]] std::optional<Forecast> forecast() const;

  /// The name of the pool or the manager.
  [[nodiscard]] const std::string& name() const noexcept;
  /// One object, as monitoring/monitor.schema.json describes it: the last sample, every metric's summary, health,
  /// findings, forecast. Without a new sample.
  [[nodiscard]] std::string json_text() const;

 private:
  friend class PrometheusText;
  class Watcher;
  std::unique_ptr<Watcher> watcher_;
};

/// What pools, managers and monitors know, in Prometheus' text format 0.0.4: each metric once, with a label `pool` for
/// whom it is of. The program serves the text, or writes it to a file for the node exporter; weir opens no port.
class PrometheusText {
 public:
  PrometheusText();
  ~PrometheusText();
  PrometheusText(PrometheusText&&) noexcept;
  PrometheusText& operator=(PrometheusText&&) noexcept;

  /// Each pool by another name, else Prometheus refuses the text. `limit`: bytes, where there is one.
  void add(std::string_view pool, const Statistics& known, std::optional<std::uint64_t> limit = {});
  void add(std::string_view manager, const ManagerStatistics& known, std::optional<std::uint64_t> limit = {});
  /// The statistics of the pool or the manager now, and what its samples say.
  void add(const Monitor& monitor);
  [[nodiscard]] std::string text() const;

 private:
  class Families;
  std::unique_ptr<Families> families_;
};

}  // namespace weir
