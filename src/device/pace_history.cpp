#include "device/pace_history.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

namespace weir::device {
namespace {

constexpr std::size_t nearest = 31;      // operations that say what one takes
constexpr std::size_t first_judges = 3;  // before so many are known, none is compared
constexpr double rarity = 1e6;           // operations between two false alarms

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

PaceHistory::PaceHistory(const PaceOptions& options)
    : warm_up_(options.warm_up),
      min_history_(options.min_history),
      history_(options.history),
      min_operations_(options.min_operations),
      drift_(std::log(options.factor) / 2) {}

double PaceHistory::expected(double work, Rule rule) const {
  std::vector<std::pair<double, std::size_t>> order;  // how far in size, and how long ago
  order.reserve(known_.size());
  for (std::size_t i = 0; i < known_.size(); ++i) {
    order.emplace_back(std::fabs(std::log(work / known_[i].work)), known_.size() - i);
  }
  const std::size_t count = std::min(nearest, order.size());
  std::ranges::nth_element(order, order.begin() + static_cast<std::ptrdiff_t>(count - 1));
  std::vector<double> bounds;
  bounds.reserve(count);
  for (const auto& [distance, age] : std::span(order).first(count)) {
    const Done& each = known_[known_.size() - age];
    const double times = work / each.work;
    bounds.push_back(each.seconds * (rule == Rule::at_most ? std::max(times, 1.0) : times));
  }
  return median(std::move(bounds));
}

double PaceHistory::step(double excess) const noexcept { return std::min(excess - drift_, drift_); }

/// What the sum must reach. Infinite where the history itself goes up as often as it counts.
double PaceHistory::threshold() const {
  std::vector<double> steps{drift_};
  for (const Done& each : known_) steps.push_back(step(each.excess));
  const auto mean = [&](const auto& of) {
    double sum = 0;
    for (const double each : steps) sum += of(each);
    return sum / static_cast<double>(steps.size());
  };
  if (mean([](double each) { return each; }) >= 0) return std::numeric_limits<double>::infinity();
  // The mean of exp(θ · step) is 1 at 0, falls, and rises past 1 again at the θ that is wanted.
  const auto above = [&](double theta) { return mean([&](double each) { return std::exp(theta * each); }) > 1; };
  double low = 0, high = 1 / drift_;
  while (!above(high)) {
    low = high;
    high *= 2;
  }
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (above(middle) ? high : low) = middle;
  }
  return std::max(static_cast<double>(min_operations_) * drift_, std::log(rarity) / high);
}

void PaceHistory::remember(const Done& done) {
  known_.push_back(done);
  if (known_.size() > history_) known_.pop_front();
}

void PaceHistory::remember_suspects() {
  for (const Done& each : suspects_) remember(each);
  suspects_.clear();
  sum_ = 0;
}

std::optional<PaceChange> PaceHistory::note(double work, double seconds) {
  ++operations_;
  if (operations_ <= warm_up_) return std::nullopt;
  if (!judged()) {
    const bool compare = known_.size() >= first_judges;
    remember({work, seconds, compare ? std::log(seconds / expected(work, Rule::at_most)) : 0});
    return std::nullopt;
  }
  return slow_ ? look_for_recovery(work, seconds) : judge(work, seconds);
}

std::optional<PaceChange> PaceHistory::judge(double work, double seconds) {
  const double excess = std::log(seconds / expected(work, Rule::at_most));
  sum_ = std::max(0.0, sum_ + step(excess));
  if (suspects_.empty()) since_ = operations_;
  suspects_.push_back({work, seconds, excess});
  // Below the factor for as long as a history is: what it is like now. So a slow drift is followed.
  if (sum_ == 0 || suspects_.size() > history_) remember_suspects();
  if (sum_ < static_cast<double>(min_operations_) * drift_ || sum_ < threshold()) return std::nullopt;
  const PaceChange found = change(true);
  suspects_.clear();
  sum_ = 0;
  slow_ = true;
  return found;
}

// Smaller operations have larger overheads, so here a unit is compared with a unit: it errs on the side of slow.
std::optional<PaceChange> PaceHistory::look_for_recovery(double work, double seconds) {
  const double excess = std::log(seconds / expected(work, Rule::by_unit));
  sum_ = std::max(0.0, sum_ + std::min(drift_ - excess, drift_));
  if (suspects_.empty()) since_ = operations_;
  suspects_.push_back({work, seconds, excess});
  if (sum_ == 0) suspects_.clear();
  if (sum_ < static_cast<double>(min_operations_) * drift_) return std::nullopt;
  const PaceChange found = change(false);
  slow_ = false;
  remember_suspects();
  return found;
}

PaceChange PaceHistory::change(bool slower) const {
  std::vector<double> excesses;
  const std::size_t first = suspects_.size() - std::min(suspects_.size(), min_operations_);
  for (std::size_t i = first; i < suspects_.size(); ++i) excesses.push_back(suspects_[i].excess);
  return {.slower = slower, .factor = std::exp(median(std::move(excesses))), .operation = operations_, .since = since_};
}

}  // namespace weir::device
