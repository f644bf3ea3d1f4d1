// See tightest.hpp.
#include "monitor/replay/tightest.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "monitor/replay/device_replay.hpp"

namespace weir::replay {
namespace {

std::uint64_t peak_requested(const DeviceTrace& trace) {
  std::uint64_t live = 0;
  std::uint64_t peak = 0;
  for (const TraceEvent& event : trace.events) {
    const std::uint64_t bytes = trace.block_bytes[event.block];
    live = event.kind == TraceEvent::Kind::allocate ? live + bytes : live - bytes;
    peak = std::max(peak, live);
  }
  return peak;
}

/// One device's search, in pages. Invariant: `enough_` completed and `refused_` did not, or is out of the question.
class Search {
 public:
  Search(const DeviceTrace& trace, const ReplayOptions& options, const TightestProgress& progress)
      : trace_(trace), options_(options), progress_(progress), page_(DeviceReplay(trace, options).page_bytes()) {}

  /// The least that is enough; where interrupted, what is known by then.
  void run(std::uint64_t enough_bytes) {
    const std::uint64_t least = std::max<std::uint64_t>(1, pages(peak_requested(trace_)));
    refused_ = least - 1;
    std::uint64_t tried = std::max(least, pages(enough_bytes));
    while (!completes(tried)) {
      constexpr std::uint64_t steps = 64;  // a step adds one part of so many
      refused_ = tried;
      tried += std::max<std::uint64_t>(1, tried / steps);
    }
    enough_ = tried;
    if (refused_ >= least) refused_ = least - 1;  // what lies below was not tried
    bisect();
    while (const auto below = one_below(least)) {
      enough_ = *below;
      refused_ = least - 1;
      bisect();
    }
  }

  [[nodiscard]] std::optional<std::uint64_t> enough_bytes() const {
    return enough_ == 0 ? std::nullopt : std::optional(enough_ * page_);
  }
  [[nodiscard]] std::uint64_t refused_bytes() const { return refused_ * page_; }

 private:
  [[nodiscard]] std::uint64_t pages(std::uint64_t bytes) const { return bytes / page_ + (bytes % page_ != 0 ? 1 : 0); }

  void bisect() {
    while (enough_ - refused_ > 1) {
      if (progress_) progress_(refused_ * page_, enough_ * page_);
      const std::uint64_t middle = refused_ + (enough_ - refused_) / 2;
      (completes(middle) ? enough_ : refused_) = middle;
    }
  }

  /// Another that is enough among the few below the answer; the one right below it was refused.
  std::optional<std::uint64_t> one_below(std::uint64_t least) {
    for (std::uint64_t i = 2; i <= pages_tried_below && enough_ >= least + i; ++i) {
      if (completes(enough_ - i)) return enough_ - i;
    }
    return std::nullopt;
  }

  bool completes(std::uint64_t limit) {
    ReplayOptions options = options_;
    options.capacity = limit * page_;
    DeviceReplay replay(trace_, options);
    for (std::uint32_t pass = 0; pass < options.passes; ++pass) {
      if (!replay.run_pass()) return false;
    }
    return true;
  }

  const DeviceTrace& trace_;
  const ReplayOptions& options_;
  const TightestProgress& progress_;
  const std::uint64_t page_;
  std::uint64_t refused_ = 0;
  std::uint64_t enough_ = 0;  // 0: not known yet
};

}  // namespace

Tightest find_tightest(const Trace& trace, const ReplayOptions& options, std::uint64_t enough,
                       const TightestProgress& progress) {
  ReplayOptions unbounded = options;
  unbounded.capacity = {};
  Tightest found;
  for (const DeviceTrace& device : trace.devices) {
    Search search(device, unbounded, progress);
    try {
      if (!found.interrupted) search.run(enough);
    } catch (const Interrupted&) {
      found.interrupted = true;
    }
    const std::uint64_t limit = search.enough_bytes().value_or(enough);
    found.limit = std::max(found.limit, limit);
    found.all += limit;
    found.refused = std::max(found.refused, search.refused_bytes());
  }
  return found;
}

}  // namespace weir::replay
