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
    map.set(address, id);
    plain[address] = id;
  }
  for (const auto& [address, id] : plain) {
    EXPECT_EQ(map.find(address), id);
    EXPECT_EQ(map.find(address + 511), id);  // of its granule
    EXPECT_TRUE(plain.contains(address + 512) || map.find(address + 512) == 0);
  }
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
  map.set(border - 512, 1);
  map.set(border, 2);
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
        map.set(address, me + 1);
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
