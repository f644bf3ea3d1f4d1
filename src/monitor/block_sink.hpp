// Where a recorder's blocks go: a file or a ring in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "monitor/format.hpp"

namespace weir::monitor {

class BlockSink {
 public:
  BlockSink() = default;
  BlockSink(const BlockSink&) = delete;
  BlockSink& operator=(const BlockSink&) = delete;
  virtual ~BlockSink() = default;

  /// Takes a whole block. Returns why it could not, or an empty text; then nothing of the block is there.
  [[nodiscard]] virtual std::string write(BlockKind kind, std::uint16_t pool, std::span<const char> block) = 0;
  [[nodiscard]] virtual std::uint64_t bytes() const noexcept = 0;
  /// The path; empty for a ring.
  [[nodiscard]] virtual std::string path() const = 0;
};

}  // namespace weir::monitor
