// An image that is drawn on: words, rectangles, smooth lines, and a scale of colours. Used by picture.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "files/output_file.hpp"

namespace weir::trajectory {

/// Red, green and blue, 0 to 1.
using Colour = std::array<float, 3>;

/// From violet by green to yellow for 0 to 1; lightness rises all along.
[[nodiscard]] Colour colour_of(double part) noexcept;

/// In pixels from the left and from the top.
struct Dot {
  double x = 0, y = 0;
};

class Canvas {
 public:
  Canvas(std::size_t width, std::size_t height, Colour ground);

  void fill(std::size_t x, std::size_t y, std::size_t width, std::size_t height, Colour colour);
  /// A line through all dots, smooth and of one strength also where it crosses itself; `opacity` is 0 to 1.
  void line(std::span<const Dot> dots, double thickness, Colour colour, float opacity);
  /// From the left and the top of the first letter: small letters, digits and "-.,/+", each 5 × 9 dots of `scale`
  /// pixels.
  void write(std::size_t x, std::size_t y, std::string_view text, Colour colour, std::size_t scale = 2);
  [[nodiscard]] static std::size_t width_of(std::string_view text, std::size_t scale = 2) noexcept {
    return text.empty() ? 0 : (6 * text.size() - 1) * scale;
  }

  /// The whole of a PNG file, but for its commit(). Throws DriverError naming the file and the reason.
  void save(files::OutputFile& file) const;

 private:
  void cover(Dot from, Dot to, double radius);
  void blend(std::size_t pixel, Colour colour, float opacity);

  std::size_t width_, height_;
  std::vector<Colour> pixels_;
  std::vector<float> covered_;        // by the line that is being drawn
  std::vector<std::size_t> touched_;  // of those, what is not 0
};

}  // namespace weir::trajectory
