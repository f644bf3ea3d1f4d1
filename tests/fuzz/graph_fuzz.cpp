// Whatever the bytes of a graph's file, it is read or refused with one of weir's errors, and what is read keeps what a
// graph promises. The first byte chooses whether the format is told or said, and which; the second whether weights
// count.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <weir/errors.hpp>

#include "files/characters.hpp"
#include "workloads/graph/files/read_graph.hpp"

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check(const weir::graph::Graph& graph) {
  require(graph.nodes > 0 && graph.nodes <= weir::graph::max_nodes);
  require(graph.labels.size() == graph.nodes && (graph.titles.empty() || graph.titles.size() == graph.nodes));
  for (const std::string& label : graph.labels) require(weir::files::is_utf8(label));
  const weir::graph::Edge* before = nullptr;
  for (const weir::graph::Edge& edge : graph.edges) {
    require(edge.source < edge.target && edge.target < graph.nodes);
    require(std::isfinite(edge.weight) && edge.weight > 0);
    require(before == nullptr || before->source < edge.source ||
            (before->source == edge.source && before->target < edge.target));
    before = &edge;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  using weir::graph::FileFormat;
  const auto format = static_cast<FileFormat>(data[0] % (static_cast<unsigned>(FileFormat::dot) + 1));
  try {
    check(weir::graph::read_graph_text(text, {.format = format, .weights = data[1] % 2 == 0}).graph);
  } catch (const weir::Error& error) {
    require(!error.message().empty() && error.message().find('\n') == std::string::npos);
  }
  return 0;
}
