// The front of the pool: one thread's freed blocks on one stream, newest first.
//
// Blocks up to 64 KiB have a list for every size in granules. Larger sizes share
// a table of slots, each for one exact size, and a size is kept only once it has
// been asked for again: sizes that never repeat would only break up the arena.
// Sizes are exact, so a hit wastes nothing.
//
// Invariant: every block in a list is `cached`, has exactly its list's size, and
// its last use is in this cache's stream order. Lists belong to whoever holds
// `lock`; counters are written by the owning thread alone; `remote_head` is open
// to all. A cache is never destroyed before its pool.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "pool/owner_lock.hpp"
#include "track/block_table.hpp"
#include "track/counter.hpp"
#include "track/peak_meter.hpp"

namespace weir::pool {

class ThreadCache {
 public:
  static constexpr std::uint32_t small_granules = 128;  ///< 64 KiB
  static constexpr std::uint32_t slots = 256;

  OwnerLock lock;

  // --- Written by the owning thread, read by any ---
  track::Credit requested_credit;
  track::Credit allocated_credit;
  track::Counter<std::uint64_t> allocations;
  track::Counter<std::uint64_t> frees;
  track::Counter<std::uint64_t> cache_hits;
  track::Counter<std::uint64_t> arena_hits;
  track::Counter<std::uint64_t> requested_total;
  track::Counter<std::uint64_t> allocated_total;
  track::Counter<std::uint64_t> cached_granules;  ///< by the holder of `lock`
  track::Counter<std::uint64_t> evictions;        ///< by the holder of `lock`

  // --- Of the owning thread ---
  std::uint32_t now = 0;         ///< coarse time
  std::uint32_t operations = 0;  ///< since the coarse time was read

  // --- Fixed while it has an owner ---
  std::atomic<std::uint64_t> key{0};           ///< pool and stream it serves; 0 = no owner
  std::atomic<const void*> thread{nullptr};    ///< tells whose it is
  std::uint16_t id = 0;                        ///< for good
  std::uint16_t lane = 0;
  std::uint8_t home = 0;                       ///< the arena to ask first
  std::uint64_t capacity_granules = 0;

  // --- Open to all ---
  alignas(64) std::atomic<std::uint32_t> remote_head{0};  ///< blocks freed by other threads
  std::atomic<std::uint64_t> remote_granules{0};

  /// The head of the list that may hold blocks of this size, or nullptr.
  [[nodiscard]] std::uint32_t* list(std::uint32_t granules) noexcept {
    if (granules <= small_granules) [[likely]] return &small_[granules];
    Slot& slot = slot_of(granules);
    return slot.granules == granules ? &slot.head : nullptr;
  }

  /// A block of exactly this size, or 0. The caller holds `lock`.
  [[nodiscard]] std::uint32_t pop(const track::BlockTable& blocks, std::uint32_t granules) noexcept {
    std::uint32_t* head = list(granules);
    if (head == nullptr || *head == 0) return 0;
    const std::uint32_t id_of_block = *head;
    *head = blocks[id_of_block].list_next;
    cached_granules.add(-std::uint64_t{granules});
    if (granules > small_granules) large_granules_ -= granules;
    return id_of_block;
  }

  /// Keeps the block if its size is worth keeping and there is room. The caller holds `lock`.
  [[nodiscard]] bool push(track::Block& block, std::uint32_t block_id) noexcept {
    std::uint32_t* head = nullptr;
    if (block.size <= small_granules) [[likely]] {
      head = &small_[block.size];
    } else {
      Slot& slot = slot_of(block.size);
      if (slot.granules != block.size || slot.repeats == 0) return false;
      head = &slot.head;
    }
    if (cached_granules.get() + block.size > capacity_granules) return false;
    if (block.size > small_granules) {
      large_granules_ += block.size;
      const std::uint32_t index = slot_index(block.size);
      large_in_use_[index / 64] |= std::uint64_t{1} << (index % 64);
    }
    cached_granules.add(block.size);
    block.list_next = *head;
    block.become(track::BlockState::cached);
    *head = block_id;
    return true;
  }

  /// Learns that a size was asked for and not there. Gives a chain of blocks of
  /// another size that must leave its slot for this one, or 0. The caller holds `lock`.
  [[nodiscard]] std::uint32_t note_miss(const track::BlockTable& blocks, std::uint32_t granules) noexcept;

  [[nodiscard]] bool has_large() const noexcept { return large_granules_ != 0; }

  /// Takes all blocks of more than 64 KiB, or simply all, out as one chain by list_next.
  [[nodiscard]] std::uint32_t take_large(const track::BlockTable& blocks) noexcept;
  [[nodiscard]] std::uint32_t take_all(const track::BlockTable& blocks) noexcept;
  /// Takes the blocks last freed before `time`, as one chain.
  [[nodiscard]] std::uint32_t take_older(const track::BlockTable& blocks, std::uint32_t time) noexcept;

 private:
  struct Slot {
    std::uint32_t granules = 0;
    std::uint32_t head = 0;
    std::uint32_t repeats = 0;  ///< how often the size came again, at most 8; other sizes wear it down
  };

  [[nodiscard]] static std::uint32_t slot_index(std::uint32_t granules) noexcept {
    return (granules * 2654435761u) >> 24;  // Fibonacci hashing to 8 bits
  }
  [[nodiscard]] Slot& slot_of(std::uint32_t granules) noexcept { return large_[slot_index(granules)]; }
  void unchain(const track::BlockTable& blocks, std::uint32_t& head, std::uint32_t& chain, bool large) noexcept;

  std::uint64_t large_granules_ = 0;
  std::array<std::uint32_t, small_granules + 1> small_{};
  std::array<Slot, slots> large_{};
  std::array<std::uint64_t, slots / 64> large_in_use_{};  ///< a bit for every slot that may hold blocks
};

}  // namespace weir::pool
