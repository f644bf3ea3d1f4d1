// The trajectories' workload beside a plain loop, one thread; prints one line of names and numbers; weir_bench runs it:
//   weir_bench_trajectory LAUNCHES
// Both follow the same launches to the ground by the same definition, in turn. Times are of this thread's processor,
// the least of a few runs, as others may use the machine too.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>
#include <string>
#include <vector>

#include <weir/errors.hpp>

#include "compute/timed.hpp"
#include "workloads/trajectory/flight/columns.hpp"
#include "workloads/trajectory/host/levels.hpp"

namespace {

using namespace weir::trajectory;

/// The obvious implementation: a path after the other, its state an array, powers by the library, branches where they
/// come up.
class PlainLoop {
 public:
  explicit PlainLoop(const Launch& launch) {
    const double degree = std::numbers::pi / 180;
    state_ = {0,          0,
              0,          launch.speed * std::cos(launch.angle * degree),
              0,          launch.speed * std::sin(launch.angle * degree),
              launch.spin};
    axis_y_ = -std::cos(launch.axis * degree);
    axis_z_ = -std::sin(launch.axis * degree);
    wind_x_ = launch.wind * std::cos(launch.wind_direction * degree);
    wind_y_ = -launch.wind * std::sin(launch.wind_direction * degree);
  }

  /// To the ground or for 60 s; gives the steps that were taken.
  std::uint64_t fly() {
    constexpr double tolerance = 1e-6, ground = 1e-7;
    std::uint64_t steps = 0;
    double step = 0.01;
    while (time_ < 60) {
      const State first = rate(state_);
      // The ground by the path as it bends now, so that the last step ends on it.
      const double bend = first[5] / 2, height = state_[2], up = state_[5];
      const double square = up * up - 4 * bend * height;
      double length = std::min(step, 60 - time_);
      if (bend < 0 && square >= 0) length = std::min(length, (up + std::sqrt(square)) / (-2 * bend));
      const State whole = stepped(state_, first, length);
      const State middle = stepped(state_, first, length / 2);
      State twice = stepped(middle, rate(middle), length / 2);
      double error = 0;
      for (std::size_t i = 0; i < 6; ++i) error = std::max(error, std::fabs(twice[i] - whole[i]) / 15);
      for (std::size_t i = 0; i < twice.size(); ++i) twice[i] += (twice[i] - whole[i]) / 15;
      step = std::max(length * std::clamp(0.9 * std::pow(tolerance / error, 0.2), 0.2, 4.0), 1e-5);
      if (error > tolerance && length > 1e-5) continue;
      if (twice[2] < -ground) {
        step = std::min(step, length * height / (height - twice[2]));
        if (height == 0) step = length / 2;
        continue;
      }
      apex_ = std::max({apex_, middle[2], twice[2]});
      state_ = twice;
      time_ += length;
      ++steps;
      if (state_[2] <= ground && state_[5] <= 0) break;
    }
    return steps;
  }
  [[nodiscard]] double carry() const { return std::hypot(state_[0], state_[1]); }

 private:
  using State = std::array<double, 7>;

  [[nodiscard]] State rate(const State& s) const {
    constexpr double pi = std::numbers::pi, mass = 0.0459, diameter = 0.0427, air = 1.225, viscosity = 1.81e-5;
    const double wind = std::pow((std::max(s[2], 0.0) + diameter / 2) / 10, 0.143);
    const double x = s[3] - wind_x_ * wind, y = s[4] - wind_y_ * wind, z = s[5];
    const double speed = std::sqrt(x * x + y * y + z * z), reynolds = air * speed * diameter / viscosity;
    const double force = air / 2 * pi / 4 * diameter * diameter / mass * speed;
    const double drag = force * (0.225 - 0.020 * std::clamp((reynolds - 1e5) / 0.8e5, 0.0, 1.0));
    const double lift = force * (0.21 + 0.08 * std::clamp((s[6] - 2000) / 2000, 0.0, 1.0));
    return {s[3],
            s[4],
            s[5],
            lift * (axis_y_ * z - axis_z_ * y) - drag * x,
            lift * axis_z_ * x - drag * y,
            -9.80665 - lift * axis_y_ * x - drag * z,
            -0.08 * s[6]};
  }
  [[nodiscard]] static State moved(State s, const State& rate, double time) {
    for (std::size_t i = 0; i < s.size(); ++i) s[i] += time * rate[i];
    return s;
  }
  [[nodiscard]] State stepped(State s, const State& a, double time) const {
    const State b = rate(moved(s, a, time / 2)), c = rate(moved(s, b, time / 2)), d = rate(moved(s, c, time));
    for (std::size_t i = 0; i < s.size(); ++i) s[i] += time / 6 * (a[i] + 2 * b[i] + 2 * c[i] + d[i]);
    return s;
  }

  State state_{};
  double axis_y_ = 0, axis_z_ = 0, wind_x_ = 0, wind_y_ = 0, time_ = 0, apex_ = 0;
};

struct Took {
  double seconds = 1e9;
  double steps = 0;
  [[nodiscard]] double rate() const { return steps / seconds; }
};

/// Also of the launches' columns and of what came of them.
void run_level(const Level& level, const std::vector<Launch>& launches, std::vector<Flight>& flights, Took& took) {
  const auto count = static_cast<std::uint32_t>(launches.size());
  const double start = weir::compute::processor_now();
  std::vector<double> columns(std::size_t{launch_columns} * count), paths(std::size_t{path_columns} * count);
  fill_columns(launches, columns.data());
  const Parameters parameters{.count = count, .attempts = UINT32_MAX, .drag = 1, .lift = 1, .tolerance = 1e-6F};
  for (const Body body : {Body::launch, Body::advance}) {
    level.run({body, count, parameters}, {columns.data(), paths.data()}, 0, count);
  }
  static_cast<void>(read_flights(paths.data(), std::span(flights)));
  took.seconds = std::min(took.seconds, weir::compute::processor_now() - start);
  took.steps = 0;
  for (const Flight& each : flights) took.steps += static_cast<double>(each.steps);
}

void run_plain(const std::vector<Launch>& launches, std::vector<double>& carries, Took& took) {
  const double start = weir::compute::processor_now();
  std::uint64_t steps = 0;
  for (std::size_t i = 0; i < launches.size(); ++i) {
    PlainLoop path(launches[i]);
    steps += path.fly();
    carries[i] = path.carry();
  }
  took.seconds = std::min(took.seconds, weir::compute::processor_now() - start);
  took.steps = static_cast<double>(steps);
}

int measure(std::size_t count) {
  std::vector<Launch> launches;
  for (std::size_t i = 0; i < count; ++i) launches.push_back(random_launch({}, 1, i));
  std::vector<Flight> flights(count);
  std::vector<double> carries(count);
  const std::vector<Level> all = levels();
  std::vector<Took> took(all.size());
  Took plain;
  for (int attempt = 0; attempt < 5; ++attempt) {
    run_plain(launches, carries, plain);
    for (std::size_t i = 0; i < all.size(); ++i) run_level(all[i], launches, flights, took[i]);
  }
  double apart = 0;
  for (std::size_t i = 0; i < count; ++i) apart = std::max(apart, std::fabs(carries[i] - flights[i].carry));
  if (!(apart < 1e-3)) {
    std::fprintf(stderr, "weir_bench_trajectory: carries are up to %g m apart\n", apart);
    return 1;
  }
  std::printf("plain_msteps %.6g", plain.rate() / 1e6);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string name(all[i].name);
    std::printf(" %s_msteps %.6g %s_to_plain %.6g", name.c_str(), took[i].rate() / 1e6, name.c_str(),
                took[i].rate() / plain.rate());
  }
  std::printf(" best_msteps %.6g best_to_plain %.6g time_to_plain %.6g apart_m %.3g\n", took.back().rate() / 1e6,
              took.back().rate() / plain.rate(), plain.seconds / took.back().seconds, apart);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const unsigned long long count = argc == 2 ? std::strtoull(argv[1], nullptr, 10) : 0;
    if (count != 0) return measure(count);
    std::fprintf(stderr, "weir_bench_trajectory: usage: weir_bench_trajectory LAUNCHES\n");
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_bench_trajectory: %s\n", error.what());
    return 1;
  }
}
