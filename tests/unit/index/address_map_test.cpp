// From addresses to ids: what was set is found, what was not is 0, leaves are
// made once even by many threads, and addresses from anywhere can be asked for.
#include "index/address_map.hpp"

#include <cstdint>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace weir::index {
namespace {

TEST(AddressMap, FindsWhatWasSet) {
  AddressMap map;
  std::map<std::uint64_t, std::uint32_t> plain;
  std::mt19937_64 random(5);
  for (std::uint32_t id = 1; id < 5000; ++id) {
    const std::uint64_t address = random() % (std::uint64_t{1} << 47) & ~std::uint64_t{511};
    map.prepare(address, 512);
    map.set(address, 1, id);
    plain[address] = id;
  }
  for (const auto& [address, id] : plain) {
    EXPECT_EQ(map.find(address), id);
    EXPECT_EQ(map.find(address + 511), id);  // of its granule
    EXPECT_TRUE(plain.contains(address + 512) || map.find(address + 512) == 0);
  }
}

TEST(AddressMap, KeepsLongBlocksApartFromShortOnes) {
  constexpr std::uint64_t base = std::uint64_t{7} << 32;
  constexpr std::uint64_t long_bytes = 256 << 10;
  AddressMap map;
  map.prepare(base, 4 * long_bytes);
  map.set(base + 512, 512, 1);               // starts in the first stretch of 256 KiB, ends in the second
  map.set(base + 512 + long_bytes, 511, 2);  // short
  map.set(base + 2 * long_bytes, 100'000, 3);
  EXPECT_EQ(map.find(base + 512), 1u);
  EXPECT_EQ(map.find(base + 512 + long_bytes), 2u);
  EXPECT_EQ(map.find(base + 2 * long_bytes), 3u);
  map.set(base + 2 * long_bytes + 1024, 1, 4);  // the long one there is of the past
  EXPECT_EQ(map.find(base + 2 * long_bytes + 1024), 3u);
  EXPECT_EQ(map.find_short(base + 2 * long_bytes + 1024), 4u);
  map.forget_long(base + 2 * long_bytes, long_bytes);
  EXPECT_EQ(map.find(base + 2 * long_bytes + 1024), 4u);
  map.forget_long(base + 256, long_bytes);  // no stretch lies in it as a whole
  EXPECT_EQ(map.find(base + 512), 1u);
  EXPECT_EQ(map.find_short(std::uint64_t{1} << 40), 0u);
}

TEST(AddressMap, KnowsNothingElsewhere) {
  const AddressMap map;
  for (const std::uint64_t address : {std::uint64_t{0}, std::uint64_t{1} << 47, UINT64_MAX, UINT64_MAX - 511}) {
    EXPECT_EQ(map.find(address), 0u);
  }
}

TEST(AddressMap, PreparesAcrossLeaves) {
  AddressMap map;
  const std::uint64_t border = std::uint64_t{3} << 32;
  map.prepare(border - 512, 1024);
  map.set(border - 512, 1, 1);
  map.set(border, 1, 2);
  EXPECT_EQ(map.find(border - 1), 1u);
  EXPECT_EQ(map.find(border), 2u);
  map.prepare(border, 0);  // nothing to do
  map.prepare(border - 512, 1024);
  EXPECT_EQ(map.find(border), 2u);
}

TEST(AddressMap, IsPreparedByManyThreadsAtOnce) {
  AddressMap map;
  std::vector<std::thread> crew;
  for (std::uint32_t me = 0; me < 4; ++me) {
    crew.emplace_back([&, me] {
      for (std::uint64_t leaf = 0; leaf < 64; ++leaf) {
        const std::uint64_t address = (leaf << 32) + me * 512;
        map.prepare(address, 512);
        map.set(address, 1, me + 1);
      }
    });
  }
  for (std::thread& thread : crew) thread.join();
  for (std::uint64_t leaf = 0; leaf < 64; ++leaf) {
    for (std::uint32_t me = 0; me < 4; ++me) EXPECT_EQ(map.find((leaf << 32) + me * 512), me + 1);
  }
}

}  // namespace
}  // namespace weir::index
