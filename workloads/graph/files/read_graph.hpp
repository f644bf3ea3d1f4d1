// The way in for every file of a graph: tells its format, unpacks it, and has that format's reader make the graph.
// Bounded in memory, whatever the file says: max_nodes, max_edges, and what Labels keeps. Called by the tool and tests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/files/format.hpp"

namespace weir::graph {

struct ReadOptions {
  FileFormat format = FileFormat::automatic;
  bool weights = true;  ///< false: each edge has weight 1, whatever the file says
};

struct GraphFile {
  Graph graph;
  FileFormat format = FileFormat::automatic;       ///< that was read; of edge lists, as the first line told
  bool packed = false;                             ///< by gzip
  bool weighted = false;                           ///< an edge had a weight other than 1
  std::uint64_t label_hits = 0, label_misses = 0;  ///< of the label cache
};

/// Throws NotFound, InvalidArgument (a folder), DriverError (the system could not read it; native_code is errno),
/// ParseError (what it holds, with the line), LimitExceeded (more nodes or edges than are laid out), Unsupported (XML
/// in a build without expat). Each message is one line that starts with the path. "-" is the standard input.
[[nodiscard]] GraphFile read_graph(const std::filesystem::path& path, const ReadOptions& options = {});

/// The same from memory; `name` stands for the file's, and messages are without it.
[[nodiscard]] GraphFile read_graph_text(std::string_view bytes, const ReadOptions& options = {},
                                        std::string_view name = {});

}  // namespace weir::graph
