// How long operations took, as a distribution: a histogram of fixed size with eight
// buckets a doubling, exact count, sum and maximum. Recording allocates nothing, takes
// no lock and loses nothing, from any number of threads. Called where a clock read is
// small beside what is timed: never by a hit.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include <weir/statistics.hpp>

namespace weir::track {

class Latency {
 public:
  using Clock = std::chrono::steady_clock;  // real time, also where a program replaced the clock that ages go by

  /// Times below this have buckets of 8 ns each; from here on there are eight buckets a doubling.
  static constexpr std::uint64_t first = 64;
  static constexpr unsigned bits = 3;  ///< of a time, below its highest, that tell its bucket
  /// Times from 2^`last_bit` ns on, about 73 minutes, share the last bucket.
  static constexpr unsigned last_bit = 42;
  static constexpr std::size_t buckets = ((last_bit - 6) << bits) + (std::size_t{1} << bits) + 1;

  /// The bucket of a time in nanoseconds.
  [[nodiscard]] static constexpr std::size_t bucket(std::uint64_t time) noexcept {
    if (time < first) return time >> bits;
    const auto high = static_cast<unsigned>(std::bit_width(time)) - 1;
    if (high >= last_bit) return buckets - 1;
    return ((high - 5) << bits) + ((time >> (high - bits)) & ((1u << bits) - 1));
  }
  /// The middle of a bucket: at most 1/16 of a time in it away from that time, or 4 ns.
  [[nodiscard]] static constexpr std::uint64_t middle(std::size_t bucket) noexcept {
    if (bucket < (std::size_t{1} << bits)) return (bucket << bits) + 4;
    const std::size_t high = (bucket >> bits) + 5;
    const std::uint64_t width = std::uint64_t{1} << (high - bits);
    return (std::uint64_t{1} << high) + (bucket & ((1u << bits) - 1)) * width + width / 2;
  }

  /// A negative time counts as none.
  void record(std::chrono::nanoseconds took) noexcept {
    const std::uint64_t time = took.count() < 0 ? 0 : static_cast<std::uint64_t>(took.count());
    counts_[bucket(time)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(time, std::memory_order_relaxed);
    std::uint64_t seen = max_.load(std::memory_order_relaxed);
    while (seen < time && !max_.compare_exchange_weak(seen, time, std::memory_order_relaxed)) {
    }
  }
  void record_since(Clock::time_point began) noexcept { record(Clock::now() - began); }

  /// While others record, of those that were seen.
  [[nodiscard]] LatencySummary summary() const noexcept {
    std::array<std::uint64_t, buckets> seen{};
    LatencySummary all;
    for (std::size_t i = 0; i < buckets; ++i) {
      seen[i] = counts_[i].load(std::memory_order_relaxed);
      all.count += seen[i];
    }
    if (all.count == 0) return all;
    const std::uint64_t max = max_.load(std::memory_order_relaxed);
    all.max = std::chrono::nanoseconds(max);
    all.mean = std::chrono::nanoseconds(sum_.load(std::memory_order_relaxed) / all.count);
    // The least time that so many of a hundred do not pass; none is past the maximum, nor in the last bucket known.
    const auto quantile = [&](std::uint64_t percent) {
      const std::uint64_t rank =
          all.count - all.count / 100 * (100 - percent) - all.count % 100 * (100 - percent) / 100;
      std::uint64_t passed = 0;
      std::size_t i = 0;
      while (i < buckets - 1 && (passed += seen[i]) < rank) ++i;
      return std::chrono::nanoseconds(i == buckets - 1 ? max : std::min(middle(i), max));
    };
    all.p50 = quantile(50);
    all.p99 = quantile(99);
    return all;
  }

 private:
  std::array<std::atomic<std::uint64_t>, buckets> counts_{};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace weir::track
