#include "workloads/trajectory/flight/launch.hpp"

#include <array>
#include <string>

#include <weir/errors.hpp>

namespace weir::trajectory {
namespace {

struct Field {
  const char* name;
  const char* unit;
  double Launch::*value;
  compute::Range LaunchRanges::*range;
  compute::Range allowed;
};
constexpr std::array<Field, 6> fields{{
    {"speed", " m/s", &Launch::speed, &LaunchRanges::speed, {0, 120}},
    {"angle", " degrees", &Launch::angle, &LaunchRanges::angle, {0, 90}},
    {"spin", " rpm", &Launch::spin, &LaunchRanges::spin, {0, 12'000}},
    {"axis", " degrees", &Launch::axis, &LaunchRanges::axis, {-90, 90}},
    {"wind", " m/s", &Launch::wind, &LaunchRanges::wind, {0, 50}},
    {"wind direction", " degrees", &Launch::wind_direction, &LaunchRanges::wind_direction, {-360, 360}},
}};

void require(const std::string& who, const Field& field, double value) {
  compute::require_range(who, field.name, field.unit, value, field.allowed);
}

/// 64 well mixed bits of a counter: SplitMix64, Steele, Lea and Flood 2014.
std::uint64_t mixed(std::uint64_t state) noexcept {
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9U;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebU;
  return state ^ (state >> 31);
}

}  // namespace

void check(const Launch& launch, std::uint64_t number) {
  for (const Field& field : fields) require("launch " + std::to_string(number), field, launch.*field.value);
}

std::string_view name(Ending ending) noexcept { return ending == Ending::ground ? "ground" : "time_limit"; }

void LaunchRanges::check() const {
  for (const Field& field : fields) {
    const compute::Range range = this->*field.range;
    require("launches", field, range.low);
    require("launches", field, range.high);
    if (range.low > range.high) {
      throw InvalidArgument(std::string("launches: the ") + field.name + " goes from " + compute::shortest(range.low) +
                                " to " + compute::shortest(range.high) + ", which is less; give the lower bound first",
                            {.name = field.name});
    }
  }
}

Launch random_launch(const LaunchRanges& ranges, std::uint64_t seed, std::uint64_t number) noexcept {
  Launch launch;
  std::uint64_t draw = mixed(seed + 0x9e3779b97f4a7c15U) + number * fields.size() * 0x9e3779b97f4a7c15U;
  for (const Field& field : fields) {
    const compute::Range range = ranges.*field.range;
    draw += 0x9e3779b97f4a7c15U;
    const double part = static_cast<double>(mixed(draw) >> 11) * 0x1p-53;
    launch.*field.value = range.low + part * (range.high - range.low);
  }
  return launch;
}

}  // namespace weir::trajectory
