// The loops of one level: WEIR_GRAPH_LEVEL names it and its namespace. Included by one source file a level, which the
// build gives the level's flags. Calls nothing that another level might share: the linker would keep one copy of it.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "workloads/graph/host/levels.hpp"

namespace weir::graph::WEIR_GRAPH_LEVEL {
namespace {

// NOLINTBEGIN(google-build-using-namespace): the bodies have GLSL's one namespace.
using namespace forces;
// NOLINTEND(google-build-using-namespace)

/// The bodies in this level's own namespace: a Thread that others share would be one copy.
struct Bodies : Buffers, Parameters {
  Bodies(const Buffers& buffers, const Parameters& told) : Buffers(buffers), Parameters(told) {}

#include "compute/sort_bodies.hpp"
#include "workloads/graph/forces/motion.hpp"
#include "workloads/graph/forces/order.hpp"
#include "workloads/graph/forces/pairs.hpp"
#include "workloads/graph/forces/sums.hpp"
#include "workloads/graph/forces/tree.hpp"
};

/// The items of one part, of `count`.
struct Share {
  Share(uint count, uint part, uint parts)
      : first(static_cast<uint>(std::uint64_t{count} * part / parts)),
        last(static_cast<uint>(std::uint64_t{count} * (part + 1) / parts)) {}
  uint first, last;
};

#include "workloads/graph/host/lanes.hpp"
#include "workloads/graph/host/pairs.hpp"
#include "workloads/graph/host/sorting.hpp"
#include "workloads/graph/host/tiles.hpp"
#include "workloads/graph/host/walks.hpp"

template <Body body>
[[gnu::flatten]] void run_each(Bodies bodies, Share share) {
  for (uint i = share.first; i < share.last; ++i) run_item<body>(bodies, i);
}

}  // namespace

// Declared by levels.cpp. The first pass of a sort does it all.
void run_part(const PlanStep& step, const Buffers& buffers, std::uint32_t round, std::uint32_t part,
              std::uint32_t parts) {
  const Parameters& told = step.parameters;
  switch (step.body) {
    case Body::repel_all:
      return with_law(told, [&]<uint law, uint dimensions, bool weighted>() {
        repel_round<law, dimensions, weighted>(Bodies(buffers, told), round, part, parts);
      });
    case Body::repel_by_tree:
      return with_law(told, [&]<uint law, uint dimensions, bool weighted>() {
        walk_share<law, dimensions, weighted>(Bodies(buffers, told), part, parts);
      });
    case Body::make_code: return make_codes(Bodies(buffers, told), Share(step.items, part, parts));
    case Body::count_digits:
      if (told.digit == 0 && part == 0) sort_codes(buffers, told);
      return;
    case Body::sum_block:
    case Body::place_block:
    case Body::move_run: return;
    default: break;
  }
  const Share share(step.items, part, parts);
  switch (step.body) {
#define WEIR_GRAPH_RUN(name, numbers) \
  case Body::name: return run_each<Body::name>(Bodies(buffers, step.parameters), share);
    WEIR_GRAPH_KERNELS(WEIR_GRAPH_RUN)
#undef WEIR_GRAPH_RUN
  }
}

}  // namespace weir::graph::WEIR_GRAPH_LEVEL
