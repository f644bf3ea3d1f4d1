// The points of a chunk brought into Morton order, by codes of up to 48 bits; cells that hold more than a leaf are
// ordered again within, down to single places. The order does not depend on the number of threads: the highest digit
// brings points into buckets, each thread keeping the order of its ranges, and every bucket is sorted on its own, where
// it fits into a core's cache. Called by the tree.
#pragma once

#include <span>

#include "compute/team.hpp"
#include "workloads/lidar/neighbours/box.hpp"
#include "workloads/lidar/neighbours/tree.hpp"

namespace weir::lidar {

/// Fills all of `memory` but the nodes; `codes` and `words` hold nothing then. The first `queries` of the points are
/// queries. Gives the box of all, from whose low corner the order counts.
[[nodiscard]] Box<std::int32_t> order_points(std::span<const Point> points, std::size_t queries, compute::Team& team,
                                             const TreeMemory& memory);
[[nodiscard]] Box<std::int64_t> order_points(std::span<const WidePoint> points, std::size_t queries,
                                             compute::Team& team, const WideTreeMemory& memory);

}  // namespace weir::lidar
