// The record of one piece of address space: a block, a free range or a hole.
// One cache line, kept apart from the memory it describes, so that a GPU's
// memory is never touched and a stray write there cannot harm the pool.
//
// Who may write what. Placement (start, size, neighbours, lists) belongs to the
// arena, under its lock, while the piece is free; to the owning thread cache
// while the block is live or cached. `remote` and `remote_next` belong to other
// threads that free the block. Everything another thread may read is atomic.
#pragma once

#include <atomic>
#include <cstdint>

#include "index/free_ranges.hpp"
#include "index/size_bins.hpp"

namespace weir::track {

enum class BlockState : std::uint8_t {
  unused,      ///< a spare record
  hole,        ///< address space with no pages
  kept,        ///< the same, for the growth of the live block before it
  free,        ///< mapped, in an arena's free ranges
  free_small,  ///< the same, in pages that serve small blocks only
  busy,        ///< in the hands of one operation: between lists, being mapped or unmapped
  live,        ///< held by a caller
  cached,      ///< in a thread cache
  pending,     ///< freed, waiting for work on other streams
};

struct Block : index::Range {
  std::atomic<BlockState> state{BlockState::unused};
  std::uint8_t arena = 0;  ///< which arena of the pool
  std::atomic<std::uint16_t> stream_index{
      0};                                    ///< whose stream order it follows, also while live; 0 = no work left on it
  std::uint64_t requested = 0;               ///< bytes asked for; while free, the stream's epoch at its free
  std::atomic<std::uint32_t> generation{1};  ///< counts the block's lives by twos; never 0
  std::atomic<std::uint32_t> remote{0};      ///< generation another thread has freed; 0 = none
  std::uint32_t remote_next = 0;
  std::uint32_t stamp = 0;  ///< coarse time of the last change of state
  std::uint32_t tag = 0;
  std::atomic<std::uint16_t> ownership{0};  ///< owner(), and shared_bit
  bool small = false;                       ///< lies in pages for small blocks

  /// Set where the free takes the long way: used_on() named other streams in this life, address space is kept behind
  /// the block, or it is an allocation of the driver's own. Set once, it stays for this life.
  static constexpr std::uint16_t shared_bit = 0x8000;
  /// The thread cache it came from.
  [[nodiscard]] std::uint16_t owner() const noexcept { return ownership.load(std::memory_order_relaxed) & ~shared_bit; }
  /// True if its free must look for streams that used it, kept addresses and driver segments.
  [[nodiscard]] bool shared() const noexcept { return (ownership.load(std::memory_order_relaxed) & shared_bit) != 0; }
  void own(std::uint16_t cache) noexcept { ownership.store(cache, std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t address() const noexcept { return start << index::granule_shift; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return std::uint64_t{size} << index::granule_shift; }
  [[nodiscard]] std::uint64_t end() const noexcept { return start + size; }
  [[nodiscard]] bool is(BlockState wanted) const noexcept { return state.load(std::memory_order_acquire) == wanted; }
  void become(BlockState now) noexcept { state.store(now, std::memory_order_release); }
};

static_assert(sizeof(Block) == 64, "a record is one cache line");

}  // namespace weir::track
