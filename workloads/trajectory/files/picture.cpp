#include "workloads/trajectory/files/picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include <weir/errors.hpp>

#include "workloads/trajectory/files/canvas.hpp"

namespace weir::trajectory {
namespace {

constexpr Colour ground{0.07F, 0.08F, 0.10F}, grid{0.17F, 0.19F, 0.22F}, axis{0.45F, 0.48F, 0.53F},
    words{0.84F, 0.86F, 0.89F};
constexpr std::size_t left = 96, right = 40, top = 92, bottom = 84, letter_height = 14;
constexpr double plot_width = 1264;

struct Value {
  std::string_view name, unit;
  double Launch::*value;
};
constexpr std::array<Value, 4> values{{{"spin", "rpm", &Launch::spin},
                                       {"speed", "m/s", &Launch::speed},
                                       {"angle", "degrees", &Launch::angle},
                                       {"wind", "m/s", &Launch::wind}}};

std::string number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

/// The distance of lines of a grid: 1, 2 or 5 times a power of ten, about `wanted`.
double grid_step(double wanted) {
  const double power = std::pow(10.0, std::floor(std::log10(wanted)));
  const double part = wanted / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

/// A part of a step, between its ends: of the cubic with their heights and speeds.
double between(double from, double from_rate, double to, double to_rate, double time, double part) {
  const double rest = 1 - part;
  return rest * rest * ((1 + 2 * part) * from + part * time * from_rate) +
         part * part * ((1 + 2 * rest) * to - rest * time * to_rate);
}

std::size_t pixel(double at) { return static_cast<std::size_t>(std::max(at, 0.0) + 0.5); }

}  // namespace

/// What of the world is shown, and where.
struct Picture::Frame {
  double first = 0, last = 1, height = 1;  // m
  double low = 0, high = 1;                // of the values
  double across = 1, up = 1;               // pixels a metre
  double plot_height = 1;                  // pixels

  [[nodiscard]] Dot at(double x, double z) const {
    return {static_cast<double>(left) + (x - first) * across, static_cast<double>(top) + plot_height - z * up};
  }
  [[nodiscard]] Colour colour(double value) const { return colour_of(high > low ? (value - low) / (high - low) : 0.5); }
  [[nodiscard]] std::size_t foot() const { return top + pixel(plot_height); }

  void draw_grid(Canvas& canvas) const {
    const double step = grid_step((last - first) / 10);
    for (double x = std::ceil(first / step) * step; x <= last; x += step) {
      const std::size_t column = pixel(at(x, 0).x);
      canvas.fill(column, top, 1, pixel(plot_height), grid);
      const std::string text = number(std::abs(x) < step / 2 ? 0.0 : x);
      canvas.write(column - std::min(column, Canvas::width_of(text) / 2), foot() + 10, text, words);
    }
    const double rise = grid_step(height / (plot_height / 60));
    for (double z = 0; z <= height; z += rise) {
      const std::size_t row = pixel(at(0, z).y);
      canvas.fill(left, row, pixel(plot_width), 1, z == 0 ? axis : grid);
      const std::string text = number(z);
      canvas.write(left - 10 - std::min<std::size_t>(left - 10, Canvas::width_of(text)), row - letter_height / 2, text,
                   words);
    }
    canvas.fill(left, top, 1, pixel(plot_height), axis);
    const std::string_view below = "distance, m";
    canvas.write(left + (pixel(plot_width) - Canvas::width_of(below)) / 2, foot() + 40, below, words);
    canvas.write(16, top - 30, "height, m", words);
  }

  void draw_path(Canvas& canvas, const std::vector<Place>& places, Colour colour, float opacity) const {
    std::vector<Dot> dots{at(places.front().x, places.front().z)};
    for (std::size_t i = 1; i < places.size(); ++i) {
      const Place &from = places[i - 1], &to = places[i];
      const double time = to.time - from.time;
      const double length = std::hypot((to.x - from.x) * across, (to.z - from.z) * up);
      const int parts = static_cast<int>(std::clamp(length / 6, 1.0, 64.0));
      for (int k = 1; k <= parts; ++k) {
        const double part = static_cast<double>(k) / parts;
        dots.push_back(
            at(between(from.x, from.vx, to.x, to.vx, time, part), between(from.z, from.vz, to.z, to.vz, time, part)));
      }
    }
    canvas.line(dots, 1.6, colour, opacity);
  }

  void draw_legend(Canvas& canvas, const Value& shown) const {
    constexpr std::size_t bar = 300, bar_height = 12, y = 26;
    const std::string from = number(low), to = number(high) + " " + std::string(shown.unit);
    const std::size_t x = left + pixel(plot_width) - bar - 10 - Canvas::width_of(to);
    for (std::size_t i = 0; i < bar; ++i) {
      canvas.fill(x + i, y, 1, bar_height, colour_of(static_cast<double>(i) / (bar - 1)));
    }
    canvas.write(x - 10 - Canvas::width_of(from), y - 1, from, words);
    canvas.write(x + bar + 10, y - 1, to, words);
    canvas.write(x - 34 - Canvas::width_of(from) - Canvas::width_of(shown.name), y - 1, shown.name, words);
  }
};

Picture::Picture(std::uint64_t launches, const Physics& physics, std::string_view coloured_by)
    : launches_(launches), every_((launches + max_paths - 1) / max_paths), physics_(physics), coloured_by_(0) {
  while (coloured_by_ < values.size() && values[coloured_by_].name != coloured_by) ++coloured_by_;
  if (coloured_by_ < values.size()) return;
  std::string names;
  for (const Value& each : values) names.append(names.empty() ? "" : ", ").append(each.name);
  throw InvalidArgument("a picture is coloured by " + names + ", and not by " + std::string(coloured_by),
                        {.name = std::string(coloured_by)});
}

void Picture::take(std::uint64_t first, std::span<const Launch> launches) {
  for (std::size_t i = (every_ - first % every_) % every_; i < launches.size(); i += every_) {
    drawn_.push_back({launches[i].*values[coloured_by_].value, follow(launches[i], physics_)});
  }
}

Picture::Frame Picture::frame() const {
  Frame frame;
  frame.first = frame.last = frame.height = 0;
  frame.low = frame.high = drawn_.empty() ? 0 : drawn_.front().value;
  for (const Drawn& each : drawn_) {
    frame.low = std::min(frame.low, each.value);
    frame.high = std::max(frame.high, each.value);
    for (const Place& place : each.places) {
      frame.first = std::min(frame.first, place.x);
      frame.last = std::max(frame.last, place.x);
      frame.height = std::max(frame.height, place.z);
    }
  }
  if (frame.last - frame.first < 1) frame.last = frame.first + 1;
  frame.last += 0.02 * (frame.last - frame.first);
  if (frame.first < 0) frame.first -= 0.02 * (frame.last - frame.first);
  frame.height = std::max(1.08 * frame.height, 0.1);
  frame.across = plot_width / (frame.last - frame.first);
  // A metre is as long up as across, unless the picture would be a strip or a tower.
  frame.plot_height = std::clamp(frame.height * frame.across, 280.0, 900.0);
  frame.up = frame.plot_height / frame.height;
  return frame;
}

void Picture::write(files::OutputFile& file) const {
  const Frame shown = frame();
  Canvas canvas(left + pixel(plot_width) + right, shown.foot() + bottom, ground);
  shown.draw_grid(canvas);
  const auto count = static_cast<double>(std::max<std::size_t>(drawn_.size(), 1));
  const auto opacity = static_cast<float>(std::clamp(60 / count, 0.3, 0.9));
  for (const Drawn& each : drawn_) shown.draw_path(canvas, each.places, shown.colour(each.value), opacity);
  const std::string paths = std::to_string(drawn_.size()) + " of " + std::to_string(launches_) + " paths";
  canvas.write(left, 25, paths, words);
  shown.draw_legend(canvas, values[coloured_by_]);
  canvas.save(file);
}

}  // namespace weir::trajectory
