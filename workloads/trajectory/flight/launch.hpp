// A launch of a golf ball, as a person gives it, and what comes of it; the ranges that both are held to. And launches
// at random, each a function of a seed and its number alone, so that a run of millions needs no list of them. Used by
// all of the workload; device/formulas.hpp has the physics.
#pragma once

#include <cstdint>
#include <string_view>

#include "compute/range.hpp"

namespace weir::trajectory {

/// Speeds in m/s, angles in degrees.
struct Launch {
  double speed = 60;          ///< 0 to 120
  double angle = 12;          ///< above the ground, 0 to 90
  double spin = 2700;         ///< backspin, revolutions a minute, 0 to 12,000
  double axis = 0;            ///< of the spin, from level: above 0 the ball turns to the right, -90 to 90
  double wind = 0;            ///< 10 m above the ground, 0 to 50
  double wind_direction = 0;  ///< where it blows to: 0 from behind, 90 to the right, 180 from the front, -360 to 360
};

/// Throws InvalidArgument, which names the launch, the value and its range.
void check(const Launch& launch, std::uint64_t number);

enum class Ending : std::uint8_t { ground, time_limit };
/// "ground" or "time_limit".
[[nodiscard]] std::string_view name(Ending ending) noexcept;

/// What a path came to. Metres, seconds, m/s; where it ended after 60 s, what it had come to by then.
struct Flight {
  double carry = 0;  ///< straight from the start to the end, over the ground
  double apex = 0;
  double time = 0;
  double landing_speed = 0;
  double drift = 0;  ///< to the right of the line of aim
  std::uint64_t steps = 0;
  Ending ending = Ending::ground;
};

/// What launches at random are drawn from, evenly and each for itself.
struct LaunchRanges {
  compute::Range speed{40, 80};
  compute::Range angle{8, 25};
  compute::Range spin{1500, 6000};
  compute::Range axis{-15, 15};
  compute::Range wind{0, 8};
  compute::Range wind_direction{-180, 180};

  /// Throws InvalidArgument where a bound is out of its range, or the first is above the last.
  void check() const;
};

/// Launch `number` of a seed: the same on every machine.
[[nodiscard]] Launch random_launch(const LaunchRanges& ranges, std::uint64_t seed, std::uint64_t number) noexcept;

}  // namespace weir::trajectory
