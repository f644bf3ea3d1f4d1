// The ways out for a layout: positions for programs, pictures for people. Called by the tool.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "files/output_file.hpp"
#include "workloads/graph/edges/graph.hpp"

namespace weir::graph {

enum class LayoutFormat : std::uint8_t { json, csv, svg, png };

/// By the path's suffix; "-" and what has none are json. Throws InvalidArgument for another, which lists them, and for
/// png in a build without cairo.
[[nodiscard]] LayoutFormat layout_format(std::string_view path);

/// The whole file, but for its commit(). A node's id is its label, or its number from 0 where the graph has no labels;
/// it is shown as its title, or as its id.
///   json  as networkx' node_link_graph reads it, nodes with x, y and z; `report`, a JSON object, is the graph's data
///   csv   node,label,x,y,z: a row a node
///   svg   a picture, with each node's label where the pointer rests on it
///   png   the same picture, with nodes coloured by their degrees
/// Throws what the file throws.
void write_layout(files::OutputFile& file, LayoutFormat format, const Graph& graph, std::span<const Position> positions,
                  std::string_view report);

}  // namespace weir::graph
