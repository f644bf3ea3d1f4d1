// Pairs of a free and an allocation, for what is measured beside them: of one block, as a
// stack would, or of one among many at random. And the clock that a shared machine disturbs
// least. Used by the children that measure events and recordings.
#pragma once

#include <ctime>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <weir/pool.hpp>

namespace bench {

/// Of a clock of the system: what this thread or this process has had of the processors, or time itself.
inline double clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

class Pairs {
 public:
  static constexpr std::uint64_t in_a_turn = 20'000;

  Pairs(weir::Pool& pool, std::size_t count) : pool_(pool), blocks_(count), sizes_(1024), order_(1024) {
    std::mt19937_64 dice(1);
    for (auto& size : sizes_) size = count == 1 ? 1000 : 512 * (dice() % 16 + 1);
    for (auto& index : order_) index = dice() % count;
    for (auto& block : blocks_) block = pool_.allocate(1000);
  }
  Pairs(const Pairs&) = delete;
  Pairs& operator=(const Pairs&) = delete;
  ~Pairs() {
    for (void* block : blocks_) pool_.deallocate(block);
  }
  void turn(std::uint64_t pairs = in_a_turn) {
    for (std::uint64_t i = 0; i < pairs; ++i) {
      void*& block = blocks_[order_[i % order_.size()]];
      pool_.deallocate(block);
      block = pool_.allocate(sizes_[i % sizes_.size()]);
    }
  }
  /// Nanoseconds of this thread an operation, of which a pair has two.
  double timed_turn(std::uint64_t pairs = in_a_turn) {
    const double began = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    turn(pairs);
    return (clock_ns(CLOCK_THREAD_CPUTIME_ID) - began) / (2 * static_cast<double>(pairs));
  }

 private:
  weir::Pool& pool_;
  std::vector<void*> blocks_;
  std::vector<std::size_t> sizes_;
  std::vector<std::size_t> order_;
};

}  // namespace bench
