// An exact peak without a shared counter on the hot path.
//
// The headroom below the peak is divided into credits: a thread spends its own when
// it allocates and earns it back when it frees, touching nothing shared. Always
//     live = peak − headroom − sum of all credits.
// A thread whose credit runs out takes from the shared headroom, then from the
// other threads' credits, and only when all of that is spent does the peak rise.
// A thread's credits of up to `tolerance` in all are left where they are, so the peak can
// read at most tolerance × (threads − 1) too high; with one thread it is exact.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::track {

class PeakMeter {
 public:
  static constexpr std::int64_t tolerance = 64 << 10;

  /// Credit given back by a thread that spends none of its own.
  void give(std::int64_t bytes) noexcept { headroom_.fetch_add(bytes, std::memory_order_relaxed); }

  /// Takes up to `wanted` of the shared headroom; gives what was there.
  [[nodiscard]] std::int64_t take(std::int64_t wanted) noexcept {
    std::int64_t there = headroom_.load(std::memory_order_relaxed);
    std::int64_t taken = 0;
    do {
      taken = there < wanted ? there : wanted;
      if (taken <= 0) return 0;
    } while (!headroom_.compare_exchange_weak(there, there - taken, std::memory_order_relaxed));
    return taken;
  }

  /// The peak was passed by so much.
  void rise(std::int64_t bytes) noexcept { peak_.fetch_add(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::int64_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t headroom() const noexcept { return headroom_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::int64_t> headroom_{0};
  std::atomic<std::int64_t> peak_{0};
};

}  // namespace weir::track
