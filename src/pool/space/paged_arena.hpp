// An arena over one reserved address range, backed by pages as needed.
//
// Address space without pages is a hole; at first the whole range is one. When
// nothing fits, a window is chosen in which the fewest pages are missing, the
// pages are found (by Space::supply) and mapped, all in three steps so that no lock is
// held while the driver works: plan_growth under the lock, the driver without it,
// then finish_growth or abandon_growth under it again. Taking pages away goes the
// same way: take_pages, unmap, then pages_left or pages_stayed. Which pages are
// mapped is noted between, page by page, without the lock (note_mapped and
// note_unmapped): the piece is `busy`, so that nobody else looks at its pages.
//
// The pages of an extent leave together or not at all.
//
// Invariant: a page has an extent exactly when it is no part of a hole.
#pragma once

#include <atomic>
#include <vector>

#include "core/lazy_memory.hpp"
#include "device/backend.hpp"
#include "pool/space/arena.hpp"
#include "pool/space/growth_plan.hpp"
#include "pool/space/page_table.hpp"

namespace weir::pool {

/// Extents that are mapped side by side.
struct MappedExtents {
  device::Address address = 0;
  std::vector<MovableExtent> extents;
};

class PagedArena final : public Arena {
 public:
  /// `range` is page-aligned; the arena does not own it.
  PagedArena(track::BlockTable& blocks, index::AddressMap& addresses, std::uint8_t number, device::Address range,
             std::uint64_t bytes, std::uint64_t page_bytes);

  /// Plans a growth where the fewest pages must be mapped, of the places that a bounded search finds; one of the gaps
  /// gets up to `surplus` available pages more. False when the range is exhausted.
  [[nodiscard]] bool plan_growth(const Placement& wanted, std::uint64_t surplus, GrowthPlan& plan);
  /// Notes that the extents of the first `mapped` gaps are mapped: before a plan of any kind is finished or abandoned.
  /// Needs no lock.
  void note_mapped(const GrowthPlan& plan, std::size_t mapped);
  /// Ends a plan whose extents are all mapped and noted; returns the block, `busy`.
  [[nodiscard]] std::uint32_t finish_growth(const GrowthPlan& plan, const Placement& wanted);
  /// Gives a plan up of which only the extents of the first `mapped` gaps are mapped: they are free memory, all else is
  /// as before the plan.
  void abandon_growth(const GrowthPlan& plan, std::size_t mapped);

  /// Takes wholly free pages that no work touches, side by side; false if there are none that are wanted.
  [[nodiscard]] bool take_pages(const PagesWanted& wanted, LeavingPages& leaving);
  /// Notes that the pages are unmapped: before they have left. Needs no lock.
  void note_unmapped(const LeavingPages& pages);
  void pages_left(const LeavingPages& pages);
  void pages_stayed(const LeavingPages& pages);
  /// Notes when pages became idle: all that lie wholly in [start, end) granules. Needs no lock where nobody else has
  /// that memory.
  void stamp(std::uint64_t start, std::uint64_t end, std::uint32_t now) noexcept;

  // --- Blocks that grow in place (kept_space.cpp): `kept` address space follows them. The steps are the same ---

  /// Plans a place for a block of whole pages, with `max` − its size of address space kept behind it; false
  /// where there is no such range.
  [[nodiscard]] bool plan_growable(const Placement& wanted, std::uint32_t max, GrowthPlan& plan);
  [[nodiscard]] std::uint32_t finish_growable(const GrowthPlan& plan, const Placement& wanted);
  void abandon_growable(const GrowthPlan& plan);
  /// Plans the next whole pages after the block, out of its kept range; false if that is not enough.
  [[nodiscard]] bool plan_extension(std::uint32_t id, std::uint32_t granules, GrowthPlan& plan);
  void finish_extension(const GrowthPlan& plan, std::uint32_t id);
  void abandon_extension(const GrowthPlan& plan);
  /// Whether address space is kept for the block.
  [[nodiscard]] bool growable(std::uint32_t id) const noexcept;
  /// How many of the last `granules`, whole pages, of a growable block can leave it: no extent is parted.
  [[nodiscard]] std::uint32_t tail_granules(std::uint32_t id, std::uint32_t granules) const noexcept;
  /// Lists the extents of so many of its last granules, for take_tail(). Needs no lock, for the block is its owner's.
  void list_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving) const;
  /// So many of its last granules, which no work uses: on their way out.
  void take_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving);
  void tail_left(const LeavingPages& pages);
  void tail_stayed(const LeavingPages& pages, std::uint32_t id);

  // --- A block that moves into a range of its own (kept_space.cpp) ---

  /// Lists the extents that lie wholly in the block, if it starts at a page's border: in another range they would not
  /// lie as they do. Needs no lock, for the block is its owner's. Gives the pages of the block before them.
  std::uint64_t list_whole(std::uint32_t id, LeavingPages& leaving) const;
  /// Frees the place that a block had (it has a record of its own now) in the order of its stream, except the extents
  /// that left.
  void leave(std::uint32_t id, const LeavingPages& left, std::uint64_t epoch, std::uint32_t now);

  /// Pages mapped now.
  [[nodiscard]] std::uint64_t mapped_pages() const noexcept { return mapped_pages_.load(); }
  /// All that is mapped, for the end of the pool.
  [[nodiscard]] std::vector<MappedExtents> mapped_extents() const;

 private:
  /// A place for a block, by the granule where it starts.
  struct Window {
    std::uint64_t start = 0;
    std::uint32_t first = 0;          ///< a piece at or before the start, in the same run
    std::uint64_t cost = UINT64_MAX;  ///< pages that are missing
    std::uint64_t run_granules = UINT64_MAX;
  };
  // --- growth_window.cpp ---
  struct Run;
  class Missing;
  struct Stretch;
  [[nodiscard]] Run run_around(std::uint32_t hole, StreamIndex stream_index) const noexcept;
  /// Gives the steps that it took.
  std::uint64_t consider_run(std::uint32_t hole, const Placement& wanted, std::uint64_t alignment, Window& best) const;
  [[nodiscard]] bool open_to(std::uint32_t id, StreamIndex stream_index) const noexcept;
  [[nodiscard]] Window best_window(const Placement& wanted, std::uint64_t& steps) const;
  [[nodiscard]] Gap take_gap(std::uint32_t hole, const Window& window, std::uint64_t end, std::uint64_t surplus);
  void cut_rest(const GrowthPlan& plan);
  [[nodiscard]] Stretch last_stretch(std::uint32_t range, const PagesWanted& wanted, std::uint64_t& steps) const;
  [[nodiscard]] bool leaves(std::size_t page, const PagesWanted& wanted, std::uint64_t& steps) const noexcept;
  [[nodiscard]] std::size_t page_index(std::uint64_t granule) const noexcept {
    return static_cast<std::size_t>(pages_in(granule - first_granule_));
  }
  [[nodiscard]] std::uint64_t granule_of(std::size_t page) const noexcept {
    return first_granule_ + page * page_granules_;
  }
  [[nodiscard]] std::uint64_t page_bytes() const noexcept {
    return std::uint64_t{page_granules_} << index::granule_shift;
  }
  void keep(std::uint32_t id);
  std::uint32_t cut_end(std::uint32_t id, std::uint64_t from);
  void make_hole(std::uint32_t id);
  void rejoin(std::uint32_t id);
  void became_free(std::uint64_t start, std::uint64_t end, const track::Block& range, std::uint32_t now) override;

  const std::uint64_t first_granule_;
  std::atomic<std::uint64_t> mapped_pages_{0};
  PageTable pages_;                                         // by page of the range
  core::LazyArray<std::atomic<std::uint32_t>> free_since_;  // when the page last became wholly free; coarse time
};

}  // namespace weir::pool
