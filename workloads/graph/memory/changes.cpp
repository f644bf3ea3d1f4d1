#include "workloads/graph/memory/changes.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>

#include <weir/errors.hpp>

namespace weir::graph {
namespace {

constexpr std::uint32_t gone = UINT32_MAX;

/// Half of an edge: what is added to a row or taken out of it.
struct Entry {
  std::uint32_t node, neighbour;
  float weight;

  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> place() const { return {node, neighbour}; }
};

std::string text_of(std::uint32_t source, std::uint32_t target) {
  return "edge " + std::to_string(source) + " to " + std::to_string(target);
}

[[noreturn]] void refuse(const std::string& what, const std::string& why) {
  throw InvalidArgument("graph: " + what + " " + why, {.name = what});
}

void sort_by_place(std::vector<Entry>& entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.place() < b.place(); });
}

/// Makes the new rows; numbers are the old ones until they are written.
class Change {
 public:
  Change(const Adjacency& before, const Changes& changes) : before_(before), changes_(changes) {
    before_nodes_ = before.nodes();
    const std::uint64_t nodes = std::uint64_t{before_nodes_} + changes.added_nodes.size();
    if (nodes > max_nodes) {
      throw LimitExceeded(
          "graph: " + std::to_string(nodes) + " nodes are more than " + std::to_string(max_nodes) + "; add fewer",
          {.name = "nodes", .limit = max_nodes});
    }
    nodes_ = static_cast<std::uint32_t>(nodes);
  }

  Changed made() {
    renumber();
    collect();
    write_rows();
    find_ranges();
    return std::move(made_);
  }

 private:
  /// The highest numbers go into the free places, the highest first.
  void renumber() {
    number_.resize(nodes_);
    for (std::uint32_t i = 0; i < nodes_; ++i) number_[i] = i;
    for (const std::uint32_t node : changes_.removed_nodes) {
      if (node >= nodes_) refuse("node " + std::to_string(node), "is taken out, but is not there");
      if (number_[node] == gone) refuse("node " + std::to_string(node), "is taken out twice");
      number_[node] = gone;
    }
    after_nodes_ = nodes_ - static_cast<std::uint32_t>(changes_.removed_nodes.size());
    if (after_nodes_ == 0) refuse("a change", "takes out every node; leave one");
    std::vector<std::uint32_t> holes;
    for (const std::uint32_t node : changes_.removed_nodes) {
      if (node < after_nodes_) holes.push_back(node);
    }
    std::sort(holes.begin(), holes.end(), std::greater<>());
    old_of_.resize(after_nodes_);
    for (std::uint32_t i = 0; i < after_nodes_; ++i) old_of_[i] = i;
    std::uint32_t last = nodes_;
    for (const std::uint32_t hole : holes) {
      do --last;
      while (number_[last] == gone);
      number_[last] = hole;
      old_of_[hole] = last;
      made_.moves.emplace_back(last, hole);
    }
  }

  void require_node(std::uint32_t node, const std::string& edge) const {
    if (node >= nodes_) refuse(edge, "has a node that is not there");
  }
  [[nodiscard]] const std::uint32_t* find(std::uint32_t node, std::uint32_t neighbour) const {
    if (node >= before_nodes_) return nullptr;
    const auto row = before_.row(node);
    const auto at = std::lower_bound(row.begin(), row.end(), neighbour);
    return at != row.end() && *at == neighbour ? &*at : nullptr;
  }

  void collect() {
    for (const auto& [source, target] : changes_.removed_edges) {
      require_node(source, text_of(source, target));
      if (find(source, target) == nullptr) refuse(text_of(source, target), "is taken out, but is not there");
      removed_.push_back({source, target, 0});
      removed_.push_back({target, source, 0});
    }
    sort_by_place(removed_);
    for (const Edge& edge : changes_.added_edges) {
      const std::string text = text_of(edge.source, edge.target);
      require_node(edge.source, text);
      require_node(edge.target, text);
      if (edge.source == edge.target) refuse(text, "goes from a node to itself");
      if (number_[edge.source] == gone || number_[edge.target] == gone) refuse(text, "has a node that is taken out");
      if (!(edge.weight > 0 && std::isfinite(edge.weight))) refuse(text, "has a weight that is not above 0");
      added_.push_back({edge.source, edge.target, edge.weight});
      added_.push_back({edge.target, edge.source, edge.weight});
      if (find(edge.source, edge.target) != nullptr && !is_in(removed_, added_.back())) {
        refuse(text, "is there already");
      }
    }
    sort_by_place(added_);
    refuse_twice(removed_, "is taken out twice");
    refuse_twice(added_, "is added twice");
  }
  static bool is_in(const std::vector<Entry>& sorted, const Entry& entry) {
    return std::binary_search(sorted.begin(), sorted.end(), entry,
                              [](const Entry& a, const Entry& b) { return a.place() < b.place(); });
  }
  static void refuse_twice(const std::vector<Entry>& sorted, const char* why) {
    const auto same = [](const Entry& a, const Entry& b) { return a.place() == b.place(); };
    const auto twice = std::adjacent_find(sorted.begin(), sorted.end(), same);
    if (twice != sorted.end()) refuse(text_of(twice->node, twice->neighbour), why);
  }

  /// The entries of one node.
  static std::span<const Entry> of(const std::vector<Entry>& sorted, std::uint32_t node) {
    const auto below = [](const Entry& entry, std::uint32_t n) { return entry.node < n; };
    const auto first = std::lower_bound(sorted.begin(), sorted.end(), node, below);
    const auto last = std::lower_bound(first, sorted.end(), node + 1, below);
    return {first, last};
  }

  void write_rows() {
    Adjacency& rows = made_.rows;
    const std::uint64_t ends = before_.columns.size() + added_.size();
    rows.offsets.reserve(std::size_t{after_nodes_} + 1);
    rows.columns.reserve(ends);
    rows.weights.reserve(ends);
    rows.offsets.push_back(0);
    for (std::uint32_t node = 0; node < after_nodes_; ++node) {
      write_row(old_of_[node]);
      if (rows.columns.size() > 2 * std::uint64_t{max_edges}) {
        throw LimitExceeded("graph: more than " + std::to_string(max_edges) + " edges; add fewer",
                            {.name = "edges", .limit = max_edges});
      }
      rows.offsets.push_back(static_cast<std::uint32_t>(rows.columns.size()));
    }
  }
  void write_row(std::uint32_t node) {
    Adjacency& rows = made_.rows;
    const std::span<const Entry> removed = of(removed_, node), added = of(added_, node);
    row_.clear();
    bool in_order = true;
    const auto put = [&](std::uint32_t neighbour, float weight) {
      const std::uint32_t number = number_[neighbour];
      if (number == gone) return;
      in_order = in_order && (row_.empty() || row_.back().neighbour < number);
      row_.push_back({node, number, weight});
    };
    if (node < before_nodes_) {
      auto next = removed.begin();
      for (std::uint32_t at = before_.offsets[node]; at < before_.offsets[node + 1]; ++at) {
        const std::uint32_t neighbour = before_.columns[at];
        if (next != removed.end() && next->neighbour == neighbour) {
          ++next;
        } else {
          put(neighbour, before_.weights[at]);
        }
      }
    }
    for (const Entry& entry : added) put(entry.neighbour, entry.weight);
    if (!in_order) sort_by_place(row_);
    for (const Entry& entry : row_) {
      rows.columns.push_back(entry.neighbour);
      rows.weights.push_back(entry.weight);
    }
  }

  void find_ranges() {
    made_.offsets = difference(before_.offsets, made_.rows.offsets, [](auto, auto) { return true; });
    made_.columns = difference(before_.columns, made_.rows.columns, [&](std::size_t old_at, std::size_t at) {
      return before_.weights[old_at] == made_.rows.weights[at];
    });
  }
  /// What of the second differs from the first at the same place; to its end where the lengths differ.
  template <class Same>
  static Range difference(const std::vector<std::uint32_t>& one, const std::vector<std::uint32_t>& other, Same same) {
    const std::size_t common = std::min(one.size(), other.size());
    std::size_t first = 0, last = other.size();
    while (first < common && one[first] == other[first] && same(first, first)) ++first;
    if (one.size() == other.size()) {
      while (last > first && one[last - 1] == other[last - 1] && same(last - 1, last - 1)) --last;
    }
    return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(last)};
  }

  const Adjacency& before_;
  const Changes& changes_;
  std::uint32_t before_nodes_ = 0, nodes_ = 0, after_nodes_ = 0;  // before, with those added, without those taken out
  std::vector<std::uint32_t> number_;                             // by old number, the new one, or gone
  std::vector<std::uint32_t> old_of_;                             // the other way round
  std::vector<Entry> removed_, added_, row_;
  Changed made_;
};

}  // namespace

Changed changed_rows(const Adjacency& before, const Changes& changes) { return Change(before, changes).made(); }

}  // namespace weir::graph
