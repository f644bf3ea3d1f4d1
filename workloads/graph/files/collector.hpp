// What the readers of formats give nodes and edges to, with the line they are at: it makes the graph and says what no
// graph may have. Made by read_graph, filled by one reader.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/graph/edges/builder.hpp"
#include "workloads/graph/files/labels.hpp"

namespace weir::graph {

class Collector {
 public:
  /// Without weights each edge has weight 1, whatever the file says.
  explicit Collector(bool with_weights) : with_weights_(with_weights) {}

  // All throw ParseError or LimitExceeded with the line.

  /// The node of this label, which an edge or statement names.
  std::uint32_t node(std::string_view label, std::size_t line);
  /// The node of a list of nodes, which has it once; it is shown as `title` unless that is empty.
  std::uint32_t listed_node(std::string_view label, std::string_view title, std::size_t line);
  void set_title(std::uint32_t node, std::string_view title, std::size_t line);
  /// Nodes 0 to `count` - 1 are labelled 1 to `count`.
  void number_nodes(std::uint64_t count, std::size_t line);

  /// `weight` is as weight_of() gave it.
  void edge(std::uint32_t source, std::uint32_t target, double weight, std::size_t line);
  /// An edge between nodes of these labels.
  void edge(std::string_view source, std::string_view target, double weight, std::size_t line);
  /// Of the text of a weight.
  [[nodiscard]] double weight_of(std::string_view text, std::size_t line) const;
  [[nodiscard]] bool with_weights() const noexcept { return with_weights_; }
  /// Whether an edge had a weight other than 1.
  [[nodiscard]] bool weighted() const noexcept { return weighted_; }
  /// Checks that a weight is one that edges have.
  void check_weight(double weight, std::string_view text, std::size_t line) const;

  /// Throws for an edge whose node is not in the list of nodes.
  void require_listed() const;
  [[nodiscard]] Graph finish();
  [[nodiscard]] const LabelCache& cache() const noexcept { return labels_.cache(); }

 private:
  bool with_weights_, weighted_ = false;
  GraphBuilder builder_;
  Labels labels_;
  std::uint32_t numbered_ = 0;           // nodes without labels
  std::vector<std::uint32_t> named_at_;  // line in which a node is named first, where it is not listed yet, else 0
  std::vector<std::string> titles_;      // of the first nodes
  std::size_t title_bytes_ = 0;
};

/// The whole text as a number; false where it is none. A + before it is let through.
[[nodiscard]] bool to_number(std::string_view text, double& number) noexcept;

}  // namespace weir::graph
