// The connected components of a graph. They have nothing to hold them together but gravity, so that a layout of several
// needs some, and their places beside each other mean nothing. Called by runs and by what packs them.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/forces/law.hpp"

namespace weir::graph {

struct Components {
  std::vector<std::uint32_t> of;     ///< the component of each node; they are numbered by their first nodes
  std::vector<std::uint32_t> sizes;  ///< nodes of each
};

[[nodiscard]] Components components_of(const Graph& graph);

/// `law`, with a gravity that keeps components near each other if there are several and the law has nothing that does.
[[nodiscard]] Law gathering(Law law, const Components& components);

}  // namespace weir::graph
