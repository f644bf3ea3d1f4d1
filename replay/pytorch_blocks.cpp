// See pytorch_blocks.hpp.
#include "replay/pytorch_blocks.hpp"

#include <iterator>

namespace weir::replay {

PytorchBlocks::Index PytorchBlocks::make(const Block& block) {
  if (unused_.empty()) {
    blocks_.push_back(block);
    return static_cast<Index>(blocks_.size() - 1);
  }
  const Index index = unused_.back();
  unused_.pop_back();
  blocks_[index] = block;
  return index;
}

PytorchBlocks::Index PytorchBlocks::add(std::size_t pool, std::uint64_t address, std::uint64_t bytes, Index before) {
  const Index made = make({bytes, address, pool, before, none, false});
  if (before != none) blocks_[before].next = made;
  return made;
}

void PytorchBlocks::put(Index block) {
  blocks_[block].is_free = true;
  pools_[blocks_[block].pool].insert(key(block));
}

void PytorchBlocks::take(Index block) {
  pools_[blocks_[block].pool].erase(key(block));
  blocks_[block].is_free = false;
}

PytorchBlocks::Index PytorchBlocks::take_best_fit(std::size_t pool, std::uint64_t bytes, Index expandable) {
  const std::set<Key>& free = pools_[pool];
  auto found = free.lower_bound({bytes, 0, 0});
  if (found == free.end()) return none;
  if (std::get<Index>(*found) == expandable && std::next(found) != free.end()) ++found;
  const Index block = std::get<Index>(*found);
  take(block);
  return block;
}

PytorchBlocks::Index PytorchBlocks::split(Index block, std::uint64_t bytes) {
  const Block whole = blocks_[block];
  const Index rest = make({whole.bytes - bytes, whole.address + bytes, whole.pool, block, whole.next, false});
  if (whole.next != none) blocks_[whole.next].before = rest;
  blocks_[block].bytes = bytes;
  blocks_[block].next = rest;
  put(rest);
  return rest;
}

PytorchBlocks::Index PytorchBlocks::free(Index block) {
  const Index next = blocks_[block].next;
  if (next != none && blocks_[next].is_free) {
    take(next);
    absorb_next(block);
  }
  const Index before = blocks_[block].before;
  if (before != none && blocks_[before].is_free) {
    take(before);
    absorb_next(before);
    block = before;
  }
  put(block);
  return block;
}

void PytorchBlocks::absorb_next(Index block) {
  const Index gone = blocks_[block].next;
  blocks_[block].bytes += blocks_[gone].bytes;
  blocks_[block].next = blocks_[gone].next;
  if (blocks_[block].next != none) blocks_[blocks_[block].next].before = block;
  unused_.push_back(gone);
}

}  // namespace weir::replay
