// GraphML and GEXF, told apart by their root. Called by read_graph.
#pragma once

#include "files/source.hpp"
#include "workloads/graph/files/collector.hpp"

namespace weir::graph {

/// One graph; the nodes and edges of graphs within nodes are its own too, ports are not looked at, hyperedges are
/// refused. An edge's weight is GEXF's attribute or GraphML's data of that name, its default included; a node is shown
/// as GEXF's label, or as GraphML's data named label or name, or yEd's label. Nodes may come behind the edges that name
/// them. Throws ParseError and LimitExceeded with the line, Unsupported in a build without expat.
void read_xml_graph(const files::Source& source, Collector& to);

}  // namespace weir::graph
