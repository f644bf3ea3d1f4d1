// The blocks of PyTorch's caching allocator as its models see them: neighbours in
// their segment that are split and merged, and the free ones of each pool by size,
// then address. A pool is a stream's small or large blocks. Invariant: two free
// neighbours do not exist. Used by the models of PyTorch's policies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

namespace weir::replay {

class PytorchBlocks {
 public:
  using Index = std::uint32_t;
  static constexpr Index none = 0xffff'ffff;

  // The constants carry PyTorch's names in their comments. Bytes.
  static constexpr std::uint64_t smallest_block = 512;                     // kMinBlockSize
  static constexpr std::uint64_t largest_small = std::uint64_t{1} << 20;   // kSmallSize
  static constexpr std::uint64_t small_segment = std::uint64_t{2} << 20;   // kSmallBuffer
  static constexpr std::uint64_t large_segment = std::uint64_t{20} << 20;  // kLargeBuffer

  static constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t step) {
    return (bytes + step - 1) / step * step;
  }
  /// What PyTorch makes of a request before it looks for a block.
  static constexpr std::uint64_t rounded(std::uint64_t requested) {
    return requested < smallest_block ? smallest_block : round_up(requested, smallest_block);
  }
  static constexpr bool is_small(std::uint64_t rounded) { return rounded <= largest_small; }
  /// The pool of a request.
  static constexpr std::size_t pool_of(std::uint32_t stream, std::uint64_t rounded) {
    return std::size_t{2} * stream + (is_small(rounded) ? 0 : 1);
  }

  explicit PytorchBlocks(std::uint32_t streams) : pools_(std::size_t{2} * streams) {}

  /// A block in use of new memory, alone in its segment or the last of `before`'s.
  Index add(std::size_t pool, std::uint64_t address, std::uint64_t bytes, Index before = none);
  /// The smallest free block of the pool with at least so many bytes, now in use, or none. The free block `expandable`
  /// is taken only where no other would do: it counts for as large as it can become.
  Index take_best_fit(std::size_t pool, std::uint64_t bytes, Index expandable = none);
  /// Takes a free block as it is.
  void take(Index block);
  /// A block in use, the last of its segment, becomes longer.
  void extend(Index block, std::uint64_t bytes) { blocks_[block].bytes += bytes; }
  /// The block keeps its first bytes; the rest becomes a free block, which is returned.
  Index split(Index block, std::uint64_t bytes);
  /// Frees a block; returns it, or the one that it became a part of.
  Index free(Index block);

  [[nodiscard]] std::uint64_t bytes(Index block) const { return blocks_[block].bytes; }
  [[nodiscard]] std::size_t pool(Index block) const { return blocks_[block].pool; }
  [[nodiscard]] bool is_free(Index block) const { return blocks_[block].is_free; }
  [[nodiscard]] bool is_last(Index block) const { return blocks_[block].next == none; }

 private:
  struct Block {
    std::uint64_t bytes = 0;
    std::uint64_t address = 0;
    std::size_t pool = 0;
    Index before = none;  // neighbours in the same segment
    Index next = none;
    bool is_free = false;
  };
  using Key = std::tuple<std::uint64_t, std::uint64_t, Index>;  // bytes, address, block

  Index make(const Block& block);
  [[nodiscard]] Key key(Index block) const { return {blocks_[block].bytes, blocks_[block].address, block}; }
  void put(Index block);
  void absorb_next(Index block);

  std::vector<Block> blocks_;
  std::vector<Index> unused_;
  std::vector<std::set<Key>> pools_;  // per stream: small, large
};

}  // namespace weir::replay
