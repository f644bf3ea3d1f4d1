#include "workloads/trajectory/files/picture.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <weir/errors.hpp>

#include "files/chart.hpp"

namespace weir::trajectory {
namespace {

constexpr int width = 1400, min_height = 360, max_height = 1000;  // pixels

struct Value {
  std::string_view name, unit;
  double Launch::*value;
};
constexpr std::array<Value, 4> values{{{"spin", "rpm", &Launch::spin},
                                       {"speed", "m/s", &Launch::speed},
                                       {"angle", "degrees", &Launch::angle},
                                       {"wind", "m/s", &Launch::wind}}};

/// A part of a step, between its ends: of the cubic with their heights and speeds.
double between(double from, double from_rate, double to, double to_rate, double time, double part) {
  const double rest = 1 - part;
  return rest * rest * ((1 + 2 * part) * from + part * time * from_rate) +
         part * part * ((1 + 2 * rest) * to - rest * time * to_rate);
}

/// A path as a line, smooth between its steps.
files::ChartLine line_of(const std::vector<Place>& places, const files::Colour& colour, double opacity) {
  constexpr int parts = 8;  // of a step
  files::ChartLine line{.name = {}, .x = {}, .y = {}, .colour = colour, .width = 1.3, .opacity = opacity};
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Place& to = places[i];
    for (int k = 1; i > 0 && k < parts; ++k) {
      const Place& from = places[i - 1];
      const double time = to.time - from.time, part = static_cast<double>(k) / parts;
      line.x.push_back(between(from.x, from.vx, to.x, to.vx, time, part));
      line.y.push_back(between(from.z, from.vz, to.z, to.vz, time, part));
    }
    line.x.push_back(to.x);
    line.y.push_back(to.z);
  }
  return line;
}

}  // namespace

Picture::Picture(std::uint64_t launches, std::string_view coloured_by)
    : launches_(launches), every_((launches + max_paths - 1) / max_paths), coloured_by_(0) {
  while (coloured_by_ < values.size() && values[coloured_by_].name != coloured_by) ++coloured_by_;
  if (coloured_by_ < values.size()) return;
  std::string names;
  for (const Value& each : values) names.append(names.empty() ? "" : ", ").append(each.name);
  throw InvalidArgument("a picture is coloured by " + names + ", and not by " + std::string(coloured_by),
                        {.name = std::string(coloured_by)});
}

void Picture::take(std::uint64_t first, std::span<const Launch> launches) {
  for (std::size_t i = (every_ - first % every_) % every_; i < launches.size(); i += every_) {
    drawn_.push_back(launches[i]);
  }
}

void Picture::write(files::OutputFile& file, const RunSettings& settings, MemoryManager& memory) const {
  const std::vector<std::vector<Place>> paths = follow(drawn_, settings, memory);
  const Value& shown = values[coloured_by_];
  double low = drawn_.empty() ? 0 : drawn_.front().*shown.value, high = low;
  double first = 0, last = 1, height = 0.1;
  for (std::size_t i = 0; i < drawn_.size(); ++i) {
    low = std::min(low, drawn_[i].*shown.value);
    high = std::max(high, drawn_[i].*shown.value);
    for (const Place& place : paths[i]) {
      first = std::min(first, place.x);
      last = std::max(last, place.x);
      height = std::max(height, place.z);
    }
  }
  const auto count = static_cast<double>(std::max<std::size_t>(drawn_.size(), 1));
  files::ChartPanel panel{.title = std::to_string(drawn_.size()) + " of " + std::to_string(launches_) + " paths",
                          .x_label = "distance, m",
                          .y_label = "height, m",
                          .lines = {},
                          .scale = files::ChartScale{std::string(shown.name), std::string(shown.unit), low, high},
                          .equal_scales = true,
                          .from_zero = true};
  for (std::size_t i = 0; i < drawn_.size(); ++i) {
    const double part = high > low ? (drawn_[i].*shown.value - low) / (high - low) : 0.5;
    panel.lines.push_back(line_of(paths[i], files::scale_colour(part), std::clamp(60 / count, 0.5, 0.9)));
  }
  // A metre is as long up as across, unless the picture would be a strip or a tower.
  const double wanted = 110 + 1.1 * height / (last - first) * width;
  const int pixels = static_cast<int>(std::clamp<double>(wanted, min_height, max_height));
  panel.equal_scales = wanted >= min_height && wanted <= max_height;
  file.write(files::Chart({panel}, width, pixels).png());
}

}  // namespace weir::trajectory
