// An arena over one reserved address range, backed by pages as needed.
//
// Address space without pages is a hole; at first the whole range is one. When
// nothing fits, a window is chosen in which the fewest pages are missing, the
// pages are found (by the caller: held ones, wholly free ones taken from where
// they are not needed, or new ones) and mapped, all in three steps so that no
// lock is held while the driver works: plan_growth under the lock, the driver
// without it, then finish_growth or abandon_growth under it again. Taking pages
// away goes the same way: take_pages, unmap, then pages_left or pages_stayed.
//
// Bundled pages leave together or not at all.
//
// Invariant: a page has a handle exactly when it is no part of a hole.
#pragma once

#include <optional>
#include <vector>

#include "core/lazy_memory.hpp"
#include "device/backend.hpp"
#include "pool/arena.hpp"
#include "pool/page_store.hpp"

namespace weir::pool {

/// Pages that lie side by side.
struct PageRun {
  device::Address address = 0;
  std::vector<device::PageHandle> pages;
};

/// Where pages that are missing may come from, but for held ones.
enum class PagesFrom : std::uint8_t {
  anywhere,  ///< wholly free ones of all arenas first
  driver,
};

/// A place for a block, out of all lists while its missing pages are found.
struct GrowthPlan {
  std::uint32_t piece = 0;        ///< covers the block and every page it touches that was missing
  std::uint64_t block_start = 0;  ///< granules
  std::vector<PageRun> missing;   ///< to be filled in by the caller
  std::uint64_t missing_pages = 0;
  PagesFrom from = PagesFrom::anywhere;
  bool supplied = false;  ///< the runs hold pages
  /// Of a growable block, whose pages may be bundled: its pages before the first that is missing.
  std::optional<std::uint64_t> pages_before;
};

/// Wholly free pages on their way out.
struct LeavingPages {
  std::uint32_t piece = 0;
  PageRun run;
};

class PagedArena final : public Arena {
 public:
  /// `range` is page-aligned; the arena does not own it.
  PagedArena(track::BlockTable& blocks, index::AddressMap& addresses, std::uint8_t number, device::Address range,
             std::uint64_t bytes, std::uint64_t page_bytes);

  /// Where the block fits with the fewest pages mapped anew; empty when the range is exhausted.
  [[nodiscard]] std::optional<GrowthPlan> plan_growth(const Placement& wanted);
  /// All missing pages are mapped: gives the block, `busy`.
  [[nodiscard]] std::uint32_t finish_growth(const GrowthPlan& plan, const Placement& wanted);
  /// Only the first `mapped_runs` runs were mapped: they are free memory, all else is as before the plan.
  void abandon_growth(const GrowthPlan& plan, std::size_t mapped_runs);

  /// Wholly free pages that no work touches, free since `since` or longer; one run at a time, and only whole bundles.
  [[nodiscard]] std::optional<LeavingPages> take_pages(const PagesWanted& wanted, std::uint32_t since);
  /// Whether so many pages could be spare: it has that many free bytes. Needs no lock.
  [[nodiscard]] bool may_spare(std::uint64_t pages) const noexcept {
    const std::uint64_t most = pages_in(free_granules());
    return most >= pages && most >= mapped_pages() / share_to_spare;
  }
  /// Wholly free pages, if they are a large enough share of all to give some away. Else 0.
  [[nodiscard]] std::uint64_t spare_pages(Lane lane) const;
  void pages_left(const LeavingPages& pages);
  void pages_stayed(const LeavingPages& pages);

  // Blocks that grow in place (kept_space.cpp): `kept` address space follows them. The steps are the same.

  /// A place for a block of whole pages, before `most` − its size of address space that is kept for it;
  /// empty where there is no such range.
  [[nodiscard]] std::optional<GrowthPlan> plan_growable(const Placement& wanted, std::uint32_t most);
  [[nodiscard]] std::uint32_t finish_growable(const GrowthPlan& plan, const Placement& wanted);
  void abandon_growable(const GrowthPlan& plan, std::size_t mapped_runs);
  /// The next whole pages after the block, out of what is kept for it; empty if that is not enough.
  [[nodiscard]] std::optional<GrowthPlan> plan_extension(std::uint32_t id, std::uint32_t granules);
  void finish_extension(const GrowthPlan& plan, std::uint32_t id);
  void abandon_extension(const GrowthPlan& plan, std::size_t mapped_runs);
  /// Whether address space is kept for the block.
  [[nodiscard]] bool growable(std::uint32_t id) const noexcept;
  /// How many of the last `granules`, whole pages, of a growable block can leave it: no bundle is parted.
  [[nodiscard]] std::uint32_t tail_granules(std::uint32_t id, std::uint32_t granules) const noexcept;
  /// So many of its last granules, which no work uses: on their way out.
  [[nodiscard]] LeavingPages take_tail(std::uint32_t id, std::uint32_t granules);
  void tail_left(const LeavingPages& pages);
  void tail_stayed(const LeavingPages& pages, std::uint32_t id);

  /// Pages mapped now.
  [[nodiscard]] std::uint64_t mapped_pages() const noexcept { return mapped_pages_.get(); }
  /// Every mapped run, for the end of the pool.
  [[nodiscard]] std::vector<PageRun> mapped_runs() const;

 private:
  static constexpr std::uint64_t share_to_spare = 8;  // an eighth

  struct Window;
  struct Stretch;
  void consider_run(std::uint32_t first_hole, const Placement& wanted, std::uint64_t alignment, Window& best) const;
  [[nodiscard]] bool open_to(std::uint32_t id, Lane lane) const noexcept;
  [[nodiscard]] std::uint64_t pages_missing(std::uint32_t first, std::uint64_t start, std::uint64_t end) const noexcept;
  [[nodiscard]] std::size_t page_index(std::uint64_t granule) const noexcept {
    return static_cast<std::size_t>(pages_in(granule - first_granule_));
  }
  void note_pages(const PageRun& run);
  void forget_pages(const PageRun& run);
  void keep(std::uint32_t id);
  void make_hole(std::uint32_t id);
  void rejoin(std::uint32_t id);
  [[nodiscard]] std::uint64_t start_of_last(const Stretch& stretch, const PagesWanted& wanted) const noexcept;
  [[nodiscard]] bool goes_on(std::uint64_t page) const noexcept;
  [[nodiscard]] PageRun run_at(std::uint64_t start, std::uint64_t pages) const;
  void became_free(std::uint64_t start, std::uint64_t end, const track::Block& range, std::uint32_t now) override;

  const std::uint64_t first_granule_;
  track::Counter<std::uint64_t> mapped_pages_;
  std::size_t pages_end_ = 0;                  // past the highest page ever mapped
  core::LazyArray<device::PageHandle> pages_;  // by page of the range
  core::LazyArray<std::uint32_t> free_since_;  // when the page last became wholly free
};

}  // namespace weir::pool
