// The segment arena alone: segments keep to themselves, serve blocks of any
// size, keep small ones together, and can leave when they are whole again.
#include "pool/space/segment_arena.hpp"

#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace weir::pool {
namespace {

using track::BlockState;

constexpr std::uint32_t segment_page_granules = 4096;
constexpr std::uint64_t segment_page_bytes = std::uint64_t{segment_page_granules} * 512;
constexpr device::Address first_address = device::Address{1} << 40;

class SegmentArenaTest : public testing::Test {
 protected:
  void add(device::Address address, std::uint64_t bytes, std::uint32_t now = 1) {
    addresses_.prepare(address, bytes);
    arena_.add({address, bytes}, now);
  }
  std::uint32_t fit(const Placement& wanted) {
    const std::uint32_t id = arena_.fit(wanted);
    if (id == 0) return 0;
    EXPECT_EQ(blocks_[id].start % wanted.alignment, 0u);
    EXPECT_EQ(blocks_[id].size, wanted.granules);
    blocks_[id].become(BlockState::live);
    return id;
  }
  void release(std::uint32_t id, std::uint64_t epoch = 0, std::uint32_t now = 1) {
    blocks_[id].become(BlockState::busy);
    arena_.release(id, epoch, now);
  }

  /// In as many calls as it takes.
  void reassign(StreamIndex from, std::uint64_t epoch, StreamIndex to, std::uint64_t to_epoch) {
    while (arena_.reassign(from, epoch, to, to_epoch)) {
    }
  }

  [[nodiscard]] std::uint64_t largest_free() {
    std::size_t first_stream = 0;
    return arena_.largest_free(first_stream);
  }
  track::BlockTable blocks_;
  index::AddressMap addresses_;
  SegmentArena arena_{blocks_, addresses_, 16, segment_page_bytes};
};

// Beside each other by address, and yet two: the driver takes each back as it gave it.
TEST_F(SegmentArenaTest, NeighbouringSegmentsNeverJoin) {
  add(first_address, segment_page_bytes);
  add(first_address + segment_page_bytes, segment_page_bytes);
  EXPECT_EQ(fit({.granules = 2 * segment_page_granules}), 0u);
  EXPECT_EQ(largest_free(), segment_page_bytes);
  EXPECT_EQ(arena_.all().size(), 2u);
  const std::uint32_t id = fit({.granules = segment_page_granules});
  release(id);
  arena_.verify();
  ASSERT_TRUE(arena_.take_idle(UINT32_MAX, UINT64_MAX).has_value());
  ASSERT_TRUE(arena_.take_idle(UINT32_MAX, UINT64_MAX).has_value());
  EXPECT_FALSE(arena_.take_idle(UINT32_MAX, UINT64_MAX).has_value());
  EXPECT_EQ(arena_.free_granules(), 0u);
}

TEST_F(SegmentArenaTest, OnlyIdleSegmentsLeave) {
  add(first_address, 4 * segment_page_bytes, 10);
  EXPECT_FALSE(arena_.take_idle(9, UINT64_MAX).has_value());
  EXPECT_FALSE(arena_.take_idle(10, 4 * segment_page_bytes - 1).has_value());
  const std::uint32_t id = fit({.granules = 1, .stream_index = 3});
  EXPECT_FALSE(arena_.take_idle(UINT32_MAX, UINT64_MAX).has_value());
  release(id, 5, 20);
  EXPECT_FALSE(arena_.take_idle(UINT32_MAX, UINT64_MAX).has_value());  // stream 3 may still use it
  reassign(3, 5, clean_index, 0);
  EXPECT_FALSE(arena_.take_idle(19, UINT64_MAX).has_value());
  const auto segment = arena_.take_idle(20, UINT64_MAX);
  ASSERT_TRUE(segment.has_value());
  EXPECT_EQ(segment->address, first_address);
  EXPECT_EQ(segment->bytes, 4 * segment_page_bytes);
  EXPECT_EQ(arena_.all().size(), 0u);
}

// A block that is a multiple of a page wants a page's border, but does not need one.
TEST_F(SegmentArenaTest, WholePagesFitWhereverTheyMust) {
  add(first_address + 4096, segment_page_bytes);
  const std::uint32_t loose = fit({.granules = segment_page_granules});
  ASSERT_NE(loose, 0u);
  release(loose);
  add(first_address + 16 * segment_page_bytes + 512, segment_page_bytes + 4096);
  const std::uint32_t aligned = fit({.granules = segment_page_granules, .alignment = 8});
  ASSERT_NE(aligned, 0u);
  EXPECT_EQ(blocks_[aligned].address() % 4096, 0u);
  release(aligned);
  EXPECT_EQ(fit({.granules = segment_page_granules, .alignment = segment_page_granules}), 0u);
  arena_.verify();
}

TEST_F(SegmentArenaTest, SmallBlocksShareAPage) {
  add(first_address, 16 * segment_page_bytes);
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (int i = 0; i < 8; ++i) {
    small.push_back(fit({.granules = 10, .small = true}));
    large.push_back(fit({.granules = segment_page_granules / 2}));
  }
  std::map<std::uint64_t, int> pages;
  for (const std::uint32_t id : small) ++pages[blocks_[id].start / segment_page_granules];
  EXPECT_EQ(pages.size(), 1u);
  for (const std::uint32_t id : large) EXPECT_FALSE(pages.contains(blocks_[id].start / segment_page_granules));
  for (const std::uint32_t id : small) release(id);
  for (const std::uint32_t id : large) release(id);
  arena_.verify();
  EXPECT_EQ(largest_free(), 16 * segment_page_bytes);  // the page serves any size again
}

TEST_F(SegmentArenaTest, ACloseFitLeavesLittleOver) {
  add(first_address, segment_page_bytes);
  EXPECT_EQ(arena_.fit_closely({.granules = segment_page_granules / 2}), 0u);
  const std::uint32_t id = arena_.fit_closely({.granules = segment_page_granules - 100});
  ASSERT_NE(id, 0u);
  release(id);
  arena_.verify();
}

TEST_F(SegmentArenaTest, HoldsUnderRandomUse) {
  std::mt19937 random(4);
  std::map<std::uint64_t, std::uint32_t> live;
  std::uint64_t live_granules = 0;
  std::map<device::Address, std::uint64_t> segments;
  std::uint64_t segment_granules = 0;
  device::Address next = first_address;
  std::uint64_t epoch = 1;
  for (int step = 0; step < 20'000; ++step) {
    const bool small = random() % 2 == 0;
    const Placement wanted{
        .granules = static_cast<std::uint32_t>(1 + random() % (small ? 64 : 3 * segment_page_granules)),
        .alignment = small ? 1u : std::uint32_t{1} << random() % 8,
        .stream_index = static_cast<StreamIndex>(random() % 3),
        .small = small};
    if (random() % 2 == 0 && live.size() < 300) {
      std::uint32_t id = fit(wanted);
      if (id == 0) {
        const std::uint64_t bytes = (wanted.granules + 2 * segment_page_granules + random() % 100) * 512;
        add(next, bytes);
        segments.emplace(next, bytes);
        segment_granules += bytes / 512;
        next += bytes + random() % 2 * 512;
        id = fit(wanted);
      }
      ASSERT_NE(id, 0u);
      const auto after = live.lower_bound(blocks_[id].start);
      ASSERT_TRUE(after == live.end() || blocks_[id].end() <= after->first);
      ASSERT_TRUE(after == live.begin() || blocks_[std::prev(after)->second].end() <= blocks_[id].start);
      const auto segment = std::prev(segments.upper_bound(blocks_[id].address()));
      ASSERT_LE(blocks_[id].address() + blocks_[id].bytes(), segment->first + segment->second);
      live.emplace(blocks_[id].start, id);
      live_granules += wanted.granules;
    } else if (!live.empty()) {
      auto victim = live.begin();
      std::advance(victim, random() % live.size());
      live_granules -= blocks_[victim->second].size;
      release(victim->second, epoch);
      live.erase(victim);
    }
    if (random() % 20 == 0) {
      reassign(static_cast<StreamIndex>(1 + random() % 2), epoch++, static_cast<StreamIndex>(random() % 2 == 0 ? 0 : 1),
               0);
    }
    if (random() % 50 == 0) {
      if (const auto idle = arena_.take_idle(UINT32_MAX, UINT64_MAX)) {
        ASSERT_EQ(segments[idle->address], idle->bytes);
        segments.erase(idle->address);
        segment_granules -= idle->bytes / 512;
      }
    }
    ASSERT_EQ(arena_.free_granules(), segment_granules - live_granules);
    if (step % 200 == 0) arena_.verify();
  }
  ASSERT_EQ(arena_.all().size(), segments.size());
}

}  // namespace
}  // namespace weir::pool
