// Random programs over four streams on a pool that is nearly full: every block is filled on its stream, checked there
// and on others, freed on one or the other, and its memory recycled and remapped. All from the seed.
#include <cmath>
#include <random>
#include <utility>

#include "cuda/fixture.hpp"

namespace weir::contents {
namespace {

class ContentsProgram : public Contents {
 protected:
  struct Block {
    void* address = nullptr;
    std::size_t words = 0;
    std::uint64_t seed = 0;
    std::size_t stream = 0;
  };

  void run(Pool& pool, std::uint64_t seed, int steps) {
    dice_.seed(seed);
    for (int i = 0; i < steps; ++i) {
      const std::uint64_t choice = draw(100);
      if (choice < 45 || live_.empty()) {
        allocate(pool);
      } else if (choice < 60) {
        const Block& block = any();
        check(streams_[block.stream], block.address, block.words, block.seed);
      } else if (choice < 75) {
        static_cast<void>(use_elsewhere(pool, any()));
      } else if (choice < 98) {
        drop(pool);
      } else {
        static_cast<void>(pool.trim(draw(2) * 16_MiB));
      }
    }
    while (!live_.empty()) drop(pool);
    finish();
  }

 private:
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) { return dice_() % below; }
  [[nodiscard]] Block& any() { return live_[draw(live_.size())]; }

  void allocate(Pool& pool) {
    const double exponent = std::uniform_real_distribution<double>(8, 19.8)(dice_);  // 2 KiB to 7 MiB
    const auto words = static_cast<std::size_t>(std::exp2(exponent));
    const std::size_t stream = draw(streams_.size());
    const auto got = pool.try_allocate(8 * words, streams_[stream]);
    if (!got) {
      for (std::size_t i = 0; i < 4 && !live_.empty(); ++i) drop(pool);
      return;
    }
    live_.push_back({*got, words, ++last_seed_, stream});
    fill(streams_[stream], *got, words, last_seed_);
  }
  [[nodiscard]] std::size_t use_elsewhere(Pool& pool, const Block& block) {
    const std::size_t other = (block.stream + 1 + draw(streams_.size() - 1)) % streams_.size();
    order(streams_[block.stream], streams_[other]);
    check(streams_[other], block.address, block.words, block.seed);
    pool.used_on(block.address, streams_[other]);
    return other;
  }
  void drop(Pool& pool) {
    const Block block = std::exchange(any(), live_.back());
    live_.pop_back();
    check(streams_[block.stream], block.address, block.words, block.seed);
    const std::size_t on = draw(2) == 0 ? block.stream : use_elsewhere(pool, block);
    pool.deallocate(block.address, streams_[on]);
  }

  std::mt19937_64 dice_;
  std::vector<Block> live_;
  std::uint64_t last_seed_ = 0;
};

TEST_P(ContentsProgram, EveryBlockHoldsWhatItsOwnerWrote) {
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pool pool(*device_, {.mode = GetParam().mode, .limit = 48_MiB, .segment_bytes = 4_MiB});
    run(pool, seed, steps(1600));
    EXPECT_EQ(kernels_->findings().wrong, 0u);
    pool.verify();
    const Statistics now = pool.statistics();
    EXPECT_GT(now.arena_hits + now.cache_hits, 0u) << "nothing was recycled";
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ContentsProgram, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contents
