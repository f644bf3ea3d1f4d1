#include "pool/space/arena.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <stdexcept>
#include <string>

namespace weir::pool {

using track::Block;
using track::BlockState;

Arena::Arena(track::BlockTable& blocks, index::AddressMap& addresses, std::uint8_t number, std::uint32_t page_granules)
    : table_(blocks),
      blocks_(blocks.data()),
      addresses_(addresses),
      number_(number),
      page_granules_(page_granules),
      page_shift_(static_cast<unsigned>(std::countr_zero(page_granules))) {
  open(clean_index);
}

void Arena::take_records() {
  const std::uint32_t first = table_.take_run();
  for (std::uint32_t id = first + track::BlockTable::run; id-- > first;) drop_record(id);
}

void Arena::make_lists(StreamIndex stream_index) {
  if (stream_index >= by_stream_.size()) by_stream_.resize(stream_index + std::size_t{1});
  if (spare_lists_.empty()) spare_lists_.push_back(std::make_unique<StreamRanges>());
  if (stream_index != clean_index) opened_.push_back(stream_index);
  spare_lists_.reserve(opened_.capacity());  // so that putting lists aside allocates nothing
  by_stream_[stream_index] = std::move(spare_lists_.back());
  spare_lists_.pop_back();
}

// From the end, as the last stream replaces one that is dropped: none is left out. Lists that are empty are
// put aside until the stream has ranges again.
bool Arena::collect_streams(bool only_pages, std::size_t& left, std::vector<StreamInUse>& streams) {
  left = std::min(left, opened_.size());
  const std::size_t stop = left - std::min(left, std::min(max_streams_at_once, streams.capacity() - streams.size()));
  note_loop(left - stop);
  for (; left != stop; --left) {
    const StreamIndex stream_index = opened_[left - 1];
    std::unique_ptr<StreamRanges>& both = by_stream_[stream_index];
    if (both->large.empty() && both->small.empty()) {
      both->latest = 0;
      spare_lists_.push_back(std::move(both));
      opened_[left - 1] = opened_.back();
      opened_.pop_back();
    } else if (!only_pages || both->large.holds(page_granules_)) {
      streams.push_back({stream_index, both->latest});
    }
  }
  return left != 0;
}

inline void Arena::put_in(std::uint32_t id) {
  switch (blocks_[id].state.load(std::memory_order_relaxed)) {
    case BlockState::hole: insert_hole(id); break;
    case BlockState::kept: break;  // it is found from the block before it
    default: insert_free(id); break;
  }
}

std::uint32_t Arena::new_piece(const Block& block, std::uint64_t from, std::uint64_t to, std::uint32_t before,
                               std::uint32_t after) {
  const std::uint32_t rest = new_record();
  Block& piece = blocks_[rest];
  piece.start = from;
  piece.size = static_cast<std::uint32_t>(to - from);
  piece.previous = before;
  piece.next = after;
  if (before != 0) blocks_[before].next = rest;
  if (after != 0) blocks_[after].previous = rest;
  piece.stream_index.store(block.stream_index.load(std::memory_order_relaxed), std::memory_order_relaxed);
  piece.requested = block.requested;
  piece.stamp = block.stamp;
  piece.become(block.state.load(std::memory_order_relaxed));
  return rest;
}

std::uint32_t Arena::carve(std::uint32_t id, std::uint64_t start, std::uint32_t granules) {
  Block& block = blocks_[id];
  const std::uint64_t end = block.end();
  if (start > block.start) put_in(new_piece(block, block.start, start, block.previous, id));
  if (end > start + granules) put_in(new_piece(block, start + granules, end, id, block.next));
  block.start = start;
  block.size = granules;
  block.become(BlockState::busy);
  return id;
}

void Arena::merge(std::uint32_t id, std::uint32_t other_id) noexcept {
  Block& block = blocks_[id];
  const Block& other = blocks_[other_id];
  block.stream_index.store(
      std::max(block.stream_index.load(std::memory_order_relaxed), other.stream_index.load(std::memory_order_relaxed)),
      std::memory_order_relaxed);
  block.requested = std::max(block.requested, other.requested);
  block.stamp = std::max(block.stamp, other.stamp);
  block.size += other.size;
  if (other.start < block.start) {
    block.start = other.start;
    block.previous = other.previous;
    if (block.previous != 0) blocks_[block.previous].next = id;
  } else {
    block.next = other.next;
    if (block.next != 0) blocks_[block.next].previous = id;
  }
  drop_record(other_id);
}

std::uint64_t Arena::largest_free(std::size_t& next_stream) {
  std::uint64_t largest = 0;
  constexpr std::size_t max_streams = 128;  // while the lock is held once; each takes up to 16 looks
  const std::size_t stop = std::min(next_stream + max_streams, by_stream_.size());
  note_loop((stop - std::min(stop, next_stream)) * 2 * Ranges::own_bin_looks);
  for (; next_stream < stop; ++next_stream) {
    const auto& both = by_stream_[next_stream];
    if (!both) continue;
    for (const Ranges* list : {&both->large, &both->small}) {
      const std::uint32_t id = list->find_largest(blocks_);
      if (id != 0) largest = std::max(largest, blocks_[id].bytes());
    }
  }
  if (next_stream >= by_stream_.size()) next_stream = 0;
  return largest;
}

// --- Taking ---

std::uint32_t Arena::take(std::uint32_t id, std::uint64_t start, const Placement& wanted, bool small) {
  erase_free(id);
  return become_block(carve(id, start, wanted.granules), wanted.stream_index, small);
}

std::uint32_t Arena::become_block(std::uint32_t id, StreamIndex stream_index, bool small) {
  Block& block = blocks_[id];
  block.small = small;
  block.stream_index.store(stream_index, std::memory_order_relaxed);
  addresses_.set(block.address(), block.size, id);
  return id;
}

std::uint32_t Arena::fit(const Placement& wanted) {
  keep_records();
  return wanted.small ? fit_small(wanted) : fit_large(wanted);
}

std::uint32_t Arena::fit_closely(const Placement& wanted) {
  keep_records();
  const std::uint32_t best = find(wanted.granules, wanted.stream_index, false);
  return best != 0 && blocks_[best].size - wanted.granules <= wanted.granules / 8 ? fit_into(best, wanted) : 0;
}

// The tighter of what the stream's own lists and the clean ones have.
std::uint32_t Arena::find(std::uint32_t granules, StreamIndex stream_index, bool small) const noexcept {
  const StreamRanges& both = *by_stream_[clean_index];
  const Ranges& clean = small ? both.small : both.large;
  const std::uint32_t from_clean = clean.empty() ? 0 : clean.find(blocks_, granules);
  const Ranges* own = stream_index == clean_index ? nullptr : find_ranges(stream_index, small);
  const std::uint32_t from_own = own == nullptr ? 0 : own->find(blocks_, granules);
  if (from_clean == 0 || from_own == 0) return from_clean | from_own;
  return blocks_[from_clean].size < blocks_[from_own].size ? from_clean : from_own;
}

std::uint32_t Arena::fit_large(const Placement& wanted) {
  const std::uint32_t best = find(wanted.granules, wanted.stream_index, false);
  return best == 0 ? 0 : fit_into(best, wanted);
}

std::uint32_t Arena::fit_into(std::uint32_t best, const Placement& wanted) {
  if (wanted.granules == page_down(wanted.granules)) {  // better on a page border, fine without
    const std::uint32_t id = fit_aligned(best, wanted, std::max(page_granules_, wanted.alignment));
    if (id != 0) return id;
  }
  if (wanted.alignment == 1) return take(best, blocks_[best].start, wanted, false);
  return fit_aligned(best, wanted, wanted.alignment);
}

std::uint32_t Arena::fit_aligned(std::uint32_t best, const Placement& wanted, std::uint32_t alignment) {
  const auto aligned_start = [&](std::uint32_t id) {
    return (blocks_[id].start + alignment - 1) & ~(alignment - std::uint64_t{1});
  };
  if (aligned_start(best) + wanted.granules <= blocks_[best].end())
    return take(best, aligned_start(best), wanted, false);
  // Any range this much longer has an aligned place.
  const std::uint64_t longer = std::uint64_t{wanted.granules} + alignment - 1;
  const std::uint32_t sure =
      longer > index::max_granules ? 0 : find(static_cast<std::uint32_t>(longer), wanted.stream_index, false);
  return sure == 0 ? 0 : take(sure, aligned_start(sure), wanted, false);
}

std::uint32_t Arena::fit_small(const Placement& wanted) {
  const std::uint32_t id = find(wanted.granules, wanted.stream_index, true);
  if (id != 0) return take(id, blocks_[id].start, wanted, true);
  std::uint32_t page = take_page(wanted.stream_index);
  if (page == 0) page = take_page(clean_index);
  return page == 0 ? 0 : fit_in_page(page, wanted);
}

std::uint32_t Arena::take_page(StreamIndex stream_index) {
  const Ranges* list = find_ranges(stream_index, false);
  if (list == nullptr) return 0;
  constexpr std::uint64_t max_looks = 1024;  // ranges; as a rule the first of two pages has one
  std::uint64_t looks = 0;
  std::uint32_t found = list->find_if(
      blocks_, page_granules_, [&](std::uint32_t id) { return ++looks == max_looks || whole_pages(blocks_[id]) != 0; });
  note_loop(looks);
  // Where there are many that lie across a border: so long a one has a whole page wherever it lies.
  if (found != 0 && whole_pages(blocks_[found]) == 0) found = list->find(blocks_, 2 * page_granules_ - 1);
  if (found == 0) return 0;
  erase_free(found);
  return carve(found, page_up(blocks_[found].start), page_granules_);
}

// The block is cut off first: what is left may join what another stream still uses.
std::uint32_t Arena::fit_in_page(std::uint32_t page, const Placement& wanted) {
  Block& block = blocks_[page];
  addresses_.forget_long(block.address(), block.bytes());
  open(wanted.stream_index);
  if (block.stream_index.load(std::memory_order_relaxed) == clean_index) {
    block.stream_index.store(wanted.stream_index, std::memory_order_relaxed);
  }
  const std::uint32_t rest = new_piece(block, block.start + wanted.granules, block.end(), page, block.next);
  block.size = wanted.granules;
  settle_as<BlockState::free_small>(rest);
  return become_block(page, wanted.stream_index, true);
}

// --- Giving back ---

template <BlockState Kind>
inline Arena::Ranges& Arena::list_of(const Block& piece) {
  if constexpr (Kind == BlockState::hole) {
    return holes_;
  } else {
    return ranges_of(piece);
  }
}

template <BlockState Kind>
inline std::uint64_t Arena::join(std::uint32_t id) {
  Block& block = blocks_[id];
  std::uint64_t joined = 0;
  // Takes a neighbour out of its list and into this piece; gives what lies beyond it.
  const auto absorb = [&](std::uint32_t neighbour) {
    const Block& other = blocks_[neighbour];
    list_of<Kind>(other).erase(blocks_, neighbour);
    joined += other.size;
    block.size += other.size;
    const StreamIndex stream_index = std::max(block.stream_index.load(std::memory_order_relaxed),
                                              other.stream_index.load(std::memory_order_relaxed));
    block.stream_index.store(stream_index, std::memory_order_relaxed);
    block.requested = std::max(block.requested, other.requested);
    block.stamp = std::max(block.stamp, other.stamp);
    drop_record(neighbour);
  };
  if (joins(block, block.previous, Kind)) {
    const std::uint32_t neighbour = block.previous;
    block.start = blocks_[neighbour].start;
    block.previous = blocks_[neighbour].previous;
    if (block.previous != 0) blocks_[block.previous].next = id;
    absorb(neighbour);
  }
  if (joins(block, block.next, Kind)) {
    const std::uint32_t neighbour = block.next;
    block.next = blocks_[neighbour].next;
    if (block.next != 0) blocks_[block.next].previous = id;
    absorb(neighbour);
  }
  block.small = false;
  block.become(Kind);
  return joined;
}

template <BlockState Kind>
void Arena::settle_as(std::uint32_t id) {
  const std::uint64_t joined = join<Kind>(id);
  list_of<Kind>(blocks_[id]).insert(blocks_, id);
  if (Kind != BlockState::hole) free_granules_.add(blocks_[id].size - joined);
}

void Arena::settle(std::uint32_t id, BlockState kind) {
  switch (kind) {
    case BlockState::free: settle_as<BlockState::free>(id); break;
    case BlockState::free_small: settle_as<BlockState::free_small>(id); break;
    default: settle_as<BlockState::hole>(id); break;
  }
}

void Arena::release(std::uint32_t id, std::uint64_t epoch, std::uint32_t now) {
  Block& block = blocks_[id];
  const StreamIndex stream_index = block.stream_index.load(std::memory_order_relaxed);
  open(stream_index);
  by_stream_[stream_index]->latest = std::max(by_stream_[stream_index]->latest, epoch);
  block.requested = epoch;
  block.stamp = now;
  give_back(id, block.small, now);
}

void Arena::give_back(std::uint32_t id, bool small, std::uint32_t now) {
  Block& block = blocks_[id];
  if (blocks_[block.next].is(BlockState::kept)) settle_as<BlockState::hole>(block.next);
  std::uint64_t start = block.start;
  std::uint64_t end = block.end();
  if (small) {
    const std::uint64_t joined = join<BlockState::free_small>(id);
    if (whole_pages(block) == 0) {
      list_of<BlockState::free_small>(block).insert(blocks_, id);
      free_granules_.add(block.size - joined);
      return;
    }
    // Pages that are wholly free serve blocks of any size again.
    start = page_up(block.start);
    end = page_down(block.end());
    free_granules_.add(-joined);
    carve(id, start, static_cast<std::uint32_t>(end - start));
  }
  settle_as<BlockState::free>(id);
  became_free(start, end, block, now);
}

// In parts, as others wait for the lock. Each part leaves the lists as they must be.
bool Arena::reassign(StreamIndex from, std::uint64_t epoch, StreamIndex to, std::uint64_t to_epoch) {
  constexpr std::size_t max_moved = 64;      // ranges
  constexpr std::uint64_t max_looks = 1024;  // ranges, also those that stay
  open(to);
  by_stream_[to]->latest = std::max(by_stream_[to]->latest, to_epoch);
  bool more = false;
  for (const BlockState kind : {BlockState::free, BlockState::free_small}) {
    const Ranges* list = find_ranges(from, kind == BlockState::free_small);
    if (list == nullptr) return more;
    std::array<std::uint32_t, max_moved> moved;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
    std::size_t count = 0;
    std::uint64_t looks = 0;
    const auto take_some = [&](std::uint32_t id) {
      if (count == max_moved || ++looks > max_looks) return true;
      if (blocks_[id].requested <= epoch) moved[count++] = id;
      return false;
    };
    const bool stopped = list->find_if(blocks_, 1, take_some) != 0;
    note_loop(looks);
    more = more || (stopped && count != 0);
    // All out first: settling one must not join it with another that is still under the old stream.
    for (std::size_t i = 0; i < count; ++i) {
      erase_free(moved[i]);
      Block& block = blocks_[moved[i]];
      block.become(BlockState::busy);
      block.stream_index.store(to, std::memory_order_relaxed);
      block.requested = to_epoch;
    }
    for (std::size_t i = 0; i < count; ++i) {
      give_back(moved[i], kind == BlockState::free_small, blocks_[moved[i]].stamp);
    }
  }
  return more;
}

// --- Checking ---

void Arena::verify() const {
  std::uint64_t free = 0;
  const auto expect = [&](bool holds, const char* rule, std::uint32_t id) {
    if (!holds)
      throw std::logic_error("arena " + std::to_string(number_) + ", record " + std::to_string(id) + ": " + rule);
  };
  for (std::uint32_t id = 1; id < table_.end(); ++id) {
    const Block& block = blocks_[id];
    if (block.arena != number_ || block.is(BlockState::unused)) continue;
    if (block.is(BlockState::free) || block.is(BlockState::free_small)) free += block.size;
    expect(block.size != 0, "a piece is empty", id);
    if (block.next == 0) continue;
    const Block& next = blocks_[block.next];
    expect(next.previous == id, "its neighbour does not know it", id);
    expect(next.start == block.end(), "its neighbour does not start where it ends", id);
    const BlockState state = block.state.load(std::memory_order_relaxed);
    const bool joinable = state == BlockState::free || state == BlockState::free_small || state == BlockState::hole;
    expect(!joinable || !joins(block, block.next, state), "it should have been joined with its neighbour", id);
  }
  expect(free == free_granules(), "free granules were miscounted", 0);
}

}  // namespace weir::pool
