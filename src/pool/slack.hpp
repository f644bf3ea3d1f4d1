// Memory that is mapped so that threads need not meet. Threads that share all they have to the last page take pages,
// cached blocks and free ranges from each other at every turn, which costs each of them many times what a hit costs. So
// every few such turns one may have new pages of its own instead, until these are a quarter of what is needed; what is
// needed is known whenever all free memory was gathered and did not do. One thread alone never has any.
// Called by allocations that find nothing at home. Thread-safe; the counts are no more exact than their use is.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace weir::pool {

class Slack {
 public:
  /// One more turn: may the thread have so many new pages, beside those that are mapped?
  [[nodiscard]] bool allows(std::uint64_t pages, std::uint64_t mapped) noexcept {
    const std::int64_t turns = turns_.fetch_add(1, std::memory_order_relaxed) + 1;
    const std::uint64_t with_them = pages_.load(std::memory_order_relaxed) + pages;
    return turns > 0 && with_them * turns_a_page <= static_cast<std::uint64_t>(turns) && with_them * share <= mapped;
  }
  /// They are mapped.
  void add(std::uint64_t pages) noexcept { pages_.fetch_add(pages, std::memory_order_relaxed); }
  /// There were none to be had. To ask takes long, so it is not asked again soon.
  void refuse() noexcept { turns_.store(-turns_after_refusal, std::memory_order_relaxed); }
  /// So many pages that nobody used went back to the driver.
  void drop(std::uint64_t pages) noexcept {
    const std::uint64_t before = pages_.load(std::memory_order_relaxed);
    pages_.store(before - std::min(before, pages), std::memory_order_relaxed);
  }
  /// All that is mapped is needed.
  void clear() noexcept {
    turns_.store(0, std::memory_order_relaxed);
    pages_.store(0, std::memory_order_relaxed);
  }

 private:
  static constexpr std::uint64_t turns_a_page = 2;
  static constexpr std::uint64_t share = 4;
  static constexpr std::int64_t turns_after_refusal = 1000;
  std::atomic<std::int64_t> turns_{0};
  std::atomic<std::uint64_t> pages_{0};
};

}  // namespace weir::pool
