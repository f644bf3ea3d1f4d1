#include "watch/slowness.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "watch/trend.hpp"

namespace weir::watch {
namespace {

constexpr std::size_t recent_means = 6;  // means of samples
constexpr std::size_t enough = 4;        // of these: fewer are outliers
constexpr std::size_t min_means = 24;    // to compare with, at least
constexpr std::size_t max_means = 192;   // and at most
constexpr double clear = 4;              // times the deviation
constexpr double to_sigma = 1.4826;      // of a normal distribution, from its median deviation
constexpr double least_deviation = 0.02;

}  // namespace

double Slowness::median_of_latest() const {
  std::vector<double> latest;
  for (std::size_t i = means_.size() - std::min(recent_means, means_.size()); i < means_.size(); ++i) {
    latest.push_back(means_[i].seconds);
  }
  return quantile(latest, 0.5);
}

std::optional<Evidence> Slowness::note(std::chrono::nanoseconds time, const Timing& done) {
  if (done.count == 0) return std::nullopt;
  constexpr double tick = 1e-9;  // what took no time that a clock tells
  means_.push_back({time, std::max(tick, seconds(done.total) / static_cast<double>(done.count))});
  if (means_.size() > recent_means + max_means) means_.pop_front();
  if (means_.size() < recent_means + min_means) return std::nullopt;
  const std::size_t known = means_.size() - recent_means;
  std::vector<double> logs;
  for (std::size_t i = 0; i < known; ++i) logs.push_back(std::log(means_[i].seconds));
  const double before = quantile(logs, 0.5);
  for (double& each : logs) each = std::fabs(each - before);
  const double deviation = std::max(least_deviation, to_sigma * quantile(logs, 0.5));
  const double bound = before + std::max(std::log(factor_), clear * deviation);
  std::size_t slow = 0;
  std::chrono::nanoseconds since{};
  for (std::size_t i = known; i < means_.size(); ++i) {
    if (std::log(means_[i].seconds) < bound) continue;
    if (slow++ == 0) since = means_[i].time;
  }
  if (slow < enough) return std::nullopt;
  return Evidence{.since = since, .before = std::exp(before), .now = median_of_latest()};
}

std::optional<double> Slowness::over(const Evidence& standing) const {
  const double now = median_of_latest();
  return now < std::sqrt(standing.before * standing.now) ? std::optional(now) : std::nullopt;
}

}  // namespace weir::watch
