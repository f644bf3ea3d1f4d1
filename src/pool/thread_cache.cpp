#include "pool/thread_cache.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::pool {

std::uint32_t ThreadCache::note_miss(const track::BlockTable& blocks, std::uint32_t granules) noexcept {
  if (granules <= small_granules) return 0;
  Slot& slot = slot_of(granules);
  if (slot.granules == granules) {
    slot.repeats = std::min(slot.repeats + 1, 8u);
    return 0;
  }
  if (slot.repeats != 0) {
    --slot.repeats;
    return 0;
  }
  std::uint32_t chain = 0;
  unchain(blocks, slot.head, chain, true);
  slot.granules = granules;
  return chain;
}

// Moves a whole list to the front of `chain`.
void ThreadCache::unchain(const track::BlockTable& blocks, std::uint32_t& head, std::uint32_t& chain,
                          bool large) noexcept {
  while (head != 0) {
    const std::uint32_t block_id = head;
    track::Block& block = blocks[block_id];
    head = block.list_next;
    block.list_next = chain;
    chain = block_id;
    cached_granules.add(-std::uint64_t{block.size});
    evictions.add(1);
    if (large) large_granules_ -= block.size;
  }
}

std::uint32_t ThreadCache::take_large(const track::BlockTable& blocks) noexcept {
  std::uint32_t chain = 0;
  for (std::uint32_t word = 0; word < large_in_use_.size(); ++word) {
    for (std::uint64_t bits = std::exchange(large_in_use_[word], 0); bits != 0; bits &= bits - 1) {
      const auto index = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      unchain(blocks, large_[index].head, chain, true);
    }
  }
  return chain;
}

std::uint32_t ThreadCache::take_all(const track::BlockTable& blocks) noexcept {
  std::uint32_t chain = take_large(blocks);
  for (std::uint32_t& head : small_) unchain(blocks, head, chain, false);
  return chain;
}

std::uint32_t ThreadCache::take_older(const track::BlockTable& blocks, std::uint32_t time) noexcept {
  std::uint32_t chain = 0;
  // Lists are newest first: all from the first old block on are old.
  const auto take_tail = [&](std::uint32_t& head, bool large) {
    std::uint32_t* link = &head;
    while (*link != 0 && blocks[*link].stamp >= time) link = &blocks[*link].list_next;
    unchain(blocks, *link, chain, large);
  };
  for (std::uint32_t& head : small_) take_tail(head, false);
  for (Slot& slot : large_) take_tail(slot.head, true);
  return chain;
}

}  // namespace weir::pool
