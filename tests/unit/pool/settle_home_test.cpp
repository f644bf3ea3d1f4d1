// What threads buy for speed: each gets what it needs to work alone, within a bound.
#include <barrier>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <weir/weir.hpp>

namespace weir {
namespace {

// Blocks of 256 B to 1 MiB, log-uniform, replaced at random: each thread's free memory is never quite what it needs.
void replace_at_random(Pool& pool, StreamId stream, unsigned seed) {
  constexpr std::size_t live_blocks = 400;
  constexpr int pairs = 150'000;
  std::mt19937_64 generator(seed);
  std::uniform_real_distribution<double> doublings(8, 20);
  std::uniform_int_distribution<std::size_t> any(0, live_blocks - 1);
  std::vector<void*> live(live_blocks);
  const auto take = [&] { return pool.allocate(static_cast<std::size_t>(std::exp2(doublings(generator))), stream); };
  for (void*& block : live) block = take();
  for (int i = 0; i < pairs; ++i) {
    void*& block = live[any(generator)];
    pool.deallocate(block, stream);
    block = take();
  }
  for (void* block : live) pool.deallocate(block, stream);
}

std::uint64_t reserved_by_one(unsigned seed) {
  Pool pool(open_device({.backend = "host", .capacity = {}}));
  replace_at_random(pool, StreamId::legacy_default, seed);
  return pool.statistics().reserved.peak;
}

std::uint64_t reserved_by_two(bool streams) {
  Device device = open_device({.backend = "host", .capacity = {}});
  Pool pool(device);
  const std::vector<Stream> own{device.stream(), device.stream()};
  std::barrier start(2);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 2; ++i) {
    const StreamId stream = streams ? StreamId{own[i]} : StreamId::legacy_default;
    threads.emplace_back([&, i, stream] {
      start.arrive_and_wait();
      replace_at_random(pool, stream, i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pool.statistics().live, 0U);
  return pool.statistics().reserved.peak;
}

TEST(SettleHome, TwoThreadsTakeLittleMoreThanEachAlone) {
  const std::uint64_t alone = reserved_by_one(0) + reserved_by_one(1);
  EXPECT_LE(reserved_by_two(false), alone + alone / 4);
  EXPECT_LE(reserved_by_two(true), alone + alone / 4);
}

}  // namespace
}  // namespace weir
