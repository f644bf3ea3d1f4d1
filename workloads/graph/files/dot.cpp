#include "workloads/graph/files/dot.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "files/excerpt.hpp"
#include "workloads/graph/files/dot_tokens.hpp"

namespace weir::graph {
namespace {

constexpr std::uint64_t max_pairs = std::uint64_t{4} * max_edges;  // of edges between subgraphs
constexpr std::size_t max_chain = 1'000'000;                       // nodes of one statement
constexpr unsigned max_depth = 100;

/// Each once, in ascending order when asked for.
class NodeSet {
 public:
  void add(std::uint32_t node) {
    if (nodes_.size() >= 2 * unique_ + 1'024) settle();
    nodes_.push_back(node);
  }
  void settle() {
    std::sort(nodes_.begin(), nodes_.end());
    nodes_.erase(std::unique(nodes_.begin(), nodes_.end()), nodes_.end());
    unique_ = nodes_.size();
  }
  [[nodiscard]] const std::vector<std::uint32_t>& nodes() const noexcept { return nodes_; }

 private:
  std::vector<std::uint32_t> nodes_;
  std::size_t unique_ = 0;
};

struct Attributes {
  std::optional<std::string> weight, label;
  std::size_t line = 0;
};

/// A label as one line; none where it is made of others.
std::string plain_label(const std::string& label) {
  std::string plain;
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (label[i] != '\\' || i + 1 == label.size()) {
      plain += label[i];
      continue;
    }
    const char escaped = label[++i];
    if (escaped == 'N' || escaped == 'G') return {};
    plain += escaped == 'n' || escaped == 'l' || escaped == 'r' ? ' ' : escaped;
  }
  return plain;
}

class Dot {
 public:
  Dot(TextReader& text, Collector& to) : tokens_(text), to_(to) {}

  void read() {
    if (tokens_.is("strict")) tokens_.next();
    if (!tokens_.is("graph") && !tokens_.is("digraph")) tokens_.refuse_here("graph or digraph");
    tokens_.next();
    if (tokens_.kind() == DotTokens::Kind::name) tokens_.next();
    NodeSet all;
    read_body(all, 1, 0);
    if (tokens_.kind() != DotTokens::Kind::end) tokens_.refuse_here("the file's end, since one graph is read");
  }

 private:
  /// The statements from { to }. `weight` is what edges have that say none.
  void read_body(NodeSet& within, double weight, unsigned depth) {
    const std::size_t line = tokens_.line();
    if (!tokens_.is('{')) tokens_.refuse_here("{");
    if (depth == max_depth) refuse(line, "subgraphs are nested more than " + std::to_string(max_depth) + " deep");
    tokens_.next();
    while (!tokens_.is('}')) {
      if (tokens_.kind() == DotTokens::Kind::end) refuse(line, "a { that stands here is not closed by }");
      read_statement(within, weight, depth);
    }
    tokens_.next();
  }

  void read_statement(NodeSet& within, double& weight, unsigned depth) {
    if (tokens_.is(';') || tokens_.is(',')) {
      tokens_.next();
    } else if (tokens_.is("graph") || tokens_.is("node") || tokens_.is("edge")) {
      const bool edge = tokens_.is("edge");
      tokens_.next();
      if (!tokens_.is('[')) tokens_.refuse_here("[");
      const Attributes defaults = read_attributes();
      if (edge && defaults.weight) weight = to_.weight_of(*defaults.weight, defaults.line);
    } else {
      read_chain(within, weight, depth);
    }
  }

  /// A node, an assignment, or nodes and subgraphs with edges between them.
  void read_chain(NodeSet& within, double weight, unsigned depth) {
    std::vector<std::uint32_t> nodes;
    std::vector<std::size_t> ends;
    const std::size_t line = tokens_.line();
    const bool subgraph = tokens_.is("subgraph") || tokens_.is('{');
    if (!subgraph) {
      if (tokens_.kind() != DotTokens::Kind::name) tokens_.refuse_here("a node, an edge or }");
      const std::string name = tokens_.text();
      tokens_.next();
      if (tokens_.is('=')) {
        tokens_.next();
        expect_name("the value of " + files::excerpt(name));
        return;
      }
      nodes.push_back(to_.node(name, line));
      skip_port();
    } else {
      read_subgraph(nodes, weight, depth);
    }
    ends.push_back(nodes.size());
    while (tokens_.kind() == DotTokens::Kind::edge) {
      tokens_.next();
      read_end(nodes, weight, depth);
      ends.push_back(nodes.size());
      // Subgraphs may be empty.
      if (std::max(nodes.size(), ends.size()) > max_chain) {
        refuse(line, "a statement has more than " + std::to_string(max_chain) + " nodes or subgraphs");
      }
    }
    const Attributes attributes = read_attributes();
    if (attributes.weight && ends.size() > 1) weight = to_.weight_of(*attributes.weight, attributes.line);
    if (attributes.label && ends.size() == 1 && !subgraph)
      to_.set_title(nodes[0], plain_label(*attributes.label), line);
    add_edges(nodes, ends, weight, line);
    if (depth != 0) {
      for (const std::uint32_t node : nodes) within.add(node);
    }
  }

  /// A node or a subgraph behind an edge.
  void read_end(std::vector<std::uint32_t>& nodes, double weight, unsigned depth) {
    if (tokens_.is("subgraph") || tokens_.is('{')) {
      read_subgraph(nodes, weight, depth);
      return;
    }
    const std::size_t line = tokens_.line();
    if (tokens_.kind() != DotTokens::Kind::name) tokens_.refuse_here("the node that an edge goes to");
    nodes.push_back(to_.node(tokens_.text(), line));
    tokens_.next();
    skip_port();
  }

  void read_subgraph(std::vector<std::uint32_t>& nodes, double weight, unsigned depth) {
    if (tokens_.is("subgraph")) {
      tokens_.next();
      if (tokens_.kind() == DotTokens::Kind::name) tokens_.next();
      if (!tokens_.is('{')) tokens_.refuse_here("{ of a subgraph; one that is named again is not looked up");
    }
    NodeSet within;
    read_body(within, weight, depth + 1);
    within.settle();
    nodes.insert(nodes.end(), within.nodes().begin(), within.nodes().end());
  }

  /// Between each two neighbours of a chain.
  void add_edges(const std::vector<std::uint32_t>& nodes, const std::vector<std::size_t>& ends, double weight,
                 std::size_t line) {
    std::size_t start = 0;
    for (std::size_t link = 0; link + 1 < ends.size(); ++link) {
      const std::size_t middle = ends[link], end = ends[link + 1];
      const std::uint64_t pairs = std::uint64_t{middle - start} * (end - middle);
      if (pairs > 1 && (pairs_ += pairs) > max_pairs) {
        refuse(line, "the edges between subgraphs are more than " + std::to_string(max_pairs));
      }
      for (std::size_t i = start; i < middle; ++i) {
        for (std::size_t k = middle; k < end; ++k) to_.edge(nodes[i], nodes[k], weight, line);
      }
      start = middle;
    }
  }

  void skip_port() {
    while (tokens_.is(':')) {
      tokens_.next();
      expect_name("a port");
    }
  }

  void expect_name(const std::string& what) {
    if (tokens_.kind() != DotTokens::Kind::name) tokens_.refuse_here(what);
    tokens_.next();
  }

  /// Of any number of lists in brackets.
  Attributes read_attributes() {
    Attributes read;
    while (tokens_.is('[')) {
      const std::size_t line = tokens_.line();
      tokens_.next();
      while (!tokens_.is(']')) {
        if (tokens_.kind() == DotTokens::Kind::end) refuse(line, "a [ that stands here is not closed by ]");
        if (tokens_.is(',') || tokens_.is(';')) {
          tokens_.next();
        } else {
          read_attribute(read);
        }
      }
      tokens_.next();
    }
    return read;
  }

  void read_attribute(Attributes& to) {
    const std::string name = tokens_.text();
    expect_name("an attribute");
    if (!tokens_.is('=')) return;
    tokens_.next();
    if (name == "weight") {
      to.weight = tokens_.text();
      to.line = tokens_.line();
    } else if (name == "label") {
      to.label = tokens_.text();
    }
    expect_name("the value of " + files::excerpt(name));
  }

  DotTokens tokens_;
  Collector& to_;
  std::uint64_t pairs_ = 0;
};

}  // namespace

void read_dot(TextReader& text, Collector& to) { Dot(text, to).read(); }

}  // namespace weir::graph
