// Bytes that several pools hold together: now, at most at one moment, and all that
// ever passed. A tally may have one over it, which counts the same bytes among more.
// Exact, the peak too, from any number of threads: for what is taken and given by the
// page, never for what a hit does.
#pragma once

#include <atomic>
#include <cstdint>

#include <weir/statistics.hpp>

namespace weir::track {

class Tally {
 public:
  explicit Tally(Tally* over = nullptr) noexcept : over_(over) {}

  void take(std::uint64_t bytes) noexcept {
    cumulative_.fetch_add(bytes, std::memory_order_relaxed);
    // What one addition made of the sum was the sum at that moment, so that the highest of these is the peak.
    const std::uint64_t now = live_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    std::uint64_t seen = peak_.load(std::memory_order_relaxed);
    while (seen < now && !peak_.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
    }
    if (over_ != nullptr) over_->take(bytes);
  }
  void give(std::uint64_t bytes) noexcept {
    live_.fetch_sub(bytes, std::memory_order_relaxed);
    if (over_ != nullptr) over_->give(bytes);
  }
  [[nodiscard]] Amount amount() const noexcept { return {live_.load(), peak_.load(), cumulative_.load()}; }

 private:
  Tally* const over_;
  std::atomic<std::uint64_t> live_{0};
  std::atomic<std::uint64_t> peak_{0};
  std::atomic<std::uint64_t> cumulative_{0};
};

/// Where a pool's memory is counted besides in itself; none where null. They outlive it.
struct Tallies {
  Tally* reserved = nullptr;
  Tally* external = nullptr;
};

}  // namespace weir::track
