// All records of a pool, by id. Address space for every record there could be
// is reserved once and backed as it is used, so records never move and a lookup
// is one multiply-add. Where addresses are short there can be fewer records. Ids are handed out in runs, so that
// threads working in different arenas do not share cache lines. Id 0 names nothing.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/spin_lock.hpp"
#include "track/block.hpp"

namespace weir::track {

class BlockTable {
 public:
  /// With addresses for as many records as there may be, divided by a power of two.
  explicit BlockTable(std::uint64_t divisor = 1);
  ~BlockTable();
  BlockTable(const BlockTable&) = delete;
  BlockTable& operator=(const BlockTable&) = delete;

  [[nodiscard]] Block& operator[](std::uint32_t id) const noexcept { return blocks_[id]; }

  [[nodiscard]] Block* data() const noexcept { return blocks_; }

  static constexpr std::uint32_t run = 64;
  /// The first of `run` new ids; throws OutOfMemory past the last.
  [[nodiscard]] std::uint32_t take_run();
  /// One more than the highest id handed out.
  [[nodiscard]] std::uint32_t end() const noexcept { return next_.load(std::memory_order_acquire); }

 private:
  std::uint32_t capacity_;
  Block* blocks_;
  core::SpinLock growing_;
  std::atomic<std::uint32_t> next_{run};
};

}  // namespace weir::track
