// The newest blocks of a recording, in memory. Invariant: what was forgotten is summed up in
// each pool's state, so that what is saved still says what was live when it begins, under
// which name, and all counts. Used by the recorder, under its lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "monitor/block_sink.hpp"
#include "monitor/pool_state.hpp"

namespace weir::monitor {

class BlockRing final : public BlockSink {
 public:
  static constexpr std::uint64_t min_bytes = std::uint64_t{64} << 10;
  explicit BlockRing(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  /// From now on it has room for as much, if that is more.
  void make_room(std::uint64_t max_bytes) noexcept { max_bytes_ = std::max(max_bytes_, max_bytes); }
  [[nodiscard]] std::string write(BlockKind kind, std::uint16_t pool, std::span<const char> block) override;
  [[nodiscard]] std::uint64_t bytes() const noexcept override { return bytes_; }
  [[nodiscard]] std::string path() const override { return {}; }
  /// What there is, as a file. Throws as RecordingFile.
  void save(const std::string& path) const;

 private:
  struct Kept {
    BlockKind kind;
    std::uint16_t pool;
    std::string block;
  };
  struct Known {
    std::string facts;  // its pool block
    PoolState before;   // what the blocks that are gone came to
  };
  void forget_oldest();

  std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  std::deque<Kept> blocks_;
  std::map<std::uint16_t, Known> pools_;
};

}  // namespace weir::monitor
