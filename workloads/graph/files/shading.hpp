// What lines leave of a picture's paper: each pixel's share that still shows, from 1 to 0, as real numbers, since eight
// bits a colour would add nothing of lines as faint as those of a dense graph. Filled and read by the PNG writer.
#pragma once

#include <cstddef>
#include <vector>

#include "workloads/graph/files/drawing.hpp"

namespace weir::graph {

class Shading {
 public:
  /// Pixels.
  Shading(std::size_t width, std::size_t height) : width_(width), height_(height), left_(width * height, 1.0F) {}

  /// A line over what is there, smooth at its sides; what is off the page is left out. `opacity` is from 0 to 1.
  void add(Drawing::Point from, Drawing::Point to, double line_width, double opacity);
  [[nodiscard]] float paper(std::size_t x, std::size_t y) const { return left_[y * width_ + x]; }

 private:
  std::size_t width_, height_;
  std::vector<float> left_;
};

}  // namespace weir::graph
