#include "workloads/lidar/files/preview.hpp"

#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

constexpr std::size_t longest = 1200, margin = 12, legend_height = 56, glyph_scale = 3;

/// Letters of 3 × 5 dots, rows from the top, three bits each.
constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyz-._+";
constexpr std::array<std::uint16_t, letters.size()> glyphs{
    075557, 026227, 071747, 071717, 055711, 074717, 074757, 071122, 075757, 075717,   // 0 to 9
    002757, 044656, 003443, 011353, 002743, 012722, 034557, 044655, 020222, 010152,   // a to j
    045655, 022221, 005755, 006555, 002552, 065644, 035311, 003444, 036163, 027221,   // k to t
    005553, 005552, 005572, 005225, 055316, 007127, 000700, 000002, 000007, 002720};  // u to z, - . _ +

using Colour = std::array<std::uint8_t, 3>;

/// From dark blue by green to yellow; lightness rises all along.
Colour colour_of(double part) noexcept {
  constexpr std::array<std::array<double, 3>, 5> stops{
      {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}};
  const double at = std::clamp(part, 0.0, 1.0) * (stops.size() - 1);
  const auto first = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double mixed = stops[first][c] + (stops[first + 1][c] - stops[first][c]) * (at - static_cast<double>(first));
    colour[c] = static_cast<std::uint8_t>(mixed + 0.5);
  }
  return colour;
}

/// An image of three bytes a pixel.
struct Canvas {
  std::vector<std::uint8_t>& bytes;
  std::size_t width;

  void set(std::size_t x, std::size_t y, Colour colour) const {
    const std::size_t at = 3 * (y * width + x);
    if (x < width && at + 3 <= bytes.size())
      std::copy(colour.begin(), colour.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void write(std::size_t x, std::size_t y, std::string_view text) const {
    for (const char each : text) {
      const std::size_t glyph = letters.find(each);
      for (std::size_t dot = 0; glyph != std::string_view::npos && dot < 15; ++dot) {
        if ((glyphs[glyph] >> (14 - dot) & 1) == 0) continue;
        for (std::size_t i = 0; i < glyph_scale * glyph_scale; ++i) {
          set(x + dot % 3 * glyph_scale + i % glyph_scale, y + dot / 3 * glyph_scale + i / glyph_scale,
              {230, 230, 230});
        }
      }
      x += 4 * glyph_scale;
    }
  }
};

std::string label(float value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.3g", double{value});
  return text;
}

}  // namespace

Preview::Preview(const Cloud& cloud, const FeatureSet& features, Feature shown)
    : cloud_(cloud), shown_(shown), column_(features.column(shown)) {
  if (!features.has(shown)) {
    throw InvalidArgument(
        "the preview cannot show " + std::string(name(shown)) + ", which is not one of the computed features",
        {.name = std::string(name(shown))});
  }
  const auto extent = cloud.extent();
  const double side = std::max(extent[0], extent[1]) + 1.0;
  // No more pixels than points can fill.
  const double wanted = std::clamp(std::sqrt(cloud.points() * 1.0), 300.0, static_cast<double>(longest));
  pixel_ = side / wanted;
  width_ = static_cast<std::size_t>(extent[0] / pixel_) + 1;
  height_ = static_cast<std::size_t>(extent[1] / pixel_) + 1;
  pixels_.resize(width_ * height_);
}

void Preview::take(const FeatureRows& rows) {
  const float* const values = rows.columns[column_];
  for (std::size_t i = 0; i < rows.ids.size() && values != nullptr; ++i) {
    const Point point = cloud_.point(cloud_.file_of(rows.ids[i]), rows.ids[i]);
    const auto x = static_cast<std::size_t>(point.x / pixel_), y = static_cast<std::size_t>(point.y / pixel_);
    Pixel& pixel = pixels_[(height_ - 1 - y) * width_ + x];
    if (point.z >= pixel.z && std::isfinite(values[i])) pixel = {point.z, values[i]};
  }
}

void Preview::range(float& low, float& high) const {
  std::vector<float> values;
  for (const Pixel& pixel : pixels_) {
    if (pixel.z != INT32_MIN) values.push_back(pixel.value);
  }
  if (values.empty()) return;
  std::ranges::sort(values);
  low = values[values.size() / 50];
  high = values[values.size() - 1 - values.size() / 50];
}

std::vector<std::uint8_t> Preview::render() const {
  float low = 0, high = 1;
  range(low, high);
  const std::size_t width = std::max<std::size_t>(width_, 320) + 2 * margin,
                    height = height_ + 2 * margin + legend_height;
  std::vector<std::uint8_t> image(3 * width * height, 24);
  const Canvas canvas{image, width};
  const double span = high > low ? double{high} - low : 1.0;
  for (std::size_t y = 0; y < height_; ++y) {
    for (std::size_t x = 0; x < width_; ++x) {
      const Pixel& pixel = pixels_[y * width_ + x];
      if (pixel.z != INT32_MIN) canvas.set(margin + x, margin + y, colour_of((double{pixel.value} - low) / span));
    }
  }
  legend(image, low, high);
  return image;
}

void Preview::legend(std::vector<std::uint8_t>& image, float low, float high) const {
  const std::size_t width = std::max<std::size_t>(width_, 320) + 2 * margin;
  const Canvas canvas{image, width};
  const std::size_t top = height_ + 2 * margin, bar = width - 2 * margin;
  for (std::size_t x = 0; x < bar; ++x) {
    const Colour colour = colour_of(static_cast<double>(x) / static_cast<double>(bar));
    for (std::size_t y = 0; y < 14; ++y) canvas.set(margin + x, top + y, colour);
  }
  const std::size_t text = top + 22, cell = 4 * glyph_scale;
  const std::string right = label(high);
  const std::string_view title = name(shown_);
  canvas.write(margin, text, label(low));
  canvas.write((width - title.size() * cell) / 2, text, title);
  canvas.write(width - margin - right.size() * cell, text, right);
}

void Preview::write(files::OutputFile& file) const {
  const std::vector<std::uint8_t> pixels = render();
  png_image image;
  std::memset(&image, 0, sizeof(image));
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(std::max<std::size_t>(width_, 320) + 2 * margin);
  image.height = static_cast<png_uint_32>(pixels.size() / 3 / image.width);
  image.format = PNG_FORMAT_RGB;
  std::string packed(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t bytes = packed.size();
  if (png_image_write_to_memory(&image, packed.data(), &bytes, 0, pixels.data(), 0, nullptr) == 0) {
    throw DriverError(file.path() + ": png_image_write_to_memory: " + image.message, {.name = file.path()});
  }
  file.write(std::string_view(packed).substr(0, bytes));
}

}  // namespace weir::lidar
