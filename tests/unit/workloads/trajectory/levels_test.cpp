// The host's kernels, level by level, against the bodies one path after the other: bit for bit, for any number of
// paths, any split of them and any number of attempts at a time.
#include <cstring>

#include <gtest/gtest.h>

#include "compute/loop.hpp"
#include "unit/workloads/trajectory/kept.hpp"
#include "workloads/trajectory/host/levels.hpp"

namespace weir::trajectory::test {
namespace {

struct Columns {
  explicit Columns(const std::vector<Launch>& asked)
      : launches(launch_columns * asked.size()), paths(path_columns * asked.size()) {
    fill_columns(asked, launches.data());
  }
  [[nodiscard]] Buffers buffers() { return {launches.data(), paths.data()}; }
  std::vector<double> launches, paths;
};

PlanStep step_of(Body body, std::size_t count, std::uint32_t attempts) {
  const auto items = static_cast<std::uint32_t>(count);
  return {body, items, {.count = items, .attempts = attempts, .drag = 1, .lift = 1, .tolerance = 1e-6F}};
}

std::vector<Launch> mixed(std::size_t count) {
  std::vector<Launch> launches = awkward_launches();
  for (const Launch& each : random_launches(count, all_launches())) launches.push_back(each);
  launches.resize(count);
  return launches;
}

std::vector<double> by_bodies(const std::vector<Launch>& asked, std::uint32_t attempts, int times) {
  Columns columns(asked);
  std::vector<PlanStep> plan{step_of(Body::launch, asked.size(), 0)};
  for (int i = 0; i < times; ++i) plan.push_back(step_of(Body::advance, asked.size(), attempts));
  compute::run_in_loops<Kernels>(plan, columns.buffers());
  return columns.paths;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

TEST(TrajectoryLevels, AllGiveTheBitsOfTheBodies) {
  for (const std::size_t count : {1U, 2U, 31U, 32U, 33U, 400U}) {
    const std::vector<Launch> asked = mixed(count);
    const std::vector<double> expected = by_bodies(asked, UINT32_MAX, 1);
    for (const Level& level : levels()) {
      for (const std::size_t parts : {1U, 3U}) {
        Columns columns(asked);
        const PlanStep launch = step_of(Body::launch, count, 0), advance = step_of(Body::advance, count, UINT32_MAX);
        for (const PlanStep& step : {launch, advance}) {
          for (std::size_t part = 0; part < parts; ++part) {
            level.run(step, columns.buffers(), static_cast<std::uint32_t>(count * part / parts),
                      static_cast<std::uint32_t>(count * (part + 1) / parts));
          }
        }
        EXPECT_TRUE(same_bits(columns.paths, expected)) << level.name << ", " << count << " in " << parts;
      }
    }
  }
}

TEST(TrajectoryLevels, AttemptsAFewAtATimeEndInTheSameBits) {
  const std::vector<Launch> asked = mixed(100);
  const std::vector<double> whole = by_bodies(asked, UINT32_MAX, 1);
  EXPECT_TRUE(same_bits(by_bodies(asked, 16, 400), whole));
  for (const Level& level : levels()) {
    Columns columns(asked);
    level.run(step_of(Body::launch, asked.size(), 0), columns.buffers(), 0, 100);
    level.run(step_of(Body::advance, asked.size(), 7), columns.buffers(), 0, 100);
    EXPECT_TRUE(same_bits(columns.paths, by_bodies(asked, 7, 1))) << level.name << ", part of the way";
    for (int i = 0; i < 1000; ++i) level.run(step_of(Body::advance, asked.size(), 7), columns.buffers(), 0, 100);
    EXPECT_TRUE(same_bits(columns.paths, whole)) << level.name;
  }
}

TEST(TrajectoryLevels, AnUnknownLevelIsRefusedWithThoseThereAre) {
  try {
    static_cast<void>(choose_level("x86-64-v9"));
    FAIL() << "not refused";
  } catch (const NotFound& refused) {
    EXPECT_NE(refused.message().find(std::string(levels().front().name)), std::string::npos) << refused.message();
  }
}

}  // namespace
}  // namespace weir::trajectory::test
