#include <weir/watch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "watch/drop.hpp"
#include "watch/growth.hpp"
#include "watch/history.hpp"
#include "watch/slowness.hpp"
#include "watch/trend.hpp"

namespace weir {
namespace {

constexpr std::size_t min_window = 48, max_history = 1'000'000;

WatchOptions checked(const WatchOptions& options) {
  const auto require = [](bool holds, const std::string& what) {
    if (!holds) throw InvalidArgument("watch: " + what, {.name = "watch"});
  };
  const auto share = [&](double value, const std::string& what) {
    require(std::isfinite(value) && value > 0 && value < 1,
            what + " is " + std::to_string(value) + "; it must be above 0 and below 1");
  };
  require(options.leak_window >= min_window, "leak_window is " + std::to_string(options.leak_window) +
                                                 " samples; it must be " + std::to_string(min_window) + " or more");
  require(options.history >= options.leak_window && options.history <= max_history,
          "history is " + std::to_string(options.history) + " samples; it must be leak_window's " +
              std::to_string(options.leak_window) + " to " + std::to_string(max_history));
  require(std::isfinite(options.leak_share) && options.leak_share >= 0,
          "leak_share is " + std::to_string(options.leak_share) + "; it must be 0 or more");
  share(options.hit_rate_drop, "hit_rate_drop");
  share(options.fragmentation_rise, "fragmentation_rise");
  require(std::isfinite(options.slow_factor) && options.slow_factor > 1,
          "slow_factor is " + std::to_string(options.slow_factor) + "; it must be above 1");
  return options;
}

std::string_view remedy(FindingKind kind, Metric metric) noexcept {
  switch (kind) {
    case FindingKind::leak: return "nothing before you know who: Pool::live_blocks() names owners";
    case FindingKind::hit_rate_drop:
      return metric == Metric::hit_rate ? "PoolOptions::thread_cache_bytes"
                                        : "PoolOptions::idle_age, keep_free, or the limit";
    case FindingKind::slow:
      return metric == Metric::driver_time     ? "PoolOptions::max_handle_bytes, or call Pool::map_ahead() in a pause"
             : metric == Metric::transfer_time ? "TransferOptions::staging_block_bytes, or use Pinned memory"
                                               : "the size of a step; weir::Pace tells which stream it is";
    case FindingKind::fragmentation: return "PoolOptions::mode to pages, or segment_bytes; Pool::trim() in a pause";
  }
  return {};
}

}  // namespace

class Watch::Judges {
 public:
  explicit Judges(const WatchOptions& options) : options_(checked(options)) { begin_anew(); }

  std::vector<Finding> note(const MemorySample& sample);
  [[nodiscard]] std::vector<Finding> findings() const {
    std::vector<Finding> standing;
    for (const auto& each : standing_) {
      if (each) standing.push_back(each->finding);
    }
    return standing;
  }
  [[nodiscard]] Health health() const;
  [[nodiscard]] std::optional<Forecast> forecast() const;
  [[nodiscard]] std::span<const MemorySample> last(std::size_t count) const noexcept { return history_.last(count); }
  [[nodiscard]] const WatchOptions& options() const noexcept { return options_; }

 private:
  /// A finding for each of these may stand.
  enum Place : std::size_t { leak, hit_rate, served_rate, driver, compute, transfers, unexplained, places };
  static constexpr std::size_t on_end = 3;  // stretches that show what is found in them, and that do not, where it ends

  struct Standing {
    Finding finding;
    watch::Evidence evidence;
    std::size_t samples = 0;  // for which it has stood
    std::size_t quiet = 0;    // stretches on end that do not show it
  };
  void begin_anew();
  void judge_stretches(std::vector<Finding>& told);
  void judge_drop(Place place, watch::Drop& judge, std::uint64_t served, std::uint64_t requests,
                  std::vector<Finding>& told);
  void judge_slowness(Place place, watch::Slowness& judge, const Timing& before, const Timing& now,
                      std::vector<Finding>& told);
  void tell(Place place, const watch::Evidence& evidence, std::vector<Finding>& told);
  void end(Place place, double now, std::vector<Finding>& told);

  const WatchOptions options_;
  watch::History history_{options_.history};
  std::optional<watch::Stretches> stretches_;
  std::optional<watch::Drop> hit_rate_, served_rate_;
  std::optional<watch::Slowness> driver_, compute_, transfers_;
  std::array<std::optional<Standing>, places> standing_;
  std::size_t leaking_ = 0, unexplained_ = 0;  // stretches on end that show it
};

void Watch::Judges::begin_anew() {
  history_ = watch::History(options_.history);
  stretches_.emplace(options_);
  hit_rate_.emplace(options_.hit_rate_drop);
  served_rate_.emplace(options_.hit_rate_drop);
  driver_.emplace(options_.slow_factor);
  compute_.emplace(options_.slow_factor);
  transfers_.emplace(options_.slow_factor);
  standing_ = {};
  leaking_ = unexplained_ = 0;
}

void Watch::Judges::tell(Place place, const watch::Evidence& evidence, std::vector<Finding>& told) {
  struct What {
    FindingKind kind;
    Metric metric;
  };
  constexpr std::array<What, places> what{{{FindingKind::leak, Metric::requested},
                                           {FindingKind::hit_rate_drop, Metric::hit_rate},
                                           {FindingKind::hit_rate_drop, Metric::served_rate},
                                           {FindingKind::slow, Metric::driver_time},
                                           {FindingKind::slow, Metric::compute_time},
                                           {FindingKind::slow, Metric::transfer_time},
                                           {FindingKind::fragmentation, Metric::fragmentation}}};
  const auto [kind, metric] = what[place];
  Finding found{.kind = kind,
                .metric = metric,
                .since = evidence.since,
                .noticed = history_.last(1).front().time,
                .before = evidence.before,
                .now = evidence.now,
                .bytes_per_second = evidence.bytes_per_second,
                .setting = remedy(kind, metric)};
  standing_[place] = Standing{.finding = found, .evidence = evidence};
  told.push_back(std::move(found));
}

void Watch::Judges::end(Place place, double now, std::vector<Finding>& told) {
  Finding ended = standing_[place]->finding;
  ended.over = true;
  ended.now = now;
  ended.noticed = history_.last(1).front().time;
  standing_[place].reset();
  told.push_back(std::move(ended));
}

void Watch::Judges::judge_stretches(std::vector<Finding>& told) {
  const watch::Stretch& last = stretches_->all().back();
  if (!standing_[leak]) {
    const auto evidence = stretches_->leak();
    leaking_ = evidence ? leaking_ + 1 : 0;
    if (leaking_ >= on_end) tell(leak, *evidence, told);
  } else if (stretches_->at_rest()) {
    end(leak, last.least_requested, told);
  }
  const auto evidence = stretches_->unexplained();
  std::optional<Standing>& standing = standing_[unexplained];
  if (!standing) {
    unexplained_ = evidence ? unexplained_ + 1 : 0;
    if (unexplained_ >= on_end) tell(unexplained, *evidence, told);
  } else {
    standing->quiet = evidence ? 0 : standing->quiet + 1;
    if (standing->quiet >= on_end) end(unexplained, last.unexplained(), told);
  }
}

void Watch::Judges::judge_drop(Place place, watch::Drop& judge, std::uint64_t served, std::uint64_t requests,
                               std::vector<Finding>& told) {
  const MemorySample& sample = history_.last(1).front();
  const auto evidence = judge.note(sample.time, served, requests);
  if (!standing_[place]) {
    if (evidence) tell(place, *evidence, told);
  } else if (const auto now = judge.over(standing_[place]->evidence)) {
    end(place, *now, told);
  }
}

void Watch::Judges::judge_slowness(Place place, watch::Slowness& judge, const Timing& before, const Timing& now,
                                   std::vector<Finding>& told) {
  const MemorySample& sample = history_.last(1).front();
  const auto evidence = judge.note(sample.time, {.count = now.count - before.count, .total = now.total - before.total});
  if (!standing_[place]) {
    if (evidence) tell(place, *evidence, told);
  } else if (const auto rest = judge.over(standing_[place]->evidence)) {
    end(place, *rest, told);
  }
}

std::vector<Finding> Watch::Judges::note(const MemorySample& sample) {
  std::vector<Finding> told;
  if (!history_.empty()) {
    const MemorySample& last = history_.last(1).front();
    if (sample.time <= last.time) return told;
    if (sample.allocations < last.allocations || sample.driver.count < last.driver.count ||
        sample.compute.count < last.compute.count || sample.transfers.count < last.transfers.count) {
      begin_anew();
    }
  }
  const MemorySample before = history_.empty() ? sample : history_.last(1).front();
  history_.add(sample);
  for (std::size_t place = 0; place < places; ++place) {
    if (standing_[place] && ++standing_[place]->samples > options_.history) {
      end(static_cast<Place>(place), standing_[place]->finding.now, told);
    }
  }
  if (stretches_->note(sample)) judge_stretches(told);
  const std::uint64_t requests = sample.allocations - before.allocations;
  const std::uint64_t cached = sample.cache_hits - before.cache_hits;
  judge_drop(hit_rate, *hit_rate_, cached, requests, told);
  judge_drop(served_rate, *served_rate_, cached + sample.arena_hits - before.arena_hits, requests, told);
  judge_slowness(driver, *driver_, before.driver, sample.driver, told);
  judge_slowness(compute, *compute_, before.compute, sample.compute, told);
  judge_slowness(transfers, *transfers_, before.transfers, sample.transfers, told);
  return told;
}

Health Watch::Judges::health() const {
  constexpr double high_share = 0.9, low_rate = 0.5;
  constexpr std::uint64_t enough_requests = 10;
  Health health;
  const std::span recent = history_.last(options_.leak_window);
  if (recent.empty()) return health;
  const MemorySample &before = recent.front(), &now = recent.back();
  const auto percent = [](double share) { return std::to_string(std::lround(100 * share)) + " %"; };
  const auto because = [&](HealthStatus status, std::string reason) {
    health.status = std::max(health.status, status);
    health.reasons.push_back(std::move(reason));
  };
  if (const auto share = value(Metric::limit_share, before, now); share && *share > high_share) {
    because(HealthStatus::bad, percent(*share) + " of the limit of " + format_bytes(*now.limit) + " is in use");
  }
  if (now.refusals > before.refusals) {
    because(HealthStatus::bad, std::to_string(now.refusals - before.refusals) + " requests were refused");
  }
  if (now.errors > before.errors) {
    because(HealthStatus::warning, std::to_string(now.errors - before.errors) + " errors were made");
  }
  const auto rate = value(Metric::served_rate, before, now);
  if (rate && *rate < low_rate && now.allocations - before.allocations >= enough_requests) {
    because(HealthStatus::warning, percent(*rate) + " of the requests were served without the driver");
  }
  for (const Finding& each : findings()) because(HealthStatus::warning, each.text());
  return health;
}

std::optional<Forecast> Watch::Judges::forecast() const {
  if (history_.empty()) return std::nullopt;
  const MemorySample& now = history_.last(1).front();
  if (!now.limit) return std::nullopt;
  const auto growth = stretches_->growth();
  if (!growth) return std::nullopt;
  const watch::Stretch& last = stretches_->all().back();
  // What the highest use of a stretch comes to by now, where it was reached in the middle of it.
  const double since = watch::seconds(now.time) - (watch::seconds(last.begin) + watch::seconds(last.end)) / 2;
  const double left = static_cast<double>(*now.limit) - (last.most_in_use + since * *growth);
  const double time = std::clamp(left / *growth, 0.0, 1e9);
  return Forecast{
      .time_left = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(time)),
      .bytes_per_second = *growth,
      .limit = *now.limit};
}

// --- The face ---

Watch::Watch(const WatchOptions& options) : judges_(std::make_unique<Judges>(options)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;

std::vector<Finding> Watch::note(const MemorySample& sample) { return judges_->note(sample); }
std::vector<Finding> Watch::findings() const { return judges_->findings(); }
Health Watch::health() const { return judges_->health(); }
std::optional<Forecast> Watch::forecast() const { return judges_->forecast(); }
const WatchOptions& Watch::options() const noexcept { return judges_->options(); }

std::vector<MemorySample> Watch::history(std::size_t count) const {
  const std::span samples = judges_->last(count);
  return {samples.begin(), samples.end()};
}

MetricSummary Watch::summary(Metric metric, std::size_t count) const {
  const std::span samples = judges_->last(count);
  std::vector<double> known;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto one = value(metric, samples[i == 0 ? 0 : i - 1], samples[i]);
    if (one) known.push_back(*one);
  }
  MetricSummary all;
  if (known.empty()) return all;
  all.count = known.size();
  all.last = known.back();
  for (const double each : known) all.mean += each;
  all.mean /= static_cast<double>(known.size());
  std::sort(known.begin(), known.end());
  const auto at = [&](double part) {  // the least that so many do not pass
    const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(known.size())));
    return known[std::max<std::size_t>(rank, 1) - 1];
  };
  all.min = known.front();
  all.p50 = at(0.5);
  all.p99 = at(0.99);
  all.max = known.back();
  return all;
}

}  // namespace weir
