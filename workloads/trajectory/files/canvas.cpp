#include "workloads/trajectory/files/canvas.hpp"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include <weir/errors.hpp>

namespace weir::trajectory {
namespace {

constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz-.,/+";
/// Nine rows from the top, five bits each; the last two are for what hangs below the line.
constexpr std::array<std::uint64_t, letters.size()> glyphs{
    0x0e8ceb98b800, 0x046108423800, 0x0e8844447c00, 0x0e884c18b800, 0x0232a5f10800, 0x1f878218b800, 0x06443d18b800,
    0x1f0888842000, 0x0e8c5d18b800, 0x0e8c5e113000, 0x000382f8bc00, 0x1087a318f800, 0x0003a308b800, 0x010be318bc00,
    0x0003a3f83800, 0x064710842000, 0x0003e318bc2e, 0x1087a318c400, 0x040308423800, 0x020184210a4c, 0x1084a98a4800,
    0x0c2108423800, 0x0006ab5ad400, 0x0007a318c400, 0x0003a318b800, 0x0007a318fa10, 0x0003e318bc21, 0x0005b3084000,
    0x0003e0e0f800, 0x084710849800, 0x00046319b400, 0x000463151000, 0x00046b5aa800, 0x000454454400, 0x00046318bc2e,
    0x0007c4447c00, 0x00003e000000, 0x000000063000, 0x000000063088, 0x011088844000, 0x00213e420000};

}  // namespace

Colour colour_of(double part) noexcept {
  constexpr std::array<std::array<double, 3>, 5> stops{
      {{0.42, 0.25, 0.72}, {0.24, 0.47, 0.80}, {0.13, 0.67, 0.62}, {0.47, 0.82, 0.36}, {0.99, 0.91, 0.25}}};
  const double at = std::clamp(part, 0.0, 1.0) * (stops.size() - 1);
  const auto first = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    colour[c] = static_cast<float>(std::lerp(stops[first][c], stops[first + 1][c], at - static_cast<double>(first)));
  }
  return colour;
}

Canvas::Canvas(std::size_t width, std::size_t height, Colour ground)
    : width_(width), height_(height), pixels_(width * height, ground), covered_(width * height) {}

void Canvas::blend(std::size_t pixel, Colour colour, float opacity) {
  for (std::size_t c = 0; c < 3; ++c) pixels_[pixel][c] += opacity * (colour[c] - pixels_[pixel][c]);
}

void Canvas::fill(std::size_t x, std::size_t y, std::size_t width, std::size_t height, Colour colour) {
  for (std::size_t row = y; row < std::min(y + height, height_); ++row) {
    for (std::size_t column = x; column < std::min(x + width, width_); ++column) {
      pixels_[row * width_ + column] = colour;
    }
  }
}

/// A pixel is covered as far as its middle is within the line, over the width of a pixel.
void Canvas::cover(Dot from, Dot to, double radius) {
  const double reach = radius + 1, dx = to.x - from.x, dy = to.y - from.y, square = dx * dx + dy * dy;
  const auto bound = [](double value, std::size_t most) {
    return static_cast<std::size_t>(std::clamp(value, 0.0, static_cast<double>(most)));
  };
  const std::size_t right = bound(std::max(from.x, to.x) + reach + 1, width_);
  const std::size_t bottom = bound(std::max(from.y, to.y) + reach + 1, height_);
  for (std::size_t y = bound(std::min(from.y, to.y) - reach, height_); y < bottom; ++y) {
    for (std::size_t x = bound(std::min(from.x, to.x) - reach, width_); x < right; ++x) {
      const double px = static_cast<double>(x) + 0.5 - from.x, py = static_cast<double>(y) + 0.5 - from.y;
      const double along = square > 0 ? std::clamp((px * dx + py * dy) / square, 0.0, 1.0) : 0.0;
      const double away = std::hypot(px - along * dx, py - along * dy);
      const auto share = static_cast<float>(std::clamp(radius + 0.5 - away, 0.0, 1.0));
      float& covered = covered_[y * width_ + x];
      if (share > 0 && covered == 0) touched_.push_back(y * width_ + x);
      covered = std::max(covered, share);
    }
  }
}

void Canvas::line(std::span<const Dot> dots, double thickness, Colour colour, float opacity) {
  for (std::size_t i = 0; i + 1 < dots.size(); ++i) cover(dots[i], dots[i + 1], thickness / 2);
  for (const std::size_t pixel : touched_) {
    blend(pixel, colour, opacity * covered_[pixel]);
    covered_[pixel] = 0;
  }
  touched_.clear();
}

void Canvas::write(std::size_t x, std::size_t y, std::string_view text, Colour colour, std::size_t scale) {
  for (const char each : text) {
    const std::size_t glyph = letters.find(each);
    for (std::size_t dot = 0; glyph != std::string_view::npos && dot < 45; ++dot) {
      if ((glyphs[glyph] >> (44 - dot) & 1) != 0) fill(x + dot % 5 * scale, y + dot / 5 * scale, scale, scale, colour);
    }
    x += 6 * scale;
  }
}

void Canvas::save(files::OutputFile& file) const {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(3 * pixels_.size());
  for (const Colour& pixel : pixels_) {
    for (const float part : pixel) {
      bytes.push_back(static_cast<std::uint8_t>(std::clamp(part, 0.0F, 1.0F) * 255 + 0.5F));
    }
  }
  png_image image;
  std::memset(&image, 0, sizeof(image));
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width_);
  image.height = static_cast<png_uint_32>(height_);
  image.format = PNG_FORMAT_RGB;
  std::string packed(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = packed.size();
  if (png_image_write_to_memory(&image, packed.data(), &size, 0, bytes.data(), 0, nullptr) == 0) {
    throw DriverError(file.path() + ": png_image_write_to_memory: " + image.message, {.name = file.path()});
  }
  file.write(std::string_view(packed).substr(0, size));
}

}  // namespace weir::trajectory
