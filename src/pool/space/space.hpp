// Where a pool's memory is: arenas over address ranges, and the pages and segments
// that back them. Finds free ranges, grows, moves free pages to where they are needed, and
// gives them back. Of streams it knows the index that a range carries, nothing else:
// others say which streams are done, and when to wait.
//
// Arenas share the physical pages. A stream has an arena, and threads that meet there too
// often get others; what is free in any arena serves all. Where an arena's addresses are
// used up, others have room, and more are made for as long as the device has addresses.
//
// Thread-safe. No lock is held across a driver call or a callback, and a spin lock for a
// bounded number of steps.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <weir/device.hpp>
#include <weir/pool.hpp>

#include "core/lazy_memory.hpp"
#include "index/address_map.hpp"
#include "pool/coarse_clock.hpp"
#include "pool/journal.hpp"
#include "pool/space/extent_layout.hpp"
#include "pool/space/page_store.hpp"
#include "pool/space/paged_arena.hpp"
#include "pool/space/segment_arena.hpp"
#include "track/block_table.hpp"

namespace weir::pool {

class StreamEpochs;

/// How far a growth goes to get its pages.
enum class Effort : std::uint8_t {
  thrifty,   ///< held pages, free ones that were not moved before, then new ones; what cannot be had is refused
  frugal,    ///< held pages, all free ones, then as few new ones as will do
  thorough,  ///< where that is refused, all free pages, wherever they are and however often they were moved
};

/// A block, or why there is none.
struct Growth {
  std::uint32_t id = 0;
  Taken taken = Taken::yes;
};

class Space {
 public:
  static constexpr unsigned max_arenas = 16;
  /// Its number as an arena; pages' arenas come before.
  static constexpr std::uint8_t segments_number = max_arenas;

  Space(device::Backend& backend, const DeviceInfo& info, const PoolOptions& options, const track::Tallies& tallies,
        const Journal& journal, StreamEpochs& epochs, const CoarseClock& clock);
  /// return_everything() or leave_ranges() comes first, where memory was taken.
  ~Space() { unreserve_ranges(); }
  Space(const Space&) = delete;
  Space& operator=(const Space&) = delete;

  [[nodiscard]] PoolMode mode() const noexcept { return mode_; }
  [[nodiscard]] PageStore& store() noexcept { return store_; }
  [[nodiscard]] const PageStore& store() const noexcept { return store_; }
  [[nodiscard]] track::BlockTable& blocks() noexcept { return blocks_; }
  [[nodiscard]] const track::BlockTable& blocks() const noexcept { return blocks_; }
  [[nodiscard]] const index::AddressMap& addresses() const noexcept { return addresses_; }
  [[nodiscard]] unsigned arena_count() const noexcept { return arena_count_; }
  [[nodiscard]] std::uint64_t page_bytes() const noexcept { return page_bytes_; }
  /// Memory comes in whole multiples of it.
  [[nodiscard]] std::uint64_t unit_bytes() const noexcept {
    return mode_ == PoolMode::pages ? page_bytes_ : index::granule_bytes;
  }

  // --- Free memory that is there; 0 if there is none ---

  /// The number of a stream's arena.
  [[nodiscard]] std::uint8_t home_of(StreamIndex stream_index) const noexcept {
    return static_cast<std::uint8_t>((std::max<StreamIndex>(stream_index, 1) - 1) % arena_count_);  // 0 is no stream
  }
  /// The arena that a thread of that home asks first.
  [[nodiscard]] Arena& home(std::uint8_t number) const noexcept {
    Arena* arena = arenas_[mode_ == PoolMode::segments ? segments_number : number].load(std::memory_order_acquire);
    return arena != nullptr ? *arena
                            : *arenas_[0].load(std::memory_order_acquire);  // its own is made when it must grow
  }
  /// `met` is set if another thread was in the arena.
  [[nodiscard]] static std::uint32_t fit(Arena& arena, const Placement& wanted, bool& met) {
    Arena::Lock lock = arena.try_lock();
    if (!lock) [[unlikely]] {
      met = true;
      lock = arena.lock();
    }
    return arena.fit(wanted);
  }
  [[nodiscard]] static std::uint32_t fit(Arena& arena, const Placement& wanted) {
    const auto lock = arena.lock();
    return arena.fit(wanted);
  }
  [[nodiscard]] std::uint32_t fit_in_any(const Placement& wanted, const Arena* except);
  /// Small blocks share pages of their own but where the pool is so small that these would be most of it.
  [[nodiscard]] bool parts_small_blocks() const noexcept;

  /// Takes free pages that no work uses out of the addresses where they lie, and holds them. True if there were any.
  bool clear_addresses(std::uint8_t home);
  /// Whether a growth would rather move free pages than buy new ones.
  [[nodiscard]] bool rents() const noexcept { return may_rent_.load(std::memory_order_relaxed); }

  /// What the pool would hold if each of its arenas held what this one does. Bytes.
  [[nodiscard]] std::uint64_t bytes_as_at(std::uint8_t home) const noexcept;

  // --- Growing (growing.cpp) ---

  /// Throws what the driver throws but for lack of memory, and Unsupported where the address range is exhausted;
  /// nothing has changed then, nor where it is refused. Where the home has no addresses left, `home` becomes an arena
  /// that has.
  [[nodiscard]] Growth grow(const Placement& wanted, std::uint8_t& home, Effort effort);
  /// A segment of the driver's own for the block.
  [[nodiscard]] Growth allocate_directly(const Placement& wanted);
  /// A block with address space kept behind it; `max` granules in all.
  [[nodiscard]] Growth grow_growable(const Placement& wanted, std::uint32_t max, std::uint8_t home, Effort effort);
  /// Maps the next pages of a growable block; false in `id` = 0 with `taken` = yes where it has no space for them.
  /// On success `plan` is for finish_extension().
  [[nodiscard]] Growth extend(std::uint32_t id, std::uint32_t granules, Effort effort, GrowthPlan& plan);
  void finish_extension(const GrowthPlan& plan, std::uint32_t id);
  [[nodiscard]] std::uint32_t tail_granules(std::uint32_t id, std::uint32_t granules);
  /// Lists what take_tail() will take, page by page: before others are kept away from the block.
  void list_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving) const;
  /// Takes the last granules off a growable block, whose owner keeps others away meanwhile.
  void take_tail(std::uint32_t id, std::uint32_t granules, LeavingPages& leaving);
  /// Throws what the driver throws, with nothing changed.
  void unmap_tail(LeavingPages& leaving);
  void tail_left(const LeavingPages& leaving, std::uint32_t id);
  void tail_stayed(const LeavingPages& leaving, std::uint32_t id);

  // --- A block that moves into a range of its own (moving.cpp) ---

  /// Lists what of a block can move with what it holds; gives the pages of the block before that.
  std::uint64_t list_whole(std::uint32_t id, LeavingPages& leaving) const;
  /// Finds a range for a block in pages, of at most `max` granules, and maps in it what the plan says to move and what
  /// is missing; no work uses what moves. 0 in `id` with `taken` = yes where there are no addresses for it. Throws what
  /// the driver throws; then, and where it is refused, nothing has changed, but for a plan that says `lost`: then
  /// drop_rest() is to follow.
  [[nodiscard]] Growth begin_move(std::uint32_t id, const Placement& wanted, std::uint32_t max, std::uint8_t home,
                                  Effort effort, MovePlan& plan);
  /// Ends a move: the block is there now. Frees what stays of its old place in the order of the stream.
  void finish_move(std::uint32_t id, const MovePlan& plan, StreamIndex stream_index, std::uint32_t now);
  /// Undoes begin_move(), except for a plan that says `lost`. No work uses what was mapped. Throws what the driver
  /// throws; the move is still to be finished then.
  void undo_move(std::uint32_t id, MovePlan& plan);
  /// Frees what is left of a block whose extents are lost.
  void drop_rest(std::uint32_t id, const MovePlan& plan, StreamIndex stream_index, std::uint32_t now);

  // --- Giving back (giving_back.cpp) ---

  /// Frees the block in the order of the stream, as of now.
  void release(std::uint32_t id, StreamIndex stream_index, std::uint32_t now);
  /// Frees the blocks of a chain by list_next; their stamps tell when they were freed.
  void release_chain(std::uint32_t chain, StreamIndex stream_index);
  void reassign(StreamIndex from, std::uint64_t epoch, StreamIndex to);
  /// The streams that have free ranges, without index 0; or only those with ranges of whole pages. Ascending.
  [[nodiscard]] std::vector<Arena::StreamInUse> streams_in_use(bool only_pages) const;
  /// Gives free pages and segments that no work touches back to the driver, free since `since` or longer, but leaves
  /// `keep_free` bytes. Bytes given back.
  std::uint64_t release_pages(std::uint32_t since, std::uint64_t keep_free);
  std::uint64_t release_segments(std::uint32_t since, std::uint64_t keep_free);
  /// Gives everything back; no work uses it any more. What cannot be unmapped stays with the device.
  void return_everything() noexcept;
  /// The addresses stay with the device, as memory that may be in use is mapped there.
  void leave_ranges() noexcept { ranges_ = {}; }

  [[nodiscard]] std::uint64_t free_bytes() const noexcept;
  /// The same without what is held.
  [[nodiscard]] std::uint64_t mapped_free_bytes() const noexcept;
  [[nodiscard]] std::uint64_t largest_free() const;
  void verify() const;
  /// For tests: see Arena::longest_loop().
  [[nodiscard]] std::uint64_t longest_loop() const;

 private:
  template <class Visit>
  void for_each_arena(Visit visit) const {
    for (const auto& arena : arenas_) {
      if (Arena* here = arena.load(std::memory_order_acquire)) visit(*here);
    }
  }
  template <class Visit>
  void for_each_paged(Visit visit) const {
    for_each_arena([&](Arena& arena) {
      if (arena.number() != segments_number) visit(static_cast<PagedArena&>(arena));
    });
  }
  /// Addresses of the device's.
  struct Range {
    device::Address address = 0;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] PagedArena& paged(unsigned number);
  /// The first arena, the home before others, in which `plan` finds room; null if there is none. One is only made where
  /// so many granules fit in it.
  template <class Plan>
  [[nodiscard]] PagedArena* arena_that_fits(std::uint8_t home, std::uint64_t granules, Plan plan);
  void make_arena(unsigned number);
  void unreserve_ranges() noexcept;
  [[nodiscard]] Range reserve();
  [[nodiscard]] Growth grow_pages(const Placement& wanted, std::uint8_t& home, Effort effort);
  [[nodiscard]] Growth grow_segments(const Placement& wanted, Effort effort);
  [[nodiscard]] std::uint32_t use_segment(const Segment& segment, const Placement& wanted);
  [[nodiscard]] std::uint64_t extent_pages(std::uint64_t missing_pages) const noexcept;
  [[nodiscard]] Taken supply(GrowthPlan& plan, std::uint8_t home, Effort effort);
  [[nodiscard]] Taken create(ExtentLayout& layout);
  template <class Abandon>
  [[nodiscard]] Taken fill_in(GrowthPlan& plan, std::uint8_t home, Effort effort, Abandon abandon);
  void recycle(std::vector<MovableExtent>& found, std::uint64_t pages, std::uint32_t max_moves, std::uint8_t home);
  void part_large(std::vector<MovableExtent>& found);
  [[nodiscard]] bool find_range(const Placement& wanted, std::uint32_t max, std::uint8_t home, MovePlan& plan);
  void remap(std::uint32_t id, MovePlan& plan);
  void map_back(std::uint32_t id, MovePlan& plan) noexcept;
  [[nodiscard]] bool unmap(PagedArena& arena, LeavingPages& leaving);
  [[nodiscard]] bool unmap_for_good(MappedExtents& mapped) noexcept;
  [[nodiscard]] std::uint32_t release_some(std::uint32_t chain, StreamIndex stream_index);

  device::Backend& backend_;
  const Journal& journal_;
  StreamEpochs& epochs_;
  const CoarseClock& clock_;
  const std::uint64_t page_bytes_;
  const std::uint64_t max_growth_pages_;  ///< by the options: what one growth takes beyond what is asked
  const std::uint64_t max_handle_pages_;  ///< of the device
  const std::optional<std::uint64_t> explicit_limit_;
  const std::uint64_t segment_bytes_;
  const core::AddressShare addresses_taken_;
  const std::uint64_t range_bytes_;
  const unsigned arena_count_;  ///< homes
  const unsigned range_count_;  ///< arenas at most
  PoolMode mode_;

  PageStore store_;
  std::atomic<bool> may_rent_{false};  ///< the last growth bought new pages
  track::BlockTable blocks_;
  index::AddressMap addresses_;
  std::mutex making_arenas_;
  std::array<std::atomic<Arena*>, max_arenas + 1> arenas_{};
  std::array<std::unique_ptr<PagedArena>, max_arenas> paged_;
  std::array<Range, max_arenas> ranges_{};  // by arena
  bool addresses_short_ = false;            // there were none for another arena
  SegmentArena segments_;
};

}  // namespace weir::pool
