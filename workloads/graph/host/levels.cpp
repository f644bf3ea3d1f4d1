#include "workloads/graph/host/levels.hpp"

#include "compute/processor.hpp"

namespace weir::graph {

#define WEIR_GRAPH_DECLARE(level)                                                                              \
  namespace level {                                                                                            \
  void run_part(const PlanStep& step, const forces::Buffers& buffers, std::uint32_t round, std::uint32_t part, \
                std::uint32_t parts);                                                                          \
  }
WEIR_GRAPH_DECLARE(baseline)
#if defined(__x86_64__)
WEIR_GRAPH_DECLARE(v3)
WEIR_GRAPH_DECLARE(v4)
#endif
#undef WEIR_GRAPH_DECLARE

std::vector<Level> levels() {
#if defined(__x86_64__)
  std::vector<Level> all{{"x86-64", baseline::run_part}};
  if (compute::runs_v3()) all.push_back({"x86-64-v3", v3::run_part});
  if (compute::runs_v4()) all.push_back({"x86-64-v4", v4::run_part});
  return all;
#else
  return {{"baseline", baseline::run_part}};
#endif
}

Level choose_level(std::string_view name) { return compute::choose_level(levels(), name); }

std::uint32_t rounds_of(const PlanStep& step) {
  if (step.body != forces::Body::repel_all) return 1;
  const std::uint32_t tiles = (step.parameters.count + forces::tile_nodes - 1) / forces::tile_nodes;
  return tiles + (tiles & 1U);  // the tile's own, then one for each other seat
}

std::uint64_t work_of(const PlanStep& step) {
  const std::uint64_t items = step.items;
  switch (step.body) {
    case forces::Body::repel_all: return items * forces::tile_nodes / 2;
    case forces::Body::repel_by_tree: return items * 500;
    case forces::Body::make_code:
    case forces::Body::attract: return items * 32;
    case forces::Body::make_leaf: return items * 128;
    case forces::Body::bound_nodes:
    case forces::Body::sum_swinging:
    case forces::Body::sum_movement: return items * forces::sum_items * 8;
    case forces::Body::sum_sums: return items * forces::sum_items;
    default: return items * 8;
  }
}

}  // namespace weir::graph
