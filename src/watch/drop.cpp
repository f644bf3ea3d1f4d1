#include "watch/drop.hpp"

#include <algorithm>
#include <vector>

#include "watch/trend.hpp"

namespace weir::watch {
namespace {

constexpr double min_requests = 16;      // fewer say nothing
constexpr std::size_t recent = 12;       // shares that say what is now
constexpr std::size_t min_before = 36;   // shares to compare with, at least
constexpr std::size_t max_before = 192;  // and at most
constexpr std::size_t many = 8;          // groups of them, of which one may be as low as what is now

}  // namespace

double Drop::rate(std::size_t first, std::size_t count) const noexcept {
  double served = 0, requests = 0;
  for (std::size_t i = first; i < first + count; ++i) {
    served += shares_[i].served;
    requests += shares_[i].requests;
  }
  return served / requests;
}

double Drop::now() const noexcept { return rate(shares_.size() - recent, recent); }

std::optional<Evidence> Drop::note(std::chrono::nanoseconds time, std::uint64_t served, std::uint64_t requests) {
  if (requests == 0) return std::nullopt;
  open_.time = time;
  open_.served += static_cast<double>(served);
  open_.requests += static_cast<double>(requests);
  if (open_.requests < min_requests) return std::nullopt;
  shares_.push_back(open_);
  open_ = {};
  if (shares_.size() > recent + max_before) shares_.pop_front();
  if (shares_.size() < recent + min_before) return std::nullopt;
  // One share may be of the first requests after a pause, or of memory that grew; a group of them is not.
  const std::size_t known = shares_.size() - recent;
  std::vector<double> groups;
  for (std::size_t first = known % recent; first < known; first += recent) groups.push_back(rate(first, recent));
  const double before = quantile(groups, 0.5);
  constexpr std::size_t half = recent / 2;
  const double least_now = std::max(rate(known, half), rate(known + half, half));
  if (before - least_now < least_fall_) return std::nullopt;
  const auto as_low = std::count_if(groups.begin(), groups.end(), [&](double each) { return each <= now(); });
  if (as_low > (groups.size() < many ? 0 : 1)) return std::nullopt;
  const double after = rate(known + half, half);
  std::size_t first = known;  // the first of these that is nearer to what is now
  while (first + 1 < shares_.size() && rate(first, 1) > (before + after) / 2) ++first;
  return Evidence{.since = shares_[first].time, .before = before, .now = after};
}

std::optional<double> Drop::over(const Evidence& standing) const {
  const double rate = now();
  return rate >= (standing.before + standing.now) / 2 ? std::optional(rate) : std::nullopt;
}

}  // namespace weir::watch
