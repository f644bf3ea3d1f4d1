// Where nodes are before the first step: spread evenly by chance over a disc or a ball, by a seed. Called by runs.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

/// The same for the same arguments on every machine: sums, products and square roots alone. A disc of `dimensions` 2
/// has a node for each length², a ball of 3 one for each length³.
[[nodiscard]] std::vector<Position> first_places(std::uint32_t nodes, unsigned dimensions, double length,
                                                 std::uint64_t seed);

}  // namespace weir::graph
