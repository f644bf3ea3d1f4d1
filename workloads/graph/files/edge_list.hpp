// Edge lists: an edge a line, its two nodes and perhaps its weight, by whatever name. SNAP, KONECT, CSV, TSV, networkx.
// Called by read_graph.
#pragma once

#include <optional>

#include "workloads/graph/files/collector.hpp"
#include "workloads/graph/files/fields.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

/// Blank lines and lines that begin with #, % or // are skipped, and up to ten lines of a single field before the first
/// edge: a title, the number of nodes. The first line with fields tells what they are apart by, which is returned,
/// unless it is given; and whether the third field is a weight: a number, or networkx's data with a 'weight'. It is a
/// header where it names a source and a target, or where its nodes are no numbers and those of the next line are. Names
/// of a header say which fields are the nodes and the weight. Other fields are not looked at. Throws ParseError and
/// LimitExceeded with the line.
Separator read_edge_list(TextReader& text, Collector& to, std::optional<Separator> separator = {});

}  // namespace weir::graph
