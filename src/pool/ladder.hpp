// The ways to memory for a request that its thread's cache cannot serve, from the nearest
// to the dearest: rungs of a ladder, each tried in turn. A refusal is returned,
// not thrown. The lists of rungs are in ladder.cpp, on one screen.
#pragma once

#include <optional>
#include <span>

#include "core/deadline.hpp"
#include "pool/implementation.hpp"

namespace weir {

/// One request on its way up. For one thread.
class Pool::Implementation::Ladder {
 public:
  Ladder(Implementation& pool, const pool::Placement& wanted, Cache& cache, pool::Tries& tries)
      : pool_(pool), wanted_(wanted), cache_(cache), tries_(tries) {}

  // Each throws what the driver throws but for lack of memory; nothing has changed then, nor where it is refused.

  /// `looked` if the cache is known to have no block of the size.
  [[nodiscard]] pool::Served any(bool looked);
  /// The same for a thread that wants nothing out of caches: memory that is free for all.
  [[nodiscard]] pool::Served free_memory();
  /// `max` granules in all.
  [[nodiscard]] pool::Served growable(std::uint32_t max);
  [[nodiscard]] pool::Served plain();
  /// Finds as many granules more as are wanted for a growable block; `plan` finishes the growth. Empty where the block
  /// has no address space for them.
  [[nodiscard]] std::optional<pool::Served> extend(std::uint32_t id, pool::GrowthPlan& plan);
  /// Finds a range of its own for a block, of `max` granules at most, with what the plan says to move in it. Empty
  /// where there are no addresses for it. Waits for nobody unless `patient`.
  [[nodiscard]] std::optional<pool::Served> move(std::uint32_t id, std::uint32_t max, pool::MovePlan& plan,
                                                 bool patient);

 private:
  struct Rung {
    const char* name;                 ///< for debuggers
    std::uint32_t (Ladder::*take)();  ///< gives a block, or 0
    pool::Source by;
  };
  struct Lists;  // of rungs; each is known when its climb is compiled, so that a climb costs no more than its rungs

  /// Tries each rung of a list from `first` on.
  template <const auto& rungs, std::size_t first = 0>
  [[nodiscard]] pool::Served try_each();
  template <const auto& rungs>
  [[nodiscard]] pool::Served climb();
  [[nodiscard]] std::uint64_t missing() const noexcept;
  [[nodiscard]] bool hopeless() const noexcept;
  [[nodiscard]] pool::Effort usual_effort() const noexcept {
    return frugal_ ? pool::Effort::frugal : pool::Effort::thrifty;
  }
  [[nodiscard]] const core::Deadline& deadline() const {
    return tries_.begin(pool_.options_.reclaim_deadline, pool_.backend_.clock());
  }
  [[nodiscard]] bool more_may_come(std::uint64_t frees_before, std::uint64_t moved_before);
  [[nodiscard]] bool in_others_hands();

  // The rungs.
  [[nodiscard]] std::uint32_t own_queue();
  [[nodiscard]] std::uint32_t lent();
  [[nodiscard]] std::uint32_t own_arena();
  [[nodiscard]] std::uint32_t larger_cached();
  [[nodiscard]] std::uint32_t own_caches();
  [[nodiscard]] std::uint32_t other_arenas();
  [[nodiscard]] std::uint32_t gather();
  [[nodiscard]] std::uint32_t all_caches();
  [[nodiscard]] std::uint32_t other_streams();
  [[nodiscard]] std::uint32_t growth();
  [[nodiscard]] std::uint32_t growth_at_any_cost();
  [[nodiscard]] std::uint32_t broken_range();
  [[nodiscard]] std::uint32_t driver_segment();
  [[nodiscard]] std::uint32_t kept_range();
  [[nodiscard]] std::uint32_t kept_range_at_any_cost();
  [[nodiscard]] std::uint32_t extension();
  [[nodiscard]] std::uint32_t extension_at_any_cost();
  [[nodiscard]] std::uint32_t longer_range();
  [[nodiscard]] std::uint32_t longer_range_at_any_cost();

  [[nodiscard]] std::uint32_t take_from(pool::Arena& arena);
  [[nodiscard]] std::uint32_t fit_at_home(pool::Arena& arena);
  [[nodiscard]] std::uint32_t extend(pool::Effort effort);
  [[nodiscard]] std::uint32_t fit_from_home();
  [[nodiscard]] std::uint32_t settle_home();
  [[nodiscard]] std::uint32_t move(pool::Effort effort);

  Implementation& pool_;
  const pool::Placement& wanted_;  // the caller keeps it
  Cache& cache_;
  pool::Tries& tries_;                      // the caller's, too
  bool refused_ = false;                    // once, or more often
  bool frugal_ = false;                     // new memory would pass the soft limit
  std::optional<core::Deadline> patience_;  // with threads that have memory in hand
  std::uint32_t max_ = 0;                   // granules, of a growable block
  std::uint32_t extended_ = 0;              // the block to extend or to move, and how
  pool::GrowthPlan* plan_ = nullptr;
  pool::MovePlan* move_ = nullptr;
  bool has_space_ = true;  // there are addresses for it
};

}  // namespace weir
