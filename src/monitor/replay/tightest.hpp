// The least memory in which a trace completes: the figure of merit for how well a
// pool packs. Found by replaying under one limit after the other. Called by the
// tools and by benches.
#pragma once

#include <cstdint>
#include <functional>

#include "monitor/replay/options.hpp"
#include "monitor/replay/report.hpp"
#include "monitor/replay/trace.hpp"

namespace weir::replay {

/// Pages below the answer of which each was tried, and refused.
inline constexpr std::uint64_t pages_tried_below = 8;

/// What the search knows at a moment, in bytes a device: less than `refused` is out of the question, `fits` is enough.
using TightestProgress = std::function<void(std::uint64_t refused, std::uint64_t fits)>;

/// Every pass of `options` completes on each device within `limit`, and with one page of the device less, and with each
/// of the pages_tried_below - 1 pages below that, one does not. A pool plans by its limit, so that completing need not
/// be monotonic: an answer much further below is not ruled out, but for what is less than the trace asks for. Each
/// device is searched between its peak requested and `enough`, which is enlarged where it does not do; a search takes
/// some 20 replays. `options.capacity` has no part. On an interruption `interrupted` is set and the limit is the best so
/// far. Throws as replay().
[[nodiscard]] Tightest find_tightest(const Trace& trace, const ReplayOptions& options, std::uint64_t enough,
                                     const TightestProgress& progress = {});

}  // namespace weir::replay
