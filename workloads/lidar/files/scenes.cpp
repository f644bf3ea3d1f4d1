#include "workloads/lidar/files/scenes.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include <weir/errors.hpp>

#include "workloads/lidar/files/las_file.hpp"

namespace weir::lidar {
namespace {

constexpr std::size_t header_bytes = 227, record_bytes = 28;
constexpr double pi = 3.14159265358979323846;

/// SplitMix64: the same everywhere, unlike the standard's distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}
  [[nodiscard]] double part() noexcept {  // from 0 to below 1
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
  }
  [[nodiscard]] double between(double low, double high) noexcept { return low + (high - low) * part(); }

 private:
  std::uint64_t state_;
};

/// A number for a cell of the plane, from 0 to below 1.
double of_cell(std::int64_t x, std::int64_t y, std::uint64_t salt) noexcept {
  return Random(static_cast<std::uint64_t>(x) * 0x8da6b343u + static_cast<std::uint64_t>(y) * 0xd8163841u + salt)
      .part();
}

double terrain(double x, double y) noexcept {
  return 40 + 6 * std::sin(x / 90) * std::cos(y / 70) + 1.5 * std::sin(x / 23 + y / 31);
}

struct Place {
  double x, y, z;
  std::uint8_t classification;
};

/// What is seen from above at (x, y): cells of 40 m have a building or some trees each.
Place from_above(double x, double y, Random& random) {
  const auto cx = static_cast<std::int64_t>(std::floor(x / 40)), cy = static_cast<std::int64_t>(std::floor(y / 40));
  const double u = x - 40.0 * static_cast<double>(cx) - 20, v = y - 40.0 * static_cast<double>(cy) - 20;
  const double kind = of_cell(cx, cy, 1), ground = terrain(x, y);
  if (kind < 0.45) {
    const double half = 6 + 6 * of_cell(cx, cy, 2), eaves = terrain(x - u, y - v) + 4 + 8 * of_cell(cx, cy, 3);
    const double in = half - std::max(std::fabs(u), std::fabs(v));
    if (in > 0) {
      const bool gable = kind < 0.3;
      return {x, y, eaves + (gable ? 0.5 * (half - std::fabs(u)) : 0) + random.between(-0.02, 0.02), 6};
    }
    if (in > -0.15) return {x, y, random.between(ground, eaves), 6};  // walls, seen aslant
  } else if (kind < 0.8) {
    const double radius = 2 + 3 * of_cell(cx, cy, 4), far = std::hypot(u, v);
    if (far < radius && random.part() < 0.8) {
      const double crown = std::sqrt(radius * radius - far * far);
      return {x, y, ground + 4 + radius + random.between(-crown, crown), 5};
    }
  }
  return {x, y, ground + random.between(-0.03, 0.03), 2};
}

Place aerial(std::uint32_t index, std::uint32_t points, Random& random) {
  const double side = std::sqrt(points / 12.0), strip = 40;
  const double lines = std::ceil(side / strip), per_line = points / lines;
  const double line = std::floor(index / per_line), along = (index - line * per_line) / per_line;
  const bool back = std::fmod(line, 2) > 0;
  return from_above(side * (back ? 1 - along : along) + random.between(-0.3, 0.3),
                    (line + random.part()) * side / lines, random);
}

Place forest(std::uint32_t, std::uint32_t points, Random& random) {
  const double side = std::sqrt(points / 25.0);
  const double x = random.between(0, side), y = random.between(0, side), ground = terrain(x, y);
  if (random.part() < 0.2) return {x, y, ground + random.between(-0.03, 0.03), 2};
  const auto cx = static_cast<std::int64_t>(x / 6), cy = static_cast<std::int64_t>(y / 6);
  const double top = 14 + 10 * of_cell(cx, cy, 5), depth = random.part();
  return {x, y, ground + top - (top - 2) * depth * depth, 5};
}

/// Rays at even angles over ground and two walls: density falls with the square of the distance and more.
Place terrestrial(std::uint32_t, std::uint32_t, Random& random) {
  const double angle = random.between(0, 2 * pi), down = random.between(0.012, 1.2);
  const double height = 1.8, noise = random.between(-0.002, 0.002);
  const double range = std::min(height / std::tan(down), 150.0);
  double x = range * std::cos(angle), y = range * std::sin(angle), z = noise;
  if (x > 25) {  // a wall
    z = height * (1 - 25 / x) + noise;
    y *= 25 / x;
    x = 25 + noise;
  } else if (y < -12) {
    z = height * (1 + 12 / y) + noise;
    x *= -12 / y;
    y = -12 + noise;
  }
  return {x, y, z, 2};
}

}  // namespace

std::vector<std::byte> make_scene(std::string_view name, std::uint32_t points) {
  Place (*place)(std::uint32_t, std::uint32_t, Random&) = nullptr;
  if (name == "aerial") place = aerial;
  if (name == "forest") place = forest;
  if (name == "terrestrial") place = terrestrial;
  if (place == nullptr) {
    throw NotFound("no scene \"" + std::string(name) + "\"; there are: aerial, forest, terrestrial",
                   {.name = std::string(name)});
  }
  const double scale = name == "terrestrial" ? 0.001 : 0.01;
  std::vector<std::byte> bytes(header_bytes + record_bytes * std::size_t{points});
  std::byte* const to = bytes.data();
  std::memcpy(to, "LASF", 4);
  write_number<std::uint8_t>(to + 24, 1);
  write_number<std::uint8_t>(to + 25, 2);
  write_number<std::uint16_t>(to + 94, header_bytes);
  write_number<std::uint32_t>(to + 96, header_bytes);
  write_number<std::uint8_t>(to + 104, 1);
  write_number<std::uint16_t>(to + 105, record_bytes);
  write_number(to + 107, points);
  for (std::size_t axis = 0; axis < 3; ++axis) write_number(to + 131 + 8 * axis, scale);
  Random random(name.size() * 1000 + 17);
  for (std::uint32_t i = 0; i < points; ++i) {
    const Place seen = place(i, points, random);
    std::byte* const at = to + header_bytes + record_bytes * std::size_t{i};
    write_number(at, static_cast<std::int32_t>(std::lround(seen.x / scale)));
    write_number(at + 4, static_cast<std::int32_t>(std::lround(seen.y / scale)));
    write_number(at + 8, static_cast<std::int32_t>(std::lround(seen.z / scale)));
    write_number<std::uint8_t>(at + 14, 1 | 1 << 3);
    write_number(at + 15, seen.classification);
  }
  return bytes;
}

}  // namespace weir::lidar
