// See pytorch_policy.hpp.
#include "monitor/replay/pytorch_policy.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <set>
#include <tuple>
#include <vector>

#include <weir/errors.hpp>

namespace weir::replay {

namespace {

// The constants carry PyTorch's names in their comments.
constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t smallest_block = 512;        // kMinBlockSize
constexpr std::uint64_t largest_small = mib;         // kSmallSize
constexpr std::uint64_t small_segment = 2 * mib;     // kSmallBuffer
constexpr std::uint64_t medium_segment = 20 * mib;   // kLargeBuffer
constexpr std::uint64_t smallest_own = 10 * mib;     // kMinLargeAlloc
constexpr std::uint64_t segment_rounding = 2 * mib;  // kRoundLarge

constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t step) { return (bytes + step - 1) / step * step; }

constexpr std::uint64_t segment_bytes(std::uint64_t rounded) {
  if (rounded <= largest_small) return small_segment;
  if (rounded < smallest_own) return medium_segment;
  return round_up(rounded, segment_rounding);
}

class Allocator {
 public:
  using Index = std::uint32_t;

  explicit Allocator(std::uint32_t streams) : pools_(std::size_t{2} * streams) {}

  Index allocate(std::uint64_t requested, std::uint32_t stream) {
    const std::uint64_t bytes = round_up(std::max(requested, smallest_block), smallest_block);
    const bool small = bytes <= largest_small;
    const std::size_t pool = std::size_t{2} * stream + (small ? 0 : 1);
    const Index block = take_best_fit(pool, bytes);
    const std::uint64_t remains = blocks_[block].bytes - bytes;
    if (small ? remains >= smallest_block : remains > largest_small) split(block, bytes);
    return block;
  }

  void free(Index block) {
    const Index next = blocks_[block].next;
    if (next != none && blocks_[next].is_free) {
      take_from_pool(next);
      absorb_next(block);
    }
    const Index before = blocks_[block].before;
    if (before != none && blocks_[before].is_free) {
      take_from_pool(before);
      absorb_next(before);
      block = before;
    }
    put_into_pool(block);
  }

  [[nodiscard]] std::uint64_t reserved() const noexcept { return reserved_; }
  [[nodiscard]] std::uint64_t segments() const noexcept { return segments_; }

 private:
  static constexpr Index none = 0xffff'ffff;

  struct Block {
    std::uint64_t bytes = 0;
    std::uint64_t address = 0;
    std::size_t pool = 0;
    Index before = none;  // neighbours in the same segment
    Index next = none;
    bool is_free = false;
  };
  using Key = std::tuple<std::uint64_t, std::uint64_t, Index>;  // bytes, address, block

  Index make(const Block& block) {
    if (unused_.empty()) {
      blocks_.push_back(block);
      return static_cast<Index>(blocks_.size() - 1);
    }
    const Index index = unused_.back();
    unused_.pop_back();
    blocks_[index] = block;
    return index;
  }

  Key key(Index block) const { return {blocks_[block].bytes, blocks_[block].address, block}; }

  void put_into_pool(Index block) {
    blocks_[block].is_free = true;
    pools_[blocks_[block].pool].insert(key(block));
  }

  void take_from_pool(Index block) {
    pools_[blocks_[block].pool].erase(key(block));
    blocks_[block].is_free = false;
  }

  Index take_best_fit(std::size_t pool, std::uint64_t bytes) {
    const auto found = pools_[pool].lower_bound({bytes, 0, 0});
    if (found != pools_[pool].end()) {
      const Index block = std::get<Index>(*found);
      take_from_pool(block);
      return block;
    }
    const std::uint64_t segment = segment_bytes(bytes);
    if (segment > std::numeric_limits<std::uint64_t>::max() - reserved_) {
      throw InvalidArgument("PyTorch's policy would reserve more than 16 EiB for this trace");
    }
    const std::uint64_t address = reserved_;
    reserved_ += segment;
    ++segments_;
    return make({segment, address, pool, none, none, false});
  }

  // The block keeps its first bytes; the rest becomes a free block.
  void split(Index block, std::uint64_t bytes) {
    const Block whole = blocks_[block];
    const Index rest = make({whole.bytes - bytes, whole.address + bytes, whole.pool, block, whole.next, false});
    if (whole.next != none) blocks_[whole.next].before = rest;
    blocks_[block].bytes = bytes;
    blocks_[block].next = rest;
    put_into_pool(rest);
  }

  void absorb_next(Index block) {
    const Index gone = blocks_[block].next;
    blocks_[block].bytes += blocks_[gone].bytes;
    blocks_[block].next = blocks_[gone].next;
    if (blocks_[block].next != none) blocks_[blocks_[block].next].before = block;
    unused_.push_back(gone);
  }

  std::vector<Block> blocks_;
  std::vector<Index> unused_;
  std::vector<std::set<Key>> pools_;  // per stream: small, large
  std::uint64_t reserved_ = 0;
  std::uint64_t segments_ = 0;
};

}  // namespace

PytorchPolicyResult simulate_pytorch_policy(const DeviceTrace& trace) {
  Allocator allocator(trace.streams);
  PytorchPolicyResult result;
  std::uint64_t requested = 0;
  std::vector<Allocator::Index> placed(trace.block_bytes.size());
  for (const TraceEvent& event : trace.events) {
    const std::uint64_t bytes = trace.block_bytes[event.block];
    if (bytes == 0) continue;  // PyTorch gives a null pointer and keeps no block
    if (event.kind == TraceEvent::Kind::allocate) {
      placed[event.block] = allocator.allocate(bytes, event.stream);
      requested += bytes;
      result.peak_requested = std::max(result.peak_requested, requested);
    } else {
      allocator.free(placed[event.block]);
      requested -= bytes;
    }
  }
  result.peak_reserved = allocator.reserved();
  result.driver_calls = allocator.segments();
  return result;
}

}  // namespace weir::replay
