#include "workloads/graph/files/shading.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace weir::graph {

void Shading::add(Drawing::Point from, Drawing::Point to, double line_width, double opacity) {
  // Along the side to which the line lies closer, across the other.
  const bool steep = std::abs(to.y - from.y) > std::abs(to.x - from.x);
  double start = double{steep ? from.y : from.x}, base = double{steep ? from.x : from.y};
  double end = double{steep ? to.y : to.x}, top = double{steep ? to.x : to.y};
  if (start > end) {
    std::swap(start, end);
    std::swap(base, top);
  }
  if (!(end > start)) return;
  const double slope = (top - base) / (end - start), half = 0.5 * line_width * std::hypot(1.0, slope);
  const auto length = static_cast<double>(steep ? height_ : width_),
             breadth = static_cast<double>(steep ? width_ : height_);
  const std::size_t step_along = steep ? width_ : 1, step_across = steep ? 1 : width_;
  const auto behind = [](double limit) { return static_cast<std::size_t>(std::max(0.0, std::ceil(limit))); };
  for (auto along = static_cast<std::size_t>(std::max(0.0, start)); along < behind(std::min(end, length)); ++along) {
    const double low = std::max(start, static_cast<double>(along)),
                 high = std::min(end, static_cast<double>(along + 1));
    const double middle = base + slope * (0.5 * (low + high) - start);
    const double bottom = std::max(0.0, middle - half), upper = std::min(breadth, middle + half);
    for (auto across = static_cast<std::size_t>(bottom); across < behind(upper); ++across) {
      const auto at = static_cast<double>(across);
      const double covered = (high - low) * (std::min(upper, at + 1) - std::max(bottom, at));
      left_[along * step_along + across * step_across] *= static_cast<float>(1 - opacity * covered);
    }
  }
}

}  // namespace weir::graph
