// An arena: address space cut into pieces, found again by size. It knows nothing
// of drivers; PagedArena and SegmentArena add where its memory comes from.
//
// Free ranges are kept by stream, the one whose order their last use follows;
// index 0 holds what no work touches any more. Neighbours join when their streams
// agree or one of them is 0. Two rules keep pages whole. Blocks that are a
// multiple of a page are placed on page borders where that costs nothing. Small
// blocks live together in pages of their own, for one small block would keep a
// page from ever being free.
//
// Invariant: no two joinable free ranges are neighbours; `free_granules` is the
// sum over all free ranges. Every function but lock() and free_granules() needs
// the arena's lock, which none holds for more than a bounded number of steps.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/spin_lock.hpp"
#include "index/address_map.hpp"
#include "index/free_ranges.hpp"
#include "pool/space/placement.hpp"
#include "track/block_table.hpp"
#include "track/counter.hpp"

namespace weir::pool {

class Arena {
 public:
  Arena(track::BlockTable& blocks, index::AddressMap& addresses, std::uint8_t number, std::uint32_t page_granules);
  virtual ~Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  using Lock = std::unique_lock<core::SpinLock>;
  [[nodiscard]] Lock lock() { return Lock(mutex_); }
  /// Empty if another thread has it.
  [[nodiscard]] Lock try_lock() { return {mutex_, std::try_to_lock}; }

  /// A `busy` block from memory that is there, in the order of the stream; 0 if nothing fits.
  [[nodiscard, gnu::flatten]] std::uint32_t fit(const Placement& wanted);
  /// The same, but only where at most an eighth of the block's size would be left over.
  [[nodiscard]] std::uint32_t fit_closely(const Placement& wanted);
  /// Opens a page, `busy`, for small blocks and gives the first of them.
  [[nodiscard]] std::uint32_t fit_in_page(std::uint32_t page, const Placement& wanted);

  /// Makes the block free in the order of its stream, as of `epoch`, and joins it with its neighbours.
  [[gnu::flatten]] void release(std::uint32_t id, std::uint64_t epoch, std::uint32_t now);

  /// Hands some of the stream's ranges freed up to `epoch` over to another stream; true if there may be more.
  [[nodiscard]] bool reassign(StreamIndex from, std::uint64_t epoch, StreamIndex to, std::uint64_t to_epoch);
  /// A stream that has free ranges, and the epoch of the latest free into them.
  struct StreamInUse {
    StreamIndex stream_index;
    std::uint64_t latest;
  };
  /// How many streams are looked at while the lock is held once.
  static constexpr std::size_t max_streams_at_once = 512;
  /// Adds the streams that have free ranges, without index 0; or only those with ranges of a page and more, which
  /// could go elsewhere once the stream's work is done. In several calls, down to 0 of what is `left`, which starts as
  /// SIZE_MAX; as many at a time as the vector has capacity for. A stream may come twice. True if there are more.
  [[nodiscard]] bool collect_streams(bool only_pages, std::size_t& left, std::vector<StreamInUse>& streams);

  /// Needs no lock: callers read it to see whether taking the lock is worth while.
  [[nodiscard]] std::uint64_t free_granules() const noexcept { return free_granules_.get(); }
  /// Bytes of the largest free range, at most a 32nd less: that is how far sizes of one bin lie apart. Of some streams
  /// from `next_stream` on, which is moved on, and 0 when all were looked at.
  [[nodiscard]] std::uint64_t largest_free(std::size_t& next_stream);
  /// The longest that one call has held the lock, in steps of its loops; for tests.
  [[nodiscard]] std::uint64_t longest_loop() const noexcept { return longest_loop_.get(); }
  [[nodiscard]] std::uint8_t number() const noexcept { return number_; }

  /// Throws std::logic_error where a rule above is broken.
  void verify() const;

 protected:
  using Ranges = index::FreeRanges<track::Block*>;
  struct StreamRanges {
    Ranges large;
    Ranges small;
    std::uint64_t latest = 0;  ///< epoch of the latest free into them
  };

  [[nodiscard]] std::uint32_t new_record() {
    if (spare_records_ == 0) [[unlikely]]
      take_records();
    const std::uint32_t id = spare_records_;
    spare_records_ = blocks_[id].list_next;
    --spare_count_;
    blocks_[id].arena = number_;
    blocks_[id].small = false;
    return id;
  }
  void drop_record(std::uint32_t id) noexcept {
    blocks_[id].become(track::BlockState::unused);
    blocks_[id].list_next = spare_records_;
    spare_records_ = id;
    ++spare_count_;
  }
  /// Before memory is taken: the last few records are for those that give back. Throws OutOfMemory, with nothing done.
  void keep_records() {
    constexpr std::uint32_t few = 16;
    if (spare_count_ < few) [[unlikely]]
      take_records();
  }

  void insert_free(std::uint32_t id) noexcept {
    ranges_of(blocks_[id]).insert(blocks_, id);
    free_granules_.add(blocks_[id].size);
  }
  void erase_free(std::uint32_t id) noexcept {
    ranges_of(blocks_[id]).erase(blocks_, id);
    free_granules_.add(-std::uint64_t{blocks_[id].size});
  }
  /// Makes the lists of a stream, so that ranges of it may be put in.
  void open(StreamIndex stream_index) {
    if (stream_index >= by_stream_.size() || !by_stream_[stream_index]) [[unlikely]]
      make_lists(stream_index);
  }
  void insert_hole(std::uint32_t id) { holes_.insert(blocks_, id); }
  void erase_hole(std::uint32_t id) { holes_.erase(blocks_, id); }
  /// Cuts [start, start + granules) out of a piece that is in no list; what is left over
  /// on either side becomes a piece of the same kind, put back in its list. Returns the cut piece, `busy`.
  std::uint32_t carve(std::uint32_t id, std::uint64_t start, std::uint32_t granules);
  /// A new piece [from, to) of what `block` was, between the pieces `before` and `after`, in no list.
  [[nodiscard]] std::uint32_t new_piece(const track::Block& block, std::uint64_t from, std::uint64_t to,
                                        std::uint32_t before, std::uint32_t after);
  /// Makes one piece of two neighbours that are in no list; `id` stays, `other` is dropped.
  void merge(std::uint32_t id, std::uint32_t other) noexcept;
  /// Makes a piece in no list free, free_small or a hole: joined with its neighbours, in its list.
  void settle(std::uint32_t id, track::BlockState kind);
  template <track::BlockState Kind>
  void settle_as(std::uint32_t id);
  /// The first half of settling: takes its neighbours out of their lists and into the piece. Gives their granules.
  template <track::BlockState Kind>
  [[nodiscard]] std::uint64_t join(std::uint32_t id);

  [[nodiscard]] std::uint64_t page_up(std::uint64_t granule) const noexcept {
    return (granule + page_granules_ - 1) & ~std::uint64_t{page_granules_ - 1};
  }
  [[nodiscard]] std::uint64_t page_down(std::uint64_t granule) const noexcept {
    return granule & ~std::uint64_t{page_granules_ - 1};
  }
  [[nodiscard]] std::uint64_t pages_in(std::uint64_t granules) const noexcept { return granules >> page_shift_; }
  [[nodiscard]] std::uint64_t whole_pages(const track::Block& block) const noexcept {
    const std::uint64_t from = page_up(block.start);
    const std::uint64_t to = page_down(block.end());
    return to > from ? pages_in(to - from) : 0;
  }

  void note_loop(std::uint64_t steps) noexcept {
    if (steps > longest_loop_.get()) longest_loop_.set(steps);
  }

  /// Called with the bounds of a block that became free and of the range that it became part of.
  virtual void became_free(std::uint64_t start, std::uint64_t end, const track::Block& range, std::uint32_t now) = 0;

  track::BlockTable& table_;
  track::Block* const blocks_;  ///< all records, by id
  index::AddressMap& addresses_;
  const std::uint8_t number_;
  const std::uint32_t page_granules_;  ///< a power of two
  const unsigned page_shift_;
  /// The stream's free ranges outside pages for small blocks, or nullptr before there were any.
  [[nodiscard]] const Ranges* large_ranges(StreamIndex stream_index) const noexcept {
    return find_ranges(stream_index, false);
  }

  Ranges holes_;

 private:
  [[gnu::noinline]] void make_lists(StreamIndex stream_index);
  [[gnu::noinline]] void take_records();
  [[nodiscard]] Ranges* find_ranges(StreamIndex stream_index, bool small) const noexcept {
    if (stream_index >= by_stream_.size() || !by_stream_[stream_index]) return nullptr;
    return small ? &by_stream_[stream_index]->small : &by_stream_[stream_index]->large;
  }
  [[nodiscard]] Ranges& ranges_of(const track::Block& block) const noexcept {
    StreamRanges& both = *by_stream_[block.stream_index.load(std::memory_order_relaxed)];
    return block.is(track::BlockState::free_small) ? both.small : both.large;
  }
  [[nodiscard]] std::uint32_t find(std::uint32_t granules, StreamIndex stream_index, bool small) const noexcept;
  [[nodiscard]] std::uint32_t fit_large(const Placement& wanted);
  [[nodiscard]] std::uint32_t fit_into(std::uint32_t best, const Placement& wanted);
  [[nodiscard, gnu::noinline]] std::uint32_t fit_aligned(std::uint32_t best, const Placement& wanted,
                                                         std::uint32_t alignment);
  [[nodiscard]] std::uint32_t fit_small(const Placement& wanted);
  /// A wholly free page of the stream, `busy`; or 0.
  [[nodiscard]] std::uint32_t take_page(StreamIndex stream_index);
  [[nodiscard]] bool joins(const track::Block& block, std::uint32_t neighbour, track::BlockState kind) const noexcept {
    const track::Block& other = blocks_[neighbour];  // record 0, no neighbour, is in no state
    if (!other.is(kind) || block.size + std::uint64_t{other.size} > index::max_granules) return false;
    const StreamIndex mine = block.stream_index.load(std::memory_order_relaxed);
    const StreamIndex theirs = other.stream_index.load(std::memory_order_relaxed);
    return mine == theirs || mine == clean_index || theirs == clean_index;
  }
  void give_back(std::uint32_t id, bool small, std::uint32_t now);
  void put_in(std::uint32_t id);
  [[nodiscard]] std::uint32_t take(std::uint32_t id, std::uint64_t start, const Placement& wanted, bool small);
  /// Makes a `busy` piece a block, found by its address from now on.
  std::uint32_t become_block(std::uint32_t id, StreamIndex stream_index, bool small);
  template <track::BlockState Kind>
  [[nodiscard]] Ranges& list_of(const track::Block& piece);

  core::SpinLock mutex_;
  std::vector<std::unique_ptr<StreamRanges>> by_stream_;    // none where a stream has no ranges
  std::vector<StreamIndex> opened_;                         // the streams with lists, without index 0
  std::vector<std::unique_ptr<StreamRanges>> spare_lists_;  // empty
  std::uint32_t spare_records_ = 0;
  std::uint32_t spare_count_ = 0;
  track::Counter<std::uint64_t> free_granules_;
  track::Counter<std::uint64_t> longest_loop_;
};

}  // namespace weir::pool
