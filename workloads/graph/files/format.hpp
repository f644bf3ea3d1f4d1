// The formats of graph files: their names, and which one a file has. Called by read_graph and the command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::graph {

enum class FileFormat : std::uint8_t {
  automatic,  ///< as the content tells, or else the file's name
  edges,      ///< apart by blanks
  csv,        ///< by commas, or by semicolons or tabs where the first line that has a mark has no comma
  tsv,        ///< by tabs
  matrix_market,
  gml,
  graphml,
  gexf,
  dot,
};

/// "edges", "csv", "tsv", "mtx", "gml", "graphml", "gexf" or "dot".
[[nodiscard]] std::string_view name(FileFormat format) noexcept;
/// All of them but automatic, with a comma between each two.
[[nodiscard]] std::string format_names();
/// Throws InvalidArgument, which lists the names. "auto" is automatic.
[[nodiscard]] FileFormat parse_format(std::string_view name);

/// Of a file that begins so, unpacked, and has this name. `automatic` is an edge list whose first line tells what it is
/// divided by. Throws ParseError for what is known to be no graph, which says what it is.
[[nodiscard]] FileFormat identify(std::string_view beginning, std::string_view path);

}  // namespace weir::graph
