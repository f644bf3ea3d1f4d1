// Runs that keep what came of every launch. Shared by the trajectories' tests.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "workloads/trajectory/run/open_memory.hpp"
#include "workloads/trajectory/run/pipeline.hpp"

namespace weir::trajectory::test {

class Kept : public Sink {
 public:
  void take(std::uint64_t first, std::span<const Launch> launches, std::span<const Flight> flights) override {
    in_order = in_order && first == all.size() && launches.size() == flights.size();
    all.insert(all.end(), flights.begin(), flights.end());
  }
  std::vector<Flight> all;
  bool in_order = true;
};

/// Bit for bit.
inline bool same(const std::vector<Flight>& a, const std::vector<Flight>& b) {
  const auto bits = [](double value) { return std::bit_cast<std::uint64_t>(value); };
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (bits(a[i].carry) != bits(b[i].carry) || bits(a[i].apex) != bits(b[i].apex) ||
        bits(a[i].time) != bits(b[i].time) || bits(a[i].landing_speed) != bits(b[i].landing_speed) ||
        bits(a[i].drift) != bits(b[i].drift) || a[i].steps != b[i].steps || a[i].ending != b[i].ending) {
      return false;
    }
  }
  return a.size() == b.size();
}

/// On the host where no backend is named.
inline std::vector<Flight> fly(const std::vector<Launch>& launches, const RunSettings& settings = {},
                               const MemorySettings& where = {.backend = "host"}) {
  MemoryManager memory = open_memory(where);
  Kept kept;
  static_cast<void>(run(
      launches.size(), [&](std::uint64_t number) { return launches.at(number); }, settings, memory, kept));
  return kept.all;
}

inline std::vector<Launch> random_launches(std::size_t count, const LaunchRanges& ranges = {}) {
  std::vector<Launch> launches;
  for (std::size_t i = 0; i < count; ++i) launches.push_back(random_launch(ranges, 7, i));
  return launches;
}

/// From one end of each range to the other.
inline LaunchRanges all_launches() {
  return {.speed = {0, 120},
          .angle = {0, 90},
          .spin = {0, 12'000},
          .axis = {-90, 90},
          .wind = {0, 50},
          .wind_direction = {-360, 360}};
}

/// Launches that are hard on steps and ends.
inline std::vector<Launch> awkward_launches() {
  return {{},
          {.speed = 0},
          {.speed = 0, .angle = 0, .spin = 0, .wind = 50},
          {.speed = 120, .angle = 90, .spin = 0},
          {.speed = 120, .angle = 90, .spin = 12'000, .axis = 90, .wind = 50, .wind_direction = 180},
          {.speed = 60, .angle = 0, .spin = 0},
          {.speed = 80, .angle = 0, .spin = 12'000},
          {.speed = 1e-9, .angle = 45},
          {.speed = 120, .angle = 1e-6, .spin = 0},
          {.speed = 34.6, .angle = 30, .spin = 2000},
          {.speed = 62.3, .angle = 20, .spin = 4000, .axis = -90},
          {.speed = 120, .angle = 45, .spin = 12'000, .wind = 50, .wind_direction = 180},
          {.speed = 5, .angle = 80, .spin = 12'000, .wind = 50, .wind_direction = 90}};
}

}  // namespace weir::trajectory::test
