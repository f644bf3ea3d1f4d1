// The front of the pool: one thread's freed blocks on one stream, newest first.
//
// Blocks up to 256 KiB have a list for every size in granules. Larger sizes share
// a table of entries, each for one exact size, and a size is kept only once it has
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

#include <weir/stream.hpp>

#include "pool/cache/owner_lock.hpp"
#include "track/block_table.hpp"
#include "track/counter.hpp"
#include "track/ledger.hpp"

namespace weir::track {
class EventRing;
}

namespace weir::pool {

/// Of one pool: their numbers share a word with a flag in every record.
inline constexpr std::uint16_t max_caches = track::Block::shared_bit - 1;

class ThreadCache {
 public:
  static constexpr std::uint32_t small_granules = 512;  ///< 256 KiB
  static constexpr std::uint32_t entries = 256;

  OwnerLock lock;

  // --- Written by the owning thread, read by any ---
  track::Ledger requested;
  track::Ledger allocated;
  track::Counter<std::uint64_t> cache_hits;
  track::Counter<std::uint64_t> arena_hits;
  track::Counter<std::uint64_t> misses;
  track::Counter<std::uint64_t> frees;
  track::Counter<std::uint64_t> evictions;  ///< by the holder of `lock`

  std::atomic<std::uint32_t> now{0};  ///< coarse time

  // --- Of the owning thread ---
  std::uint32_t slow_operations = 0;   ///< since the coarse time was read
  std::uint32_t ticks = 0;             ///< how often it was read since it last changed
  std::uint64_t paced = 0;             ///< what it was then, in full
  std::uint64_t lent = 0;              ///< bytes freed into other threads' queues since those were drained
  std::uint32_t strays = 0;            ///< how often its home had too little, since it last took new pages there
  track::EventRing* events = nullptr;  ///< where it writes events; null before the first
  std::uint16_t meetings = 0;          ///< with other threads in the home arena, worn down by fits without

  // --- Fixed while it has an owner ---
  std::atomic<std::uint64_t> key{0};         ///< pool and stream it serves; 0 = no owner
  std::atomic<const void*> thread{nullptr};  ///< tells whose it is
  StreamId stream{};
  std::uint16_t id = 0;                        ///< for good
  std::atomic<std::uint16_t> stream_index{0};  ///< the stream's; read by visitors too
  std::uint8_t home = 0;                       ///< the arena to ask first

  // --- Open to all ---
  alignas(64) std::atomic<std::uint32_t> remote_head{0};  ///< blocks freed by other threads
  std::atomic<std::uint64_t> remote_bytes{0};

  /// The bytes that its lists may hold. Not while blocks are in them.
  void set_capacity(std::int64_t bytes) noexcept {
    ceiling_.add(bytes - capacity_);
    capacity_ = bytes;
  }

  /// Whether its thread does little else than allocate: else it keeps few bytes of blocks above 256 KiB. Those that it
  /// has stay. The caller is the owner.
  void set_fast(bool fast) noexcept { max_large_granules_ = fast ? UINT64_MAX : few_large_granules; }
  [[nodiscard]] bool fast() const noexcept { return max_large_granules_ == UINT64_MAX; }

  /// Bytes in its lists. A hit and the free of a block that is kept change this by what
  /// they write into the ledger; whatever else moves blocks corrects `ceiling_`.
  [[nodiscard]] std::int64_t cached() const noexcept { return allocated.credit() - (ceiling_.get() - capacity_); }

  /// Notes credit from a peak meter, or back to it, in one of the books. The caller holds `lock`.
  void grant(track::Ledger ThreadCache::*book, std::int64_t credit) noexcept {
    (this->*book).grant(credit);
    if (book == &ThreadCache::allocated) ceiling_.add(credit);
  }

  /// A block of exactly this size, or 0, for one allocation that the ledger will note.
  /// The caller holds `lock`.
  [[nodiscard]] std::uint32_t pop(track::Block* blocks, std::uint64_t granules) noexcept {
    std::uint32_t* head = &small_[0];  // always empty
    if (granules <= small_granules) [[likely]] {
      head = &small_[granules];
    } else if (SizeEntry& entry = entry_of(static_cast<std::uint32_t>(granules)); entry.granules == granules) {
      head = &entry.head;
      if (*head != 0) large_granules_ -= granules;
    }
    const std::uint32_t id_of_block = *head;
    if (id_of_block != 0) *head = blocks[id_of_block].list_next;
    return id_of_block;
  }

  /// Keeps the block of one free that the ledger has noted, `credit` being what it says since, if the
  /// block's size is worth keeping and the cache is not full. The caller holds `lock`.
  [[nodiscard]] bool push(track::Block& block, std::uint32_t block_id, std::int64_t credit) noexcept {
    const std::uint32_t size = block.size;
    if (credit <= ceiling_.get()) [[likely]] {
      if (size <= small_granules) [[likely]] {
        put(small_[size], block, block_id);
        return true;
      }
      SizeEntry& entry = entry_of(size);
      if (entry.granules == size && entry.repeats != 0 && large_granules_ + size <= max_large_granules_) {
        if (!entry.listed) list_entry(entry);
        put(entry.head, block, block_id);
        large_granules_ += size;
        return true;
      }
    }
    passed_by(block.bytes());
    return false;
  }

  /// Keeps a block whose free the ledger of another cache has noted.
  [[nodiscard]] bool adopt(track::Block& block, std::uint32_t block_id) noexcept {
    bypassed(block.bytes());
    return push(block, block_id, allocated.credit());
  }
  /// Bytes came back that do not go into these lists.
  void passed_by(std::uint64_t bytes) noexcept { ceiling_.add(static_cast<std::int64_t>(bytes)); }
  /// Bytes were handed out that did not come from these lists.
  void bypassed(std::uint64_t bytes) noexcept { ceiling_.add(-static_cast<std::int64_t>(bytes)); }

  /// Learns that a large size was asked for and not there. Gives a chain of blocks that
  /// are to go to their arenas first, or 0. The caller holds `lock`.
  [[nodiscard]] std::uint32_t note_miss(track::Block* blocks, std::uint32_t granules) noexcept {
    std::uint32_t chain = 0;
    SizeEntry& entry = entry_of(granules);
    if (entry.granules == granules) {
      if (entry.repeats < 8) ++entry.repeats;
    } else if (entry.repeats != 0) {
      --entry.repeats;
    } else {
      unchain(blocks, entry.head, chain);
      entry.granules = granules;
    }
    return chain;
  }

  /// True if it may hold blocks of more than 256 KiB.
  [[nodiscard]] bool has_large() const noexcept { return listed_count_ != 0; }

  /// Takes all blocks of more than 256 KiB, or simply all, out as one chain by list_next.
  [[nodiscard]] std::uint32_t take_large(track::Block* blocks) noexcept;
  [[nodiscard]] std::uint32_t take_all(track::Block* blocks) noexcept;
  /// Takes one block of the next larger small size there is, as a chain; or 0.
  [[nodiscard]] std::uint32_t take_larger(track::Block* blocks, std::uint32_t granules) noexcept;
  /// Takes the blocks last freed before `time`, as one chain.
  [[nodiscard]] std::uint32_t take_older(track::Block* blocks, std::uint32_t time) noexcept;

 private:
  struct SizeEntry {
    std::uint32_t granules = 0;
    std::uint32_t head = 0;
    std::uint16_t repeats = 0;  ///< how often the size came again, at most 8; other sizes wear it down
    bool listed = false;        ///< it is in listed_, for it may hold blocks
  };

  [[nodiscard]] static std::uint32_t entry_index(std::uint32_t granules) noexcept {
    return (granules * 2654435761u) >> 24;  // Fibonacci hashing to 8 bits
  }
  [[nodiscard]] SizeEntry& entry_of(std::uint32_t granules) noexcept { return large_[entry_index(granules)]; }
  static void put(std::uint32_t& head, track::Block& block, std::uint32_t block_id) noexcept {
    block.list_next = head;
    block.become(track::BlockState::cached);
    head = block_id;
  }
  void list_entry(SizeEntry& entry) noexcept {
    entry.listed = true;
    listed_[listed_count_++] = static_cast<std::uint8_t>(&entry - large_.data());
  }
  void unchain(track::Block* blocks, std::uint32_t& head, std::uint32_t& chain) noexcept;

  // 1 MiB: of what is cached the arena cannot make larger ranges, and whole handles cannot move.
  static constexpr std::uint64_t few_large_granules = 2048;

  std::int64_t capacity_ = 0;
  std::uint64_t large_granules_ = 0;  ///< in lists of large sizes
  std::uint64_t max_large_granules_ = few_large_granules;
  /// The credit for allocated bytes at which the lists are full: the capacity, and the credit that no block in them
  /// stands for.
  track::Counter<std::int64_t> ceiling_;
  std::array<std::uint32_t, small_granules + 1> small_{};
  std::array<SizeEntry, entries> large_{};
  std::uint32_t listed_count_ = 0;
  std::array<std::uint8_t, entries> listed_{};
};

}  // namespace weir::pool
