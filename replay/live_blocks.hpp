// The blocks that are live at one moment of a snapshot's history, by address.
// Invariant: no two overlap. pytorch_snapshot walks it back and forth in time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace weir::replay {

class LiveBlocks {
 public:
  struct Block {
    std::uint64_t bytes = 0;
    std::uint64_t stream = 0;
    std::uint32_t index = 0;  ///< the caller's own mark
  };
  using Map = std::map<std::uint64_t, Block>;

  /// Removes and returns the block that starts at this address.
  std::optional<Block> take(std::uint64_t address) {
    const auto found = blocks_.find(address);
    if (found == blocks_.end()) return std::nullopt;
    const Block block = found->second;
    blocks_.erase(found);
    return block;
  }

  /// Removes every block that shares a byte or the start with
  /// [address, address + bytes) and calls `each(Block)` for it.
  template <class Each>
  void take_overlapping(std::uint64_t address, std::uint64_t bytes, Each each) {
    auto at = blocks_.lower_bound(address);
    if (at != blocks_.begin()) {
      const auto before = std::prev(at);
      if (before->second.bytes > address - before->first) at = before;
    }
    // By distance: the end of the highest range is 2^64.
    const std::uint64_t length = std::max<std::uint64_t>(bytes, 1);
    while (at != blocks_.end() && (at->first < address || at->first - address < length)) {
      each(at->second);
      at = blocks_.erase(at);
    }
  }

  /// Adds a block where nothing is live.
  void add(std::uint64_t address, const Block& block) { blocks_.emplace(address, block); }

  [[nodiscard]] const Map& by_address() const noexcept { return blocks_; }

 private:
  Map blocks_;
};

}  // namespace weir::replay
