// Rows after changes, against a graph that is built anew: numbers, rows, moves, what has to be uploaded, and what is
// refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>
#include <utility>

#include <weir/errors.hpp>

#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/memory/changes.hpp"

namespace weir::graph::test {
namespace {

/// A graph that knows its nodes by identities, and gives them numbers as the rule says.
class Model {
 public:
  explicit Model(const Graph& graph) {
    for (std::uint32_t i = 0; i < graph.nodes; ++i) nodes_.push_back(next_++);
    for (const Edge& edge : graph.edges) add(edge.source, edge.target, edge.weight);
  }
  void apply(const Changes& changes) {
    for (const auto& [a, b] : changes.removed_edges) edges_.erase(key(nodes_[a], nodes_[b]));
    for (std::size_t i = 0; i < changes.added_nodes.size(); ++i) nodes_.push_back(next_++);
    for (const Edge& edge : changes.added_edges) add(edge.source, edge.target, edge.weight);
    std::vector<std::uint32_t> removed = changes.removed_nodes;
    std::sort(removed.rbegin(), removed.rend());
    const std::size_t after = nodes_.size() - removed.size();
    const std::uint64_t nobody = UINT64_MAX;
    for (const std::uint32_t node : removed) {
      const std::uint64_t id = std::exchange(nodes_[node], nobody);
      std::erase_if(edges_, [&](const auto& each) { return each.first.first == id || each.first.second == id; });
    }
    std::erase_if(removed, [&](std::uint32_t node) { return node >= after; });
    for (const std::uint32_t node : removed) {
      while (nodes_.back() == nobody) nodes_.pop_back();
      nodes_[node] = nodes_.back();
      nodes_.pop_back();
    }
    nodes_.resize(after);
  }
  [[nodiscard]] Graph graph() const {
    Graph made;
    made.nodes = static_cast<std::uint32_t>(nodes_.size());
    std::map<std::uint64_t, std::uint32_t> number;
    for (std::uint32_t i = 0; i < made.nodes; ++i) number[nodes_[i]] = i;
    for (const auto& [ends, weight] : edges_) {
      const std::uint32_t a = number.at(ends.first), b = number.at(ends.second);
      made.edges.push_back({std::min(a, b), std::max(a, b), weight});
    }
    std::sort(made.edges.begin(), made.edges.end(), [](const Edge& a, const Edge& b) {
      return std::pair(a.source, a.target) < std::pair(b.source, b.target);
    });
    return made;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& nodes() const { return nodes_; }
  [[nodiscard]] bool has(std::uint32_t a, std::uint32_t b) const { return edges_.contains(key(nodes_[a], nodes_[b])); }

 private:
  using Ends = std::pair<std::uint64_t, std::uint64_t>;
  static Ends key(std::uint64_t a, std::uint64_t b) { return {std::min(a, b), std::max(a, b)}; }
  void add(std::uint32_t a, std::uint32_t b, float weight) { edges_[key(nodes_[a], nodes_[b])] = weight; }

  std::uint64_t next_ = 0;
  std::vector<std::uint64_t> nodes_;
  std::map<Ends, float> edges_;
};

bool same(const Adjacency& a, const Adjacency& b) {
  return a.offsets == b.offsets && a.columns == b.columns && a.weights == b.weights;
}

/// What is there before, with the ranges alone taken over, is what is there after.
void expect_uploaded(const Adjacency& before, const Changed& changed) {
  const auto patched = [](auto old_values, const auto& values, Range range) {
    old_values.resize(values.size());
    std::copy(values.begin() + range.first, values.begin() + range.last, old_values.begin() + range.first);
    return old_values;
  };
  EXPECT_EQ(patched(before.offsets, changed.rows.offsets, changed.offsets), changed.rows.offsets);
  EXPECT_EQ(patched(before.columns, changed.rows.columns, changed.columns), changed.rows.columns);
  EXPECT_EQ(patched(before.weights, changed.rows.weights, changed.columns), changed.rows.weights);
}

Changes random_changes(std::mt19937& random, const Model& model, std::uint32_t nodes) {
  const auto below = [&](std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); };
  Changes changes;
  changes.added_nodes.resize(below(4));
  const std::uint32_t all = nodes + static_cast<std::uint32_t>(changes.added_nodes.size());
  std::vector<std::uint32_t> numbers(all);
  for (std::uint32_t i = 0; i < all; ++i) numbers[i] = i;
  std::shuffle(numbers.begin(), numbers.end(), random);
  changes.removed_nodes.assign(numbers.begin(), numbers.begin() + below(std::min(5U, all)));
  const auto is_removed = [&](std::uint32_t node) {
    return std::find(changes.removed_nodes.begin(), changes.removed_nodes.end(), node) != changes.removed_nodes.end();
  };
  std::vector<std::pair<std::uint32_t, std::uint32_t>> used;
  for (int i = 0; i < 8; ++i) {
    const std::uint32_t a = below(all), b = below(all);
    const std::pair<std::uint32_t, std::uint32_t> ends(std::min(a, b), std::max(a, b));
    if (a == b || std::find(used.begin(), used.end(), ends) != used.end()) continue;
    used.push_back(ends);
    const bool there = a < nodes && b < nodes && model.has(a, b);
    if (there) changes.removed_edges.emplace_back(a, b);
    // One that is taken out may come back with another weight.
    if (!is_removed(a) && !is_removed(b) && (!there || below(2) == 0)) {
      changes.added_edges.push_back({a, b, 0.5F + static_cast<float>(below(9))});
    }
  }
  return changes;
}

TEST(Changes, GiveTheRowsOfAGraphThatIsBuiltAnew) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const Graph first = seed % 2 == 0 ? grid_graph(6, 5) : preferential_graph(25, 2, seed);
    Model model(first);
    Adjacency rows = adjacency_of(first);
    for (int round = 0; round < 60; ++round) {
      const std::vector<std::uint64_t> before = model.nodes();
      const Changes changes = random_changes(random, model, rows.nodes());
      const Changed changed = changed_rows(rows, changes);
      model.apply(changes);
      ASSERT_TRUE(same(changed.rows, adjacency_of(model.graph()))) << seed << ", " << round;
      expect_uploaded(rows, changed);
      for (const auto& [from, to] : changed.moves) {
        ASSERT_GE(from, changed.rows.nodes());
        ASSERT_LT(to, changed.rows.nodes());
        if (from < before.size()) {
          ASSERT_EQ(model.nodes()[to], before[from]);
        }
      }
      rows = changed.rows;
    }
  }
}

TEST(Changes, UploadNoMoreThanDiffers) {
  const Adjacency rows = adjacency_of(grid_graph(100, 100));
  Changes last;
  last.added_nodes.resize(1);
  last.added_edges.push_back({9'999, 10'000, 1});
  const Changed changed = changed_rows(rows, last);
  EXPECT_LE(changed.columns.size(), 4U);
  EXPECT_LE(changed.offsets.size(), 2U);
  Changes weight;  // of one edge in the middle
  weight.removed_edges.emplace_back(5'000, 5'001);
  weight.added_edges.push_back({5'001, 5'000, 7});
  const Changed other = changed_rows(rows, weight);
  EXPECT_EQ(other.offsets.size(), 0U);
  EXPECT_LE(other.columns.size(), 8U);
  EXPECT_GE(other.columns.size(), 2U);
  EXPECT_TRUE(other.moves.empty());
}

TEST(Changes, ThatMakeNoSenseAreRefusedByName) {
  const Adjacency rows = adjacency_of(grid_graph(3, 1));  // 0 – 1 – 2
  const auto refused = [&](const Changes& changes, const std::string& why) {
    try {
      static_cast<void>(changed_rows(rows, changes));
      FAIL() << "not refused: " << why;
    } catch (const InvalidArgument& error) {
      EXPECT_NE(error.message().find(why), std::string::npos) << error.message();
    }
  };
  const auto edge = [](std::uint32_t a, std::uint32_t b, float weight = 1) {
    Changes changes;
    changes.added_edges.push_back({a, b, weight});
    return changes;
  };
  refused(edge(1, 0), "is there already");
  refused(edge(1, 1), "to itself");
  refused(edge(0, 3), "not there");
  refused(edge(3, 0), "not there");
  refused(edge(0, 2, 0), "above 0");
  refused(edge(0, 2, std::numeric_limits<float>::quiet_NaN()), "above 0");
  refused(edge(0, 2, std::numeric_limits<float>::infinity()), "above 0");
  Changes changes = edge(0, 2);
  changes.added_edges.push_back({2, 0, 1});
  refused(changes, "added twice");
  changes = edge(0, 2);
  changes.removed_nodes.push_back(2);
  refused(changes, "taken out");
  changes = {};
  changes.removed_edges.emplace_back(0, 2);
  refused(changes, "not there");
  changes.removed_edges = {{0, 1}, {1, 0}};
  refused(changes, "taken out twice");
  changes.removed_edges = {{7, 1}};
  refused(changes, "not there");
  changes = {};
  changes.removed_nodes = {3};
  refused(changes, "not there");
  changes.removed_nodes = {1, 1};
  refused(changes, "taken out twice");
  changes.removed_nodes = {0, 1, 2};
  refused(changes, "every node");
  changes = {};
  changes.added_nodes.resize(max_nodes - 2);
  EXPECT_THROW(static_cast<void>(changed_rows(rows, changes)), LimitExceeded);
}

}  // namespace
}  // namespace weir::graph::test
