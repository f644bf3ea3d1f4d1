// What `weir graph` tells at its end, for people and for scripts. Called by graph.cpp.
#pragma once

#include <string>

#include "graph_options.hpp"

namespace weir::tool {

struct GraphOutcome {
  const GraphCommandLine& line;
  const graph::GraphFile& file;
  const graph::RunReport& report;
  double read_seconds = 0;
};

/// Both end with a line's end. What is told is known before the layout is written, so that the file can hold it.
[[nodiscard]] std::string graph_text(const GraphOutcome& outcome);
[[nodiscard]] std::string graph_json(const GraphOutcome& outcome);

}  // namespace weir::tool
