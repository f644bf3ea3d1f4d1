// The Morton order of points: codes of up to 48 bits and a stable sort by them. The order does not depend on the
// number of threads, as each has a range of the points and ranges keep their order. Called by the tree.
#pragma once

#include <span>

#include "tree.hpp"

namespace weir::lidar {

/// Leaves `codes` sorted and in `input` where each one's point is; `codes_before` and `input_before` hold nothing then.
void order_points(std::span<const Point> points, std::size_t threads, const TreeMemory& memory);

}  // namespace weir::lidar
