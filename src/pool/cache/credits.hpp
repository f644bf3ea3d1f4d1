// The pool's peaks, and the credit of each thread cache below them (track/peak_meter.hpp
// has the principle): what is live is the peak less all headroom below it. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "pool/cache/thread_cache.hpp"
#include "track/peak_meter.hpp"

namespace weir::pool {

class Caches;

class Credits {
 public:
  explicit Credits(Caches& caches) : caches_(caches) {}

  /// Freed by a thread that spends no credit of its own.
  void give(std::int64_t requested, std::int64_t allocated) noexcept {
    requested_.give(requested);
    allocated_.give(allocated);
  }
  /// The cache spent more than it had: it gets what is left, or the peak rises.
  void settle(ThreadCache& cache);

  /// Held while credit is on its way from one cache to another, in neither.
  class Moving {
   public:
    explicit Moving(Credits& credits) : lock_(credits.mutex_), moves_(credits.moves_) {
      ++moves_;
      // Whoever sees a credit that moved sees the odd number too: no addition alone keeps later stores behind it.
      std::atomic_thread_fence(std::memory_order_release);
    }
    ~Moving() { ++moves_; }
    Moving(const Moving&) = delete;
    Moving& operator=(const Moving&) = delete;

   private:
    const std::lock_guard<std::mutex> lock_;
    std::atomic<std::uint64_t>& moves_;
  };
  [[nodiscard]] Moving begin_moving() { return Moving(*this); }
  /// Takes the cache's credit for all to use. The caller has begun moving, and keeps the owner out.
  void take_back(ThreadCache& cache) noexcept;

  struct Sums {
    std::int64_t requested = 0;
    std::int64_t allocated = 0;
  };
  [[nodiscard]] Sums live() const noexcept;
  /// What is allocated, where no credit was on its way while it was summed: never more than there is.
  [[nodiscard]] std::optional<std::uint64_t> allocated_now() const noexcept;
  [[nodiscard]] Sums peaks() const noexcept { return {requested_.peak(), allocated_.peak()}; }

 private:
  void settle(track::PeakMeter& meter, track::Ledger ThreadCache::*ledger, ThreadCache& cache);

  Caches& caches_;
  track::PeakMeter requested_;
  track::PeakMeter allocated_;
  std::mutex mutex_;
  std::atomic<std::uint64_t> moves_{0};  // odd while credit is on its way
};

}  // namespace weir::pool
