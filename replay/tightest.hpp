// The least memory in which a trace completes: the figure of merit for how well a
// pool packs. Found by replaying under one limit after the other. Called by the
// tools and by benches.
#pragma once

#include <cstdint>
#include <functional>

#include "replay/options.hpp"
#include "replay/report.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// Pages below the answer of which each was tried, and refused.
inline constexpr std::uint64_t pages_tried_below = 8;

/// What the search knows at a moment, in bytes a device: less than `refused` is out of the question, `fits` is enough.
using TightestProgress = std::function<void(std::uint64_t refused, std::uint64_t fits)>;

/// The search by itself, over a yes or no for each number of pages. Invariant: `enough` is a number that completed, or
/// 0 for none so far; `refused` did not complete, or is less than any that can.
class LeastSearch {
 public:
  using Completes = std::function<bool(std::uint64_t pages)>;
  using Progress = std::function<void(std::uint64_t refused, std::uint64_t enough)>;

  /// From `least` on, `guess` first. Throws what `completes` throws; what was found by then stays.
  void run(std::uint64_t least, std::uint64_t guess, const Completes& completes, const Progress& progress = {});

  [[nodiscard]] std::uint64_t enough() const { return enough_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  void bisect(const Completes& completes, const Progress& progress);

  std::uint64_t refused_ = 0;
  std::uint64_t enough_ = 0;
};

/// Every pass of `options` completes on each device within `limit`, and with one page of the device less, and with each
/// of the pages_tried_below - 1 pages below that, one does not. A pool plans by its limit, so that completing need not
/// be monotonic: an answer much further below is not ruled out, but for what is less than the trace asks for. Each
/// device is searched between its peak requested and `enough`, which is enlarged where it does not do; a search takes
/// some 20 replays. `options.capacity` has no part. On an interruption `interrupted` is set and the limit is the best
/// so far. Throws as replay().
[[nodiscard]] Tightest find_tightest(const Trace& trace, const ReplayOptions& options, std::uint64_t enough,
                                     const TightestProgress& progress = {});

}  // namespace weir::replay
