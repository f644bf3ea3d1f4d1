#include "workloads/graph/layout/footprint.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace weir::graph {
namespace {

/// A raster with two free cells round everything that is drawn on it.
class Raster {
 public:
  Raster(std::span<const std::uint32_t> nodes, std::span<const Position> positions, double side) : side_(side) {
    Cell low{std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max()};
    Cell high{std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min()};
    for (const std::uint32_t node : nodes) {
      const Cell cell = cell_at(positions[node], side);
      low = {std::min(low.x, cell.x), std::min(low.y, cell.y)};
      high = {std::max(high.x, cell.x), std::max(high.y, cell.y)};
    }
    origin_ = {low.x - 2, low.y - 2};
    width_ = high.x - low.x + 5;
    height_ = high.y - low.y + 5;
    cells_.resize(static_cast<std::size_t>(width_) * static_cast<std::size_t>(height_));
  }

  /// The cells within half a cell of the line; none further.
  void draw(const Position& from, const Position& to) {
    const double dx = double{to.x} - from.x, dy = double{to.y} - from.y;
    const auto parts = static_cast<int>(std::ceil(2 * std::max(std::fabs(dx), std::fabs(dy)) / side_)) + 1;
    for (int i = 0; i <= parts; ++i) {
      const double share = static_cast<double>(i) / parts;
      at(cell_at({static_cast<float>(from.x + share * dx), static_cast<float>(from.y + share * dy), 0}, side_)) = drawn;
    }
  }

  /// Takes in a margin of one cell, and what the outside cannot reach.
  std::vector<Cell> covered() {
    widen();
    flood();
    std::vector<Cell> made;
    for (std::int32_t y = 0; y < height_; ++y) {
      for (std::int32_t x = 0; x < width_; ++x)
        if (cells_[index(x, y)] != outside) made.push_back({x + origin_.x, y + origin_.y});
    }
    return made;
  }

 private:
  enum State : std::uint8_t { empty, drawn, margin, outside };

  [[nodiscard]] std::size_t index(std::int32_t x, std::int32_t y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(x);
  }
  /// Rounding may put a point of a line a cell past its ends, still on the raster.
  std::uint8_t& at(Cell cell) {
    return cells_[index(std::clamp(cell.x - origin_.x, 0, width_ - 1), std::clamp(cell.y - origin_.y, 0, height_ - 1))];
  }
  void widen() {
    for (std::int32_t y = 1; y + 1 < height_; ++y) {
      for (std::int32_t x = 1; x + 1 < width_; ++x) {
        if (cells_[index(x, y)] != drawn) continue;
        for (const std::int32_t dy : {-1, 0, 1}) {
          for (const std::int32_t dx : {-1, 0, 1}) {
            std::uint8_t& beside = cells_[index(x + dx, y + dy)];
            if (beside == empty) beside = margin;
          }
        }
      }
    }
  }
  void flood() {
    std::vector<Cell> open{{0, 0}};
    cells_[0] = outside;
    while (!open.empty()) {
      const Cell cell = open.back();
      open.pop_back();
      for (const Cell step : {Cell{1, 0}, Cell{-1, 0}, Cell{0, 1}, Cell{0, -1}}) {
        const Cell next{cell.x + step.x, cell.y + step.y};
        if (next.x < 0 || next.y < 0 || next.x >= width_ || next.y >= height_) continue;
        if (cells_[index(next.x, next.y)] != empty) continue;
        cells_[index(next.x, next.y)] = outside;
        open.push_back(next);
      }
    }
  }

  double side_;
  Cell origin_;
  std::int32_t width_ = 0, height_ = 0;
  std::vector<std::uint8_t> cells_;
};

}  // namespace

Cell cell_at(const Position& place, double side) {
  return {static_cast<std::int32_t>(std::floor(place.x / side)), static_cast<std::int32_t>(std::floor(place.y / side))};
}

std::vector<Cell> footprint_of(std::span<const std::uint32_t> nodes, std::span<const Edge> edges,
                               std::span<const Position> positions, double side) {
  Raster raster(nodes, positions, side);
  for (const std::uint32_t node : nodes) raster.draw(positions[node], positions[node]);
  for (const Edge& edge : edges) raster.draw(positions[edge.source], positions[edge.target]);
  return raster.covered();
}

}  // namespace weir::graph
