// The cache of labels against a plain list in the order of use, and what it serves of a file.
#include <algorithm>
#include <functional>
#include <list>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "workloads/graph/files/label_cache.hpp"
#include "workloads/graph/files/read_graph.hpp"

namespace weir::graph::test {
namespace {

std::uint64_t hash_of(const std::string& label) { return std::hash<std::string_view>()(label); }

TEST(GraphLabelCache, KeepsTheLastThousandUsed) {
  LabelCache cache;
  std::list<std::uint32_t> used;  // the newest first
  std::mt19937 random(3);
  std::uint64_t hits = 0, misses = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto node = static_cast<std::uint32_t>(random() % (i % 1'000 < 500 ? 1'500 : 900));
    const std::string label = "node " + std::to_string(node);
    // Few values, so that buckets are chains, and labels share a hash.
    const std::uint64_t hash = hash_of(label) % 300 * 7'777;
    const auto at = std::ranges::find(used, node);
    const auto found = cache.find(hash, [&](std::uint32_t each) { return each == node; });
    ASSERT_EQ(found.has_value(), at != used.end()) << i;
    if (found) {
      ASSERT_EQ(*found, node);
      ++hits;
      used.erase(at);
    } else {
      ++misses;
      cache.insert(hash, node);
      if (used.size() == LabelCache::max_entries) used.pop_back();
    }
    used.push_front(node);
  }
  EXPECT_EQ(cache.hits(), hits);
  EXPECT_EQ(cache.misses(), misses);
  EXPECT_GT(misses, 2'000U);
}

TEST(GraphLabelCache, CountsTheLookupsOfAFile) {
  const GraphFile file = read_graph_text("hub a\nhub b\nhub c\nhub a\n");
  EXPECT_EQ(file.label_hits, 4U);
  EXPECT_EQ(file.label_misses, 4U);
  std::string text;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 2'000; ++i) text += "hub n" + std::to_string(i) + "\n";
  }
  const GraphFile large = read_graph_text(text);
  EXPECT_EQ(large.label_hits, 3'999U) << "of the hub alone: the others come again after more than a thousand";
  EXPECT_EQ(large.label_misses, 4'001U);
  EXPECT_EQ(large.graph.nodes, 2'001U);
}

}  // namespace
}  // namespace weir::graph::test
