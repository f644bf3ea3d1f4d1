// A graph as the layout takes it: nodes by number, undirected edges, each once. Made by the readers of files, by the
// generators and by tests; the layout, the writers and the measures of quality read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::graph {

inline constexpr std::uint32_t max_nodes = 1'000'000;
inline constexpr std::uint32_t max_edges = 10'000'000;

/// An undirected edge. Its length on the picture has nothing to do with its weight but by the laws that say so.
struct Edge {
  std::uint32_t source = 0;  ///< below `target`
  std::uint32_t target = 0;
  float weight = 1.0F;  ///< above 0

  friend bool operator==(const Edge&, const Edge&) = default;
};

struct Graph {
  std::uint32_t nodes = 0;
  std::vector<Edge> edges = {};          ///< sorted by source, then target; unique; no self loops
  std::vector<std::string> labels = {};  ///< as the input calls them: one a node, or none where it has numbers alone
  std::vector<std::string> titles = {};  ///< what to show in their place: one a node, some empty; or none
  std::uint64_t self_loops = 0;          ///< that the input had, which are left out
  std::uint64_t duplicates = 0;          ///< edges that the input had once more, in either direction; they are left out
};

/// Where a node is. In a layout of two dimensions z is 0.
struct Position {
  float x = 0, y = 0, z = 0;

  friend bool operator==(const Position&, const Position&) = default;
};
static_assert(sizeof(Position) == 12);

}  // namespace weir::graph
