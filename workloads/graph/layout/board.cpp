#include "workloads/graph/layout/board.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace weir::graph {
namespace {

/// Looks after which no footprint searches from the middle any more.
constexpr std::uint64_t max_searching_looks = 20'000'000;

std::int64_t square_of(Cell cell) { return std::int64_t{cell.x} * cell.x + std::int64_t{cell.y} * cell.y; }

/// All cells up to a distance of the middle, the nearest first; of equally far ones by rows.
std::vector<Cell> disc(std::int32_t radius) {
  std::vector<std::uint32_t> begins(static_cast<std::size_t>(radius) * static_cast<std::size_t>(radius) + 2);
  const auto each_cell = [&](const auto& use) {
    for (std::int32_t y = -radius; y <= radius; ++y) {
      const auto half = static_cast<std::int32_t>(std::sqrt(double(radius) * radius - double(y) * y));
      for (std::int32_t x = -half; x <= half; ++x) use(Cell{x, y});
    }
  };
  each_cell([&](Cell cell) { ++begins[static_cast<std::size_t>(square_of(cell)) + 1]; });
  for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
  std::vector<Cell> cells(begins.back());
  each_cell([&](Cell cell) { cells[begins[static_cast<std::size_t>(square_of(cell))]++] = cell; });
  return cells;
}

}  // namespace

void Board::grow(std::int32_t radius) {
  Board larger;
  larger.radius_ = radius;
  larger.covered_.resize(static_cast<std::size_t>(2 * radius + 1) * static_cast<std::size_t>(2 * radius + 1));
  for (std::int32_t y = -radius_; y <= radius_; ++y) {
    for (std::int32_t x = -radius_; x <= radius_; ++x) larger.covered_[larger.index(x, y)] = covered_[index(x, y)];
  }
  larger.outwards_ = disc(radius);
  larger.last_size_ = last_size_;
  larger.looks_ = looks_;
  larger.farthest_ = farthest_;
  larger.last_found_ = last_found_;  // the smaller disc's cells come first in the larger one
  *this = std::move(larger);
}

bool Board::is_hasty() const { return looks_ >= max_searching_looks; }

bool Board::is_free(const std::vector<Cell>& footprint, Cell offset) {
  for (const Cell cell : footprint) {
    ++looks_;
    const std::int32_t x = cell.x + offset.x, y = cell.y + offset.y;
    if (std::abs(x) > radius_ || std::abs(y) > radius_ || covered_[index(x, y)] != 0) return false;
  }
  return true;
}

Cell Board::place(std::vector<Cell> footprint, std::size_t size) {
  // The middle first, which is where most offsets near the board's middle fail.
  std::stable_sort(footprint.begin(), footprint.end(), [](Cell a, Cell b) { return square_of(a) < square_of(b); });
  const auto reach = static_cast<std::int32_t>(std::sqrt(static_cast<double>(square_of(footprint.back())))) + 1;
  if (radius_ < 0) grow(2 * reach);
  const std::size_t begin = size == last_size_ ? last_found_ : 0;
  std::size_t at = begin;
  while (true) {
    for (; at < outwards_.size(); at += is_hasty() ? static_cast<std::size_t>(reach) : 1) {
      if (is_hasty()) at = std::max(at, farthest_);
      if (at >= outwards_.size()) break;
      if (is_free(footprint, outwards_[at])) break;
    }
    if (at < outwards_.size()) break;
    // No offset on the old board has room for it.
    at = begin;
    grow(radius_ + radius_ / 2 + reach);
  }
  for (const Cell cell : footprint) covered_[index(cell.x + outwards_[at].x, cell.y + outwards_[at].y)] = 1;
  last_size_ = size;
  last_found_ = at;
  farthest_ = std::max(farthest_, at);
  return outwards_[at];
}

}  // namespace weir::graph
