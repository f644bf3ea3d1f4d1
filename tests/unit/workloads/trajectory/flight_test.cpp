// The physics of paths: against the closed form without air, against steps ten times finer in plain C++, against what
// energy allows; and launches that make no sense.
#include <cmath>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

#include "unit/workloads/trajectory/kept.hpp"
#include "unit/workloads/trajectory/plain_path.hpp"
#include "workloads/trajectory/run/paths.hpp"

namespace weir::trajectory::test {
namespace {

TEST(TrajectoryFlight, WithoutAirItIsTheParabola) {
  RunSettings settings;
  settings.physics = {.drag = false, .lift = false};
  std::vector<Launch> launches = random_launches(500, all_launches());
  for (Launch& each : launches) each.speed = 1 + each.speed;
  for (Launch& each : launches) each.speed = std::min(each.speed, 120.0);
  const std::vector<Flight> flights = fly(launches, settings);
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const double angle = launches[i].angle * std::numbers::pi / 180, g = 9.80665;
    const double across = launches[i].speed * std::cos(angle), up = launches[i].speed * std::sin(angle);
    EXPECT_NEAR(flights[i].time, 2 * up / g, 1e-6) << i;
    EXPECT_NEAR(flights[i].carry, 2 * up * across / g, 1e-4) << i;
    EXPECT_NEAR(flights[i].apex, up * up / (2 * g), 1e-7) << i;
    EXPECT_NEAR(flights[i].landing_speed, launches[i].speed, 1e-6) << i;
    EXPECT_EQ(flights[i].drift, 0) << i;
    EXPECT_EQ(flights[i].ending, Ending::ground) << i;
  }
}

/// Steps that average 0.1 s and more, against steps of 0.001 s by a program that shares nothing with it.
TEST(TrajectoryFlight, StepsTenTimesFinerChangeNothingThatMatters) {
  std::vector<Launch> launches = random_launches(100);
  for (const Launch& each : random_launches(60, all_launches())) launches.push_back(each);
  for (const Launch& each : awkward_launches()) launches.push_back(each);
  const std::vector<Flight> flights = fly(launches);
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const double step = flights[i].time / static_cast<double>(flights[i].steps) / 10;
    const Flight plain = PlainPath(launches[i], {}).fly(std::clamp(step, 1e-6, 1e-3));
    EXPECT_NEAR(flights[i].carry, plain.carry, 3e-4) << i;
    EXPECT_NEAR(flights[i].time, plain.time, 1e-5) << i;
    EXPECT_NEAR(flights[i].apex, plain.apex, 1e-4) << i;
    EXPECT_NEAR(flights[i].landing_speed, plain.landing_speed, 1e-5) << i;
    EXPECT_NEAR(flights[i].drift, plain.drift, 3e-4) << i;
    EXPECT_EQ(flights[i].ending, plain.ending) << i;
  }
}

TEST(TrajectoryFlight, ASmallerToleranceIsNearerTheTruth) {
  const Launch launch{.speed = 70, .angle = 15, .spin = 3000, .axis = 5, .wind = 8, .wind_direction = 120};
  const Flight truth = PlainPath(launch, {}).fly(1e-4);
  const auto off = [&](double tolerance) {
    RunSettings settings;
    settings.physics.tolerance = tolerance;
    return std::fabs(fly({launch}, settings).front().carry - truth.carry);
  };
  EXPECT_LT(off(1e-10), 1e-7);
  EXPECT_LT(off(1e-10), off(1e-3) / 100);
}

TEST(TrajectoryFlight, EnergyNeverGrowsWithoutWind) {
  std::vector<Launch> launches = random_launches(300, all_launches());
  for (Launch& each : launches) each.wind = 0;
  MemoryManager memory = open_memory({.backend = "host"});
  const std::vector<std::vector<Place>> paths = follow(launches, {}, memory);
  for (std::size_t i = 0; i < launches.size(); ++i) {
    double before = HUGE_VAL;
    for (const Place& place : paths[i]) {
      const double energy = place.speed * place.speed / 2 + 9.80665 * place.z;
      EXPECT_LE(energy, before + 1e-5) << launches[i].speed << " m/s, after " << place.time << " s";
      before = energy;
    }
  }
}

TEST(TrajectoryFlight, AirSlowsSpinLiftsAndATiltedAxisTurns) {
  const Launch plain{.speed = 65, .angle = 12, .spin = 2700};
  Launch right = plain, left = plain, behind = plain, front = plain, none = plain;
  right.axis = 10;
  left.axis = -10;
  behind.wind = front.wind = 6;
  front.wind_direction = 180;
  none.spin = 0;
  const std::vector<Flight> flights = fly({plain, right, left, behind, front, none});
  EXPECT_EQ(flights[0].drift, 0);
  EXPECT_GT(flights[1].drift, 5);
  EXPECT_DOUBLE_EQ(flights[1].drift, -flights[2].drift);
  EXPECT_GT(flights[3].carry, flights[0].carry + 5);
  EXPECT_LT(flights[4].carry, flights[0].carry - 5);
  EXPECT_GT(flights[0].apex, flights[5].apex + 5);
}

TEST(TrajectoryFlight, TheWindsPowerIsWithinItsBound) {
  for (double z = 0; z < 900; z = z * 1.003 + 1e-4) {
    const double power = std::pow((z + 0.02135) / 10, 0.143);
    EXPECT_NEAR(formulas::wind_at(z) / power, 1, 1e-10) << z;
  }
  EXPECT_EQ(formulas::wind_at(-5), formulas::wind_at(0));
  EXPECT_EQ(formulas::wind_at(1e6), formulas::wind_at(999));
}

TEST(TrajectoryFlight, SixtySecondsEndAPath) {
  // Twice as much lift as weight, and no drag: it goes round for ever.
  RunSettings settings;
  settings.physics.drag = false;
  const Flight flight = fly({{.speed = 80, .angle = 20, .spin = 12'000}}, settings).front();
  EXPECT_EQ(flight.ending == Ending::time_limit, flight.time >= 60);
  const Flight same = PlainPath({.speed = 80, .angle = 20, .spin = 12'000}, settings.physics).fly(1e-3);
  EXPECT_EQ(flight.ending, same.ending);
  EXPECT_NEAR(flight.time, same.time, 1e-4);
}

TEST(TrajectoryFlight, AFollowedPathIsTheRunsPath) {
  std::vector<Launch> launches = random_launches(200);
  for (const Launch& each : awkward_launches()) launches.push_back(each);
  const std::vector<Flight> flights = fly(launches);
  MemoryManager memory = open_memory({.backend = "host"});
  const std::vector<std::vector<Place>> paths = follow(launches, {}, memory);
  EXPECT_EQ(memory.statistics().buffers, 0);
  for (std::size_t i = 0; i < launches.size(); ++i) {
    const std::vector<Place>& places = paths[i];
    const Flight& flight = flights[i];
    EXPECT_EQ(places.size(), flight.steps + 1);
    EXPECT_EQ(places.front().time, 0);
    EXPECT_EQ(places.back().time, flight.time);
    EXPECT_EQ(places.back().right, flight.drift);
    EXPECT_EQ(std::hypot(places.back().x, places.back().right), flight.carry);
  }
}

struct Hostile {
  Launch launch;
  const char* value;
  const char* range;
};

TEST(TrajectoryFlight, HostileLaunchesAreRefusedByValueAndRange) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  for (const Hostile& each :
       std::vector<Hostile>{{{.speed = nan}, "speed is nan", "from 0 to 120 m/s"},
                            {{.speed = -1}, "speed is -1 m/s", "from 0 to 120 m/s"},
                            {{.speed = infinite}, "speed is inf", "from 0 to 120 m/s"},
                            {{.angle = 91}, "angle is 91 degrees", "from 0 to 90 degrees"},
                            {{.angle = nan}, "angle is nan", "from 0 to 90 degrees"},
                            {{.spin = 12'001}, "spin is 12001 rpm", "from 0 to 12000 rpm"},
                            {{.spin = -2}, "spin is -2 rpm", "from 0 to 12000 rpm"},
                            {{.axis = 90.5}, "axis is 90.5", "from -90 to 90 degrees"},
                            {{.wind = 51}, "wind is 51 m/s", "from 0 to 50 m/s"},
                            {{.wind_direction = 361}, "wind direction is 361", "to 360 degrees"}}) {
    try {
      static_cast<void>(fly({{}, each.launch}));
      FAIL() << each.value << " is not refused";
    } catch (const InvalidArgument& refused) {
      EXPECT_NE(refused.message().find(std::string("launch 1: the ") + each.value), std::string::npos)
          << refused.message();
      EXPECT_NE(refused.message().find(each.range), std::string::npos) << refused.message();
    }
  }
}

TEST(TrajectoryFlight, HostileRangesAreRefused) {
  LaunchRanges ranges;
  ranges.spin = {5000, 4000};
  EXPECT_THROW(ranges.check(), InvalidArgument);
  ranges.spin = {0, 20'000};
  EXPECT_THROW(ranges.check(), InvalidArgument);
  EXPECT_NO_THROW(all_launches().check());
}

}  // namespace
}  // namespace weir::trajectory::test
