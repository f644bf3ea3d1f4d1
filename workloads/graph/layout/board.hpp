// Where footprints lie beside each other: each comes as close to the middle as there is room. Called by what packs
// components.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/graph/layout/footprint.hpp"

namespace weir::graph {

class Board {
 public:
  /// Covers the footprint's cells, moved by what it returns. Of footprints that are given one after the other with the
  /// same `size` none lies closer to the middle than the one before, so that thousands of small ones take no search
  /// each. One of another size looks from the middle on as long as the budget of looks lasts, then from
  /// where the farthest lies, in longer steps.
  Cell place(std::vector<Cell> footprint, std::size_t size);
  /// Cells that were looked at, of all calls.
  [[nodiscard]] std::uint64_t looks() const noexcept { return looks_; }

 private:
  void grow(std::int32_t radius);
  [[nodiscard]] bool is_hasty() const;
  [[nodiscard]] bool is_free(const std::vector<Cell>& footprint, Cell offset);
  [[nodiscard]] std::size_t index(std::int32_t x, std::int32_t y) const {
    return static_cast<std::size_t>(y + radius_) * static_cast<std::size_t>(2 * radius_ + 1) +
           static_cast<std::size_t>(x + radius_);
  }

  std::int32_t radius_ = -1;
  std::vector<std::uint8_t> covered_;
  std::vector<Cell> outwards_;  // all cells of the board's disc, from the middle on
  std::size_t last_size_ = 0, last_found_ = 0, farthest_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace weir::graph
