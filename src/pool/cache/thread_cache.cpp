#include "pool/cache/thread_cache.hpp"

#include <utility>

namespace weir::pool {

// Moves a whole list to the front of `chain`.
void ThreadCache::unchain(track::Block* blocks, std::uint32_t& head, std::uint32_t& chain) noexcept {
  while (head != 0) {
    const std::uint32_t block_id = head;
    track::Block& block = blocks[block_id];
    head = block.list_next;
    block.list_next = chain;
    chain = block_id;
    ceiling_.add(static_cast<std::int64_t>(block.bytes()));
    if (block.size > small_granules) large_granules_ -= block.size;
    evictions.add(1);
  }
}

std::uint32_t ThreadCache::take_large(track::Block* blocks) noexcept {
  std::uint32_t chain = 0;
  for (std::uint32_t i = 0; i < listed_count_; ++i) {
    SizeEntry& entry = large_[listed_[i]];
    entry.listed = false;
    unchain(blocks, entry.head, chain);
  }
  listed_count_ = 0;
  return chain;
}

std::uint32_t ThreadCache::take_all(track::Block* blocks) noexcept {
  std::uint32_t chain = take_large(blocks);
  for (std::uint32_t& head : small_) unchain(blocks, head, chain);
  return chain;
}

std::uint32_t ThreadCache::take_larger(track::Block* blocks, std::uint32_t granules) noexcept {
  for (std::uint32_t size = granules + 1; size <= small_granules; ++size) {
    if (small_[size] == 0) continue;
    std::uint32_t head = std::exchange(small_[size], blocks[small_[size]].list_next);
    blocks[head].list_next = 0;
    std::uint32_t chain = 0;
    unchain(blocks, head, chain);
    return chain;
  }
  return 0;
}

std::uint32_t ThreadCache::take_older(track::Block* blocks, std::uint32_t time) noexcept {
  std::uint32_t chain = 0;
  // Lists are newest first: all from the first old block on are old.
  const auto take_tail = [&](std::uint32_t& head) {
    std::uint32_t* link = &head;
    while (*link != 0 && blocks[*link].stamp >= time) link = &blocks[*link].list_next;
    unchain(blocks, *link, chain);
  };
  for (std::uint32_t& head : small_) take_tail(head);
  for (SizeEntry& entry : large_) take_tail(entry.head);
  return chain;
}

}  // namespace weir::pool
