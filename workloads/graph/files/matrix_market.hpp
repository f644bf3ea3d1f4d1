// MatrixMarket's sparse matrices: an entry in row i and column j is an edge between nodes i and j. Called by
// read_graph.
#pragma once

#include "workloads/graph/files/collector.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

/// Square matrices of coordinates, of any field and symmetry: an edge's weight is its entry's absolute value, 1 in a
/// pattern; an entry of 0 is no edge. A symmetric matrix lists one of two entries; of a general one the second of both
/// is a duplicate. Throws ParseError and LimitExceeded with the line.
void read_matrix_market(TextReader& text, Collector& to);

}  // namespace weir::graph
