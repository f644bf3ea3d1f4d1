// DOT, as Graphviz reads it, but for how things look. Called by read_graph.
#pragma once

#include "workloads/graph/files/collector.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

/// One graph or digraph: nodes, edges and chains of edges, names in quotes or not, ports, comments. The nodes and edges
/// of subgraphs are the graph's; an edge to a subgraph goes to each of its nodes, as in Graphviz. Of attributes an
/// edge's `weight`, its default included, and a node's `label` are read; HTML labels and all others are skipped.
/// Subgraphs are nested up to 100 deep. Throws ParseError and LimitExceeded with the line.
void read_dot(TextReader& text, Collector& to);

}  // namespace weir::graph
