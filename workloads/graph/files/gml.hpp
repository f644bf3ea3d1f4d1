// GML: nodes with an id and perhaps a label, edges with a source, a target and perhaps a weight. Called by read_graph.
#pragma once

#include "workloads/graph/files/collector.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

/// One graph; all but nodes, edges and what is named above is skipped, however deep it is nested. An edge's weight is
/// its `weight`, else its `value`. Nodes may come behind the edges that name them. Throws ParseError and LimitExceeded
/// with the line.
void read_gml(TextReader& text, Collector& to);

}  // namespace weir::graph
