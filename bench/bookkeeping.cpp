// What tracking takes besides time: how long check_leaks() needs, and how much host memory the records
// of live blocks are. Linked once with the library and once with the build that tracks nothing, and run
// by `weir_bench tracking`, which compares the two. Prints one line of `name value` pairs.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <vector>
#include <weir/weir.hpp>

#include "resident.hpp"

namespace {

using weir::bench::resident_bytes;
weir::Pool open_pool() { return weir::Pool(weir::open_device({.backend = "host", .capacity = {}})); }

double check_leaks_ns(const weir::Pool& pool) {
  constexpr int calls = 2000;
  std::uint64_t seen = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < calls; ++i) seen += pool.check_leaks().blocks;
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  // Printed, so that the calls are not left out; 0 without tracking.
  std::printf("blocks %.9g ", static_cast<double>(seen) / calls);
  return spent.count() / calls;
}

void free_all(weir::Pool& pool, const std::vector<void*>& blocks) {
  for (void* block : blocks) pool.deallocate(block);
}

/// The 1,000 blocks of random_1000.
void measure_mix() {
  std::vector<void*> blocks(1000);
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> doublings(8, 22);
  const double before = resident_bytes();
  weir::Pool pool = open_pool();
  double live = 0;
  for (void*& block : blocks) {
    const auto size = static_cast<std::size_t>(std::exp2(doublings(generator)));
    block = pool.allocate(size);
    live += static_cast<double>(size);
  }
  std::printf("mix_live %.9g mix_resident %.9g ", live, resident_bytes() - before);
  std::printf("check_leaks_ns %.9g ", check_leaks_ns(pool));
  free_all(pool, blocks);
}

/// Enough blocks of one granule that what a pool takes once does not matter.
void measure_small() {
  std::vector<void*> blocks(std::size_t{1} << 17);
  const double before = resident_bytes();
  weir::Pool pool = open_pool();
  for (void*& block : blocks) block = pool.allocate(weir::Pool::granule);
  std::printf("bytes_per_block %.9g ", (resident_bytes() - before) / static_cast<double>(blocks.size()));
  free_all(pool, blocks);
}

}  // namespace

int main(int, char** arguments) {
  try {
    measure_mix();
    measure_small();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", arguments[0], error.what());
    return 1;
  }
  std::printf("\n");
  return 0;
}
