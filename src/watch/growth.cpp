#include "watch/growth.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "watch/trend.hpp"

namespace weir::watch {
namespace {

constexpr int clear_rise = 46;          // of 66 pairs of twelve: by chance once in 2,000 rows, fewer for three on end
constexpr double of_pairs = 46.0 / 66;  // the same for fewer
constexpr std::size_t still = 4;        // the last stretches, in which it has to go on
constexpr double still_share = 0.15;    // of the growth, in these
constexpr double largest_step = 0.5;    // of the growth, in one stretch
constexpr std::size_t recent_stretches = 3;  // stretches that say what is reserved now
constexpr std::size_t min_for_forecast = 6;  // stretches

double half_way(const Stretch& stretch) noexcept { return (seconds(stretch.begin) + seconds(stretch.end)) / 2; }

}  // namespace

Stretches::Stretches(const WatchOptions& options) noexcept
    : length_(options.leak_window / in_window),
      most_(options.history / length_),
      leak_bytes_(static_cast<double>(options.leak_bytes)),
      leak_share_(options.leak_share),
      unexplained_bytes_(static_cast<double>(options.fragmentation_bytes)),
      rise_(options.fragmentation_rise) {}

bool Stretches::note(const MemorySample& sample) {
  const auto requested = static_cast<double>(sample.requested), reserved = static_cast<double>(sample.reserved);
  const auto in_use = static_cast<double>(sample.in_use);
  if (in_open_++ == 0) {
    open_ = {.begin = sample.time,
             .end = sample.time,
             .least_requested = requested,
             .least_reserved = reserved,
             .most_reserved = reserved,
             .most_in_use = in_use};
  }
  open_.end = sample.time;
  open_.least_requested = std::min(open_.least_requested, requested);
  open_.peak_requested = static_cast<double>(sample.peak_requested);
  open_.least_reserved = std::min(open_.least_reserved, reserved);
  open_.most_reserved = std::max(open_.most_reserved, reserved);
  open_.most_in_use = std::max(open_.most_in_use, in_use);
  if (in_open_ < length_) return false;
  in_open_ = 0;
  if (all_.size() == most_) all_.erase(all_.begin());
  all_.push_back(open_);
  return true;
}

std::optional<Evidence> Stretches::leak() const {
  if (all_.size() < in_window) return std::nullopt;
  const std::span last = std::span(all_).last(in_window);
  std::array<double, in_window> least{}, at{};
  for (std::size_t i = 0; i < in_window; ++i) {
    least[i] = last[i].least_requested;
    at[i] = half_way(last[i]);
  }
  const double growth = least.back() - least.front();
  if (growth < leak_bytes_ || growth < leak_share_ * least.front()) return std::nullopt;
  if (rising_pairs(least) < clear_rise) return std::nullopt;
  for (std::size_t i = 1; i < least.size(); ++i) {
    if (least[i] - least[i - 1] > largest_step * growth) return std::nullopt;
  }
  if (least.back() - least[least.size() - 1 - still] < still_share * growth) return std::nullopt;
  return Evidence{.since = last.front().begin,
                  .before = least.front(),
                  .now = least.back(),
                  .bytes_per_second = median_slope(at, least)};
}

bool Stretches::at_rest() const noexcept {
  if (all_.size() <= recent_stretches) return false;
  for (std::size_t i = all_.size() - recent_stretches; i < all_.size(); ++i) {
    if (all_[i].least_requested > all_[i - 1].least_requested) return false;
  }
  return true;
}

std::optional<Evidence> Stretches::unexplained() const {
  if (all_.size() < 2 * recent_stretches) return std::nullopt;
  const std::span last = std::span(all_).last(recent_stretches);
  double reserved = last.front().least_reserved;
  for (const Stretch& each : last) reserved = std::min(reserved, each.least_reserved);
  if (reserved <= 0) return std::nullopt;
  // What was requested between two samples is known by the peak alone, so that has to explain what is reserved.
  const double now = 1 - all_.back().peak_requested / reserved;
  std::optional<Evidence> found;
  double most = rise_;
  for (std::size_t i = 0; i + 2 * recent_stretches <= all_.size(); ++i) {
    double then = 0;
    for (const Stretch& each : std::span(all_).subspan(i, recent_stretches)) then = std::max(then, each.unexplained());
    if (now - then < most || (now - then) * reserved < unexplained_bytes_) continue;
    most = now - then;
    found = Evidence{.since = all_[i + recent_stretches].begin, .before = then, .now = now};
  }
  return found;
}

std::optional<double> Stretches::growth() const {
  if (all_.size() < min_for_forecast) return std::nullopt;
  std::vector<double> most, at;
  for (const Stretch& each : std::span(all_).last(std::min(all_.size(), in_window))) {
    most.push_back(each.most_in_use);
    at.push_back(half_way(each));
  }
  const double pairs = static_cast<double>(most.size() * (most.size() - 1)) / 2;
  if (rising_pairs(most) < of_pairs * pairs) return std::nullopt;
  const double slope = median_slope(at, most);
  return slope > 0 ? std::optional(slope) : std::nullopt;
}

}  // namespace weir::watch
