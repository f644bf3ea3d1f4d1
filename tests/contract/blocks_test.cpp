// What a block is: aligned, whole, its own, and kept until it is freed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

std::uint64_t number(const void* block) { return reinterpret_cast<std::uint64_t>(block); }

// Sizes log-uniform from 1 B to `most`.
std::size_t log_uniform(std::mt19937_64& random, std::size_t most) {
  const double exponent = std::uniform_real_distribution<>(0.0, std::log2(static_cast<double>(most)))(random);
  return static_cast<std::size_t>(std::exp2(exponent));
}

class Blocks : public PoolContract {};

TEST_P(Blocks, AreAlignedAsAskedAndAtLeastToTheGranule) {
  Pool& pool = make_pool();
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{513}, std::size_t{4096}, std::size_t{200'000},
                                  std::size_t{1_MiB}, std::size_t{2_MiB}, std::size_t{3_MiB}, std::size_t{4_MiB}}) {
    std::vector<void*> held;
    for (std::size_t alignment = 1; alignment <= info_.page_bytes; alignment *= 2) {
      void* block = pool.allocate(bytes, StreamId::legacy_default, {.alignment = alignment});
      ASSERT_NE(block, nullptr) << bytes << " aligned to " << alignment;
      EXPECT_EQ(number(block) % std::max(alignment, Pool::granule), 0u) << bytes << " aligned to " << alignment;
      if (pointers()) fill_pattern(block, bytes, alignment);
      held.push_back(block);
    }
    for (std::size_t i = 0; i < held.size(); ++i) {
      EXPECT_TRUE(!pointers() || has_pattern(held[i], bytes, std::uint64_t{1} << i)) << bytes;
      pool.deallocate(held[i]);
    }
  }
}

TEST_P(Blocks, OfZeroBytesAreEmptyAndFree) {
  Pool& pool = make_pool();
  const Statistics before = pool.statistics();
  EXPECT_EQ(pool.allocate(0), nullptr);
  EXPECT_EQ(pool.allocate(0, StreamId::legacy_default, {.alignment = 4096}), nullptr);
  EXPECT_EQ(pool.try_allocate(0), std::optional<void*>(nullptr));
  pool.deallocate(nullptr);
  const BlockHandle empty = pool.acquire(0);
  EXPECT_EQ(pool.address(empty), 0u);
  EXPECT_EQ(pool.describe(empty).requested, 0u);
  EXPECT_EQ(pool.handle(nullptr), empty);
  pool.used_on(empty, StreamId::legacy_default);
  pool.release(empty);
  EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
}

TEST_P(Blocks, NeverOverlap) {
  Pool& pool = make_pool();
  std::mt19937_64 random(7);
  std::map<std::uint64_t, std::uint64_t> live;  // start to end
  std::vector<std::uint64_t> starts;
  for (int i = 0; i < 4000; ++i) {
    if (starts.size() > 300 || (!starts.empty() && random() % 3 == 0)) {
      const std::size_t at = random() % starts.size();
      pool.deallocate(reinterpret_cast<void*>(starts[at]));
      live.erase(starts[at]);
      starts[at] = starts.back();
      starts.pop_back();
      continue;
    }
    const std::size_t bytes = log_uniform(random, 6_MiB);
    const std::uint64_t start =
        number(pool.allocate(bytes, StreamId::legacy_default, {.alignment = std::size_t{1} << random() % 14}));
    const auto next = live.lower_bound(start);
    ASSERT_TRUE(next == live.end() || start + bytes <= next->first);
    ASSERT_TRUE(next == live.begin() || std::prev(next)->second <= start);
    live.emplace(start, start + bytes);
    starts.push_back(start);
  }
  for (const std::uint64_t start : starts) pool.deallocate(reinterpret_cast<void*>(start));
}

TEST_P(Blocks, KeepTheirContentsWhateverHappensAround) {
  if (!pointers()) GTEST_SKIP() << info_.name << " has no memory to look at";
  Pool& pool = make_pool();
  struct Held {
    void* block;
    std::size_t bytes;
    std::uint64_t seed;
  };
  std::mt19937_64 random(11);
  std::vector<Held> held;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    if (held.size() > 100 || (!held.empty() && random() % 3 == 0)) {
      const std::size_t at = random() % held.size();
      ASSERT_TRUE(has_pattern(held[at].block, held[at].bytes, held[at].seed)) << "after " << i << " steps";
      pool.deallocate(held[at].block);
      held[at] = held.back();
      held.pop_back();
      if (random() % 64 == 0) static_cast<void>(pool.trim(random() % 8_MiB));
      continue;
    }
    const std::size_t bytes = log_uniform(random, 3_MiB);
    void* block = pool.allocate(bytes);
    fill_pattern(block, bytes, i);
    held.push_back({block, bytes, i});
  }
  for (const Held& each : held) {
    ASSERT_TRUE(has_pattern(each.block, each.bytes, each.seed));
    pool.deallocate(each.block);
  }
}

// The rounded tail belongs to the block too: a whole granule may be written.
TEST_P(Blocks, OwnTheirWholeLastGranule) {
  if (!pointers()) GTEST_SKIP() << info_.name << " has no memory to look at";
  Pool& pool = make_pool();
  std::vector<void*> held;
  for (std::uint64_t i = 0; i < 100; ++i) {
    held.push_back(pool.allocate(1));
    fill_pattern(held.back(), Pool::granule, i);
  }
  for (std::uint64_t i = 0; i < 100; ++i) {
    EXPECT_TRUE(has_pattern(held[i], Pool::granule, i));
    pool.deallocate(held[i]);
  }
}

TEST_P(Blocks, AreTheSameThroughBothDoors) {
  Pool& pool = make_pool();
  const Tag tag = pool.tag("owner");
  const BlockHandle handle = pool.acquire(1000, StreamId::legacy_default, {.alignment = 4096, .tag = tag});
  const std::uint64_t address = pool.address(handle);
  EXPECT_EQ(address % 4096, 0u);
  EXPECT_EQ(pool.handle(reinterpret_cast<void*>(address)), handle);
  const LiveBlock known = pool.describe(handle);
  EXPECT_EQ(known.address, address);
  EXPECT_EQ(known.requested, 1000u);
  EXPECT_EQ(known.allocated, 1024u);
  EXPECT_EQ(known.tag, "owner");
  pool.deallocate(reinterpret_cast<void*>(address));
  EXPECT_THROW(static_cast<void>(pool.address(handle)), StaleHandle);

  void* block = pool.allocate(77);
  pool.release(pool.handle(block));
  EXPECT_THROW(pool.deallocate(block), InvalidArgument);
}

// A freed block serves any request that fits, whatever its size was.
TEST_P(Blocks, AreReusedByRangeAndNotOnlyBySize) {
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off reuses nothing";
  Pool& pool = make_pool();
  void* large = pool.allocate(16_MiB);
  pool.deallocate(large);
  const std::uint64_t reserved = pool.statistics().reserved.live;
  std::vector<void*> parts;
  for (int i = 0; i < 15; ++i) parts.push_back(pool.allocate(1_MiB));
  EXPECT_EQ(pool.statistics().reserved.live, reserved);
  for (void* part : parts) pool.deallocate(part);
  large = pool.allocate(16_MiB);
  EXPECT_EQ(pool.statistics().reserved.live, reserved);
  pool.deallocate(large);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Blocks, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
