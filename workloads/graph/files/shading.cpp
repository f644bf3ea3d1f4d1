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
  const double last = std::min(end, length);
  for (double along = std::max(0.0, std::floor(start)); along < last; ++along) {
    const double low = std::max(start, along), high = std::min(end, along + 1);
    const double middle = base + slope * (0.5 * (low + high) - start);
    const double bottom = std::max(0.0, middle - half), upper = std::min(breadth, middle + half);
    for (double across = std::floor(bottom); across < upper; ++across) {
      const double covered = (high - low) * (std::min(upper, across + 1) - std::max(bottom, across));
      float& left =
          left_[static_cast<std::size_t>(along) * step_along + static_cast<std::size_t>(across) * step_across];
      left *= static_cast<float>(1 - opacity * covered);
    }
  }
}

}  // namespace weir::graph
