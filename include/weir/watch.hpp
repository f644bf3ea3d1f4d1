// What memory looks like over time, and what that says: a history of samples, health with reasons, four kinds of
// anomaly with their evidence, a forecast. Numbers only: nothing here asks a pool, a device or a clock, so what was
// recorded somewhere else can be judged as well. `Monitor` (monitor.hpp) feeds one from a pool or a manager.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// Operations, and what they took all together.
struct Timing {
  std::uint64_t count = 0;
  std::chrono::nanoseconds total{};
};

/// One look at memory. What is counted is counted from the beginning, so the difference of two samples is what
/// happened between them.
struct MemorySample {
  std::chrono::nanoseconds time{};          ///< of any clock that does not go back
  std::uint64_t requested = 0;              ///< bytes, as Statistics has them
  std::uint64_t peak_requested = 0;         ///< bytes, from the beginning
  std::uint64_t reserved = 0;               ///< bytes
  std::uint64_t in_use = 0;                 ///< bytes that cannot be given back: live, pending and external
  std::optional<std::uint64_t> limit = {};  ///< bytes; empty: none
  std::uint64_t allocations = 0;
  std::uint64_t cache_hits = 0;
  std::uint64_t arena_hits = 0;
  std::uint64_t refusals = 0;
  std::uint64_t errors = 0;
  std::uint64_t evictions = 0;
  Timing driver = {};                      ///< calls into the driver about memory
  Timing compute = {};                     ///< work of the program's own on the device
  Timing transfers = {};                   ///< between host and device
  std::optional<double> utilization = {};  ///< of the device, 0 to 1; empty: unknown
};

/// A quantity that each sample has, or two samples on end.
enum class Metric : std::uint8_t {
  requested,      ///< bytes
  reserved,       ///< bytes
  limit_share,    ///< in_use ÷ limit; unknown without a limit
  fragmentation,  ///< 1 − requested ÷ reserved; unknown while nothing is reserved
  hit_rate,       ///< served by a thread cache ÷ allocations since the sample before; unknown without any
  served_rate,    ///< the same, served without the driver: by caches and arenas
  driver_time,    ///< seconds of one call, the mean since the sample before; unknown without any, as the next two
  compute_time,   ///< seconds
  transfer_time,  ///< seconds
  utilization,    ///< 0 to 1
};
inline constexpr std::size_t metrics = 10;
/// "requested", as exporters name it. Lives as long as the program.
[[nodiscard]] std::string_view name(Metric metric) noexcept;
/// Of a sample and the one before it. Empty where it is not known.
[[nodiscard]] std::optional<double> value(Metric metric, const MemorySample& before, const MemorySample& now) noexcept;

/// A metric over some samples, those left out in which it is unknown. All 0 where it is known in none.
struct MetricSummary {
  std::size_t count = 0;
  double last = 0;
  double mean = 0;
  double min = 0;
  double p50 = 0;  ///< half of the samples have no more; exact
  double p99 = 0;
  double max = 0;
};

enum class FindingKind : std::uint8_t {
  leak,           ///< the least that is in use grows and does not come back
  hit_rate_drop,  ///< requests are served by caches, or without the driver, more seldom than before
  slow,           ///< operations take several times as long as before
  fragmentation,  ///< memory is taken from the driver that what is requested does not explain
};
inline constexpr std::size_t finding_kinds = 4;
/// "leak", "hit_rate_drop", "slow", "fragmentation". Lives as long as the program.
[[nodiscard]] std::string_view name(FindingKind kind) noexcept;

/// Something unusual begins, or is over.
struct Finding {
  FindingKind kind = FindingKind::leak;
  Metric metric = Metric::requested;   ///< by which it was seen
  bool over = false;                   ///< it was found before, and is no more
  std::chrono::nanoseconds since{};    ///< the first sample that shows it
  std::chrono::nanoseconds noticed{};  ///< the sample with which it was told
  double before = 0;                   ///< the metric as it was: bytes, a rate, seconds
  double now = 0;                      ///< and as it is
  double bytes_per_second = 0;         ///< of a leak
  std::string_view setting;            ///< what to change: an option of PoolOptions or TransferOptions, or a call

  /// "leak: at least 41.00 MiB requested, 12.00 MiB before, 120.00 KiB more each second for 240 s; look at
  /// Pool::live_blocks(), which names owners".
  [[nodiscard]] std::string text() const;
};

enum class HealthStatus : std::uint8_t { good, warning, bad };
[[nodiscard]] std::string_view name(HealthStatus status) noexcept;

struct Health {
  HealthStatus status = HealthStatus::good;
  std::vector<std::string> reasons;  ///< the gravest first; empty where it is good
};

/// When what is in use reaches the limit, should it go on as in the samples of leak_window.
struct Forecast {
  std::chrono::nanoseconds time_left{};  ///< from the last sample on
  double bytes_per_second = 0;
  std::uint64_t limit = 0;
};

struct WatchOptions {
  std::size_t history = 1000;     ///< samples that are kept; leak_window to 1,000,000
  std::size_t leak_window = 240;  ///< samples over which memory has to grow; 48 or more. More than four times the
                                  ///< longest period of the program, and than the time in which it builds up
  std::uint64_t leak_bytes = std::uint64_t{1} << 20;  ///< growth in that window of less is no leak
  double leak_share = 0.02;                           ///< nor of less than this part of what was there
  double hit_rate_drop = 0.25;                        ///< a fall by so much is noticed; 0 to 1, neither of them
  double slow_factor = 3;                             ///< so many times as long is noticed; above 1
  std::uint64_t fragmentation_bytes = std::uint64_t{64} << 20;  ///< less than so much is no fragmentation
  double fragmentation_rise = 0.15;  ///< this part of what is reserved, and more, not explained; 0 to 1, neither
};

/// What each kind of finding rests on:
///
/// *leak*: the least requested bytes in each twelfth of leak_window rise in nearly every pair of twelfths (Mann,
/// "Nonparametric tests against trend", Econometrica 13, 1945; S ≥ 46 of 66), by leak_bytes and leak_share at least, in
/// no single step of half of it, and still in the last four. So what comes back within a twelfth, a step to a larger
/// working set, and a beginning, are none. It is over when the least in a twelfth is no more than in the one before,
/// three times on end.
///
/// *hit_rate_drop*: hit_rate or served_rate of the last 12 samples with requests, in each half of them, is below the
/// median of groups of 12 before, 16 at most, by hit_rate_drop, and lower than in any of these; of 8 or more, than in
/// all but one. It is over when half of the fall is made good.
///
/// *slow*: driver_time, compute_time or transfer_time of 4 of the last 6 samples is above slow_factor times the median
/// of up to 192 before, and is an outlier by 4 times the median deviation of the logarithm. A few outliers are none.
///
/// *fragmentation*: the least reserved in three twelfths of leak_window is above what the most that was ever requested
/// explains, by fragmentation_rise more than what the twelfths at some time before had reserved beyond their own most.
/// So what shrinks, and what a peak needed, is explained; in a program that once had a high peak it is seen late.
///
/// One that stands for `history` samples is over too: it has become usual.
///
/// Not thread-safe. note() takes a few microseconds; memory is bounded by `history`, about 200 bytes a sample.
class Watch {
 public:
  /// Throws InvalidArgument for options out of range.
  explicit Watch(const WatchOptions& options = {});
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;
  ~Watch();

  /// What begins or ends with this sample. One that is not later than the last is left out. Counts that are lower than
  /// those of the last, as of another pool, begin everything anew.
  std::vector<Finding> note(const MemorySample& sample);
  /// What was found and is not over.
  [[nodiscard]] std::vector<Finding> findings() const;
  /// Of the samples of the last leak_window, and of what stands. bad: more than 90 % of the limit in use, or requests
  /// refused; warning: errors, less than half of the requests served without the driver (of 10 or more), a finding.
  [[nodiscard]] Health health() const;
  /// Empty without a limit, without growth that goes on, and before there are leak_window ÷ 2 samples.
  [[nodiscard]] std::optional<Forecast> forecast() const;
  /// The latest samples, the last of them last.
  [[nodiscard]] std::vector<MemorySample> history(std::size_t count = SIZE_MAX) const;
  /// A metric over the latest samples.
  [[nodiscard]] MetricSummary summary(Metric metric, std::size_t count = SIZE_MAX) const;
  [[nodiscard]] const WatchOptions& options() const noexcept;

 private:
  class Judges;
  std::unique_ptr<Judges> judges_;
};

}  // namespace weir
