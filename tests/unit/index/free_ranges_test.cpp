// Free ranges against a plain list of sizes: what is found fits, nothing that
// fits well is missed, and the bit sets follow every change.
#include "index/free_ranges.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace weir::index {
namespace {

struct Record : Range {};
using Ranges = FreeRanges<Record*>;

class FreeRangesTest : public testing::Test {
 protected:
  std::uint32_t add(std::uint32_t size) {
    std::uint32_t id = 0;
    if (spare_.empty()) {
      id = static_cast<std::uint32_t>(table_.size());
      table_.emplace_back();
      table_.reserve(100'000);
    } else {
      id = spare_.back();
      spare_.pop_back();
    }
    table_[id].size = size;
    ranges_.insert(table_.data(), id);
    sizes_.emplace(id, size);
    return id;
  }
  void remove(std::uint32_t id) {
    ranges_.erase(table_.data(), id);
    sizes_.erase(id);
    spare_.push_back(id);
  }
  [[nodiscard]] std::uint32_t any() {
    auto at = sizes_.lower_bound(static_cast<std::uint32_t>(random_() % table_.size()));
    return at == sizes_.end() ? sizes_.begin()->first : at->first;
  }
  [[nodiscard]] std::uint32_t any_size() {
    const auto exponent = random_() % 31;
    return static_cast<std::uint32_t>(1 + random_() % (std::uint64_t{2} << exponent) % (UINT32_MAX - 1));
  }
  /// What find() promises, told from the plain list.
  void check_find(std::uint32_t wanted) {
    const std::uint32_t found = ranges_.find(table_.data(), wanted);
    bool some_in_higher_bin = false;
    unsigned lowest_higher_bin = bin_count;
    bool some_fits = false;
    for (const auto& [id, size] : sizes_) {
      some_fits = some_fits || size >= wanted;
      if (bin_of(size) > bin_of(wanted)) {
        some_in_higher_bin = true;
        lowest_higher_bin = std::min(lowest_higher_bin, bin_of(size));
      }
    }
    if (found == 0) {
      // Only what lies deep in the request's own bin may be overlooked.
      ASSERT_FALSE(some_in_higher_bin) << wanted;
      ASSERT_TRUE(wanted >= 64 || !some_fits) << wanted;
      return;
    }
    ASSERT_TRUE(sizes_.contains(found));
    ASSERT_GE(sizes_.at(found), wanted);
    const unsigned bin = bin_of(sizes_.at(found));
    ASSERT_TRUE(bin == bin_of(wanted) || bin == lowest_higher_bin) << wanted;
  }

  std::vector<Record> table_{1};
  std::vector<std::uint32_t> spare_;
  std::map<std::uint32_t, std::uint32_t> sizes_;
  Ranges ranges_;
  std::mt19937_64 random_{17};
};

TEST_F(FreeRangesTest, AgreeWithAPlainListUnderRandomChanges) {
  for (int i = 0; i < 20'000; ++i) {
    if (sizes_.size() < 20 || (sizes_.size() < 400 && random_() % 2 == 0)) {
      add(any_size());
    } else {
      remove(any());
    }
    ASSERT_EQ(ranges_.empty(), sizes_.empty());
    check_find(any_size());
    if (i % 500 == 0) {
      std::set<std::uint32_t> visited;
      unsigned last_bin = 0;
      ranges_.for_each(table_.data(), [&](std::uint32_t id) {
        EXPECT_TRUE(visited.insert(id).second);
        EXPECT_GE(bin_of(sizes_.at(id)), last_bin);  // smaller bins first
        last_bin = bin_of(sizes_.at(id));
      });
      ASSERT_EQ(visited.size(), sizes_.size());
    }
  }
  while (!sizes_.empty()) remove(sizes_.begin()->first);
  EXPECT_TRUE(ranges_.empty());
  EXPECT_EQ(ranges_.find(table_.data(), 1), 0u);
}

TEST_F(FreeRangesTest, FindIfMissesNothing) {
  for (int i = 0; i < 300; ++i) add(any_size());
  for (int i = 0; i < 2000; ++i) {
    const std::uint32_t wanted = any_size();
    const std::uint32_t divisor = 1 + static_cast<std::uint32_t>(random_() % 5);
    const auto odd = [&](std::uint32_t id) { return id % divisor == 0; };
    const std::uint32_t found = ranges_.find_if(table_.data(), wanted, odd);
    const bool any_fits = std::any_of(sizes_.begin(), sizes_.end(),
                                      [&](const auto& each) { return each.second >= wanted && odd(each.first); });
    ASSERT_EQ(found != 0, any_fits);
    ASSERT_TRUE(found == 0 || (sizes_.at(found) >= wanted && odd(found)));
  }
}

TEST_F(FreeRangesTest, TheExactSizeAmongTheFirstOfItsBinIsPreferred) {
  for (std::uint32_t extra = 1; extra < Ranges::own_bin_looks; ++extra) add(1024 + extra);
  const std::uint32_t exact = add(1024);
  add(1030);
  EXPECT_EQ(ranges_.find(table_.data(), 1024), exact);
  remove(exact);
  EXPECT_EQ(sizes_.at(ranges_.find(table_.data(), 1024)), 1025u);  // else the closest of those looked at
}

TEST_F(FreeRangesTest, TakesConstantTimeBehindManyTooSmall) {
  for (int i = 0; i < 50'000; ++i) add(1024);
  const std::uint32_t larger = add(1056);  // the next bin
  EXPECT_EQ(ranges_.find(table_.data(), 1025), larger);
  remove(larger);
  EXPECT_EQ(ranges_.find(table_.data(), 1025), 0u);
}

TEST_F(FreeRangesTest, TheLargestSizeHasItsPlace) {
  const std::uint32_t id = add(UINT32_MAX);
  EXPECT_EQ(ranges_.find(table_.data(), UINT32_MAX), id);
  EXPECT_EQ(ranges_.find(table_.data(), 1), id);
  remove(id);
  EXPECT_TRUE(ranges_.empty());
}

}  // namespace
}  // namespace weir::index
