// Graphs of short texts, as lines that a test can compare, and the messages of texts that are refused.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "workloads/graph/files/read_graph.hpp"

namespace weir::graph::test {

/// "a b 1.5" an edge, in the graph's order; "a" for each node without edges; behind them.
inline std::vector<std::string> lines_of(const Graph& graph) {
  std::vector<std::string> lines;
  std::vector<bool> met(graph.nodes);
  for (const Edge& edge : graph.edges) {
    char weight[32];
    std::snprintf(weight, sizeof weight, "%g", static_cast<double>(edge.weight));
    lines.push_back(graph.labels.at(edge.source) + ' ' + graph.labels.at(edge.target) + ' ' + weight);
    met[edge.source] = met[edge.target] = true;
  }
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    if (!met[node]) lines.push_back(graph.labels.at(node));
  }
  return lines;
}

inline std::vector<std::string> lines_of(std::string_view text, const ReadOptions& options = {},
                                         std::string_view name = {}) {
  return lines_of(read_graph_text(text, options, name).graph);
}

/// The message of a text that is refused by `Failure`; one line.
template <class Failure = ParseError>
std::string refusal(std::string_view text, const ReadOptions& options = {}, std::string_view name = {}) {
  try {
    static_cast<void>(read_graph_text(text, options, name));
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.message().find('\n'), std::string::npos) << failure.message();
    EXPECT_EQ(failure.message().find('\0'), std::string::npos) << failure.message();
    return failure.message();
  } catch (const Error& failure) {
    return "another error: " + failure.message();
  }
  return "read";
}

}  // namespace weir::graph::test
