// The layout's kernels on the host: all pairs by each law and level of instructions, and steps by the tree. Each round
// is a fresh process. Called by weir_bench; bench/graph_layouts.py compares whole layouts with those of other programs.
#pragma once

#include "buffers.hpp"

namespace bench {

/// Throws ChildFailed.
[[nodiscard]] BuffersReport run_graph(unsigned rounds);

}  // namespace bench
