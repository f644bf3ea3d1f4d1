// How many planted faults are found, and how much else. The seeds are 1 to `runs`, fixed before the judges were tuned,
// which was done on seeds from 100,001 on.
#include <weir/watch.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "unit/watch/recorded_runs.hpp"

namespace weir::watch {
namespace {

constexpr std::uint64_t runs = 300;
constexpr double wanted = 0.95;

struct Score {
  std::size_t found = 0, false_alarms = 0, missed = 0;
  std::vector<std::size_t> delays;  // samples from the fault's begin to the finding
};

double part(std::size_t of, std::size_t all) { return static_cast<double>(of) / static_cast<double>(all); }

/// The kinds that were told in a run, each with the sample with which it was told first.
std::map<FindingKind, std::size_t> told_in(const RecordedRun& run) {
  Watch watch;
  std::map<FindingKind, std::size_t> told;
  for (std::size_t i = 0; i < run.samples.size(); ++i) {
    for (const Finding& each : watch.note(run.samples[i])) {
      if (!each.over) told.try_emplace(each.kind, i);
    }
  }
  return told;
}

TEST(PlantedFaults, AreFoundAndLittleElseIs) {
  std::array<Score, finding_kinds> scores;
  std::size_t without = 0, quiet = 0;
  const auto of = [&](FindingKind kind) -> Score& { return scores[static_cast<std::size_t>(kind)]; };
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const RecordedRun run = recorded_run(seed);
    ASSERT_EQ(run.samples.size(), Program::samples);
    const auto told = told_in(run);
    if (!run.fault) {
      ++without;
      quiet += told.empty() ? 1 : 0;
    }
    bool found = false;
    for (const auto& [kind, sample] : told) {
      if (run.fault == kind && sample >= run.begins) {
        found = true;
        of(kind).delays.push_back(sample - run.begins);
      } else {
        ++of(kind).false_alarms;
      }
    }
    if (run.fault) ++(found ? of(*run.fault).found : of(*run.fault).missed);
  }
  Score all;
  for (std::size_t i = 0; i < finding_kinds; ++i) {
    Score& each = scores[i];
    all.found += each.found;
    all.missed += each.missed;
    all.false_alarms += each.false_alarms;
    std::sort(each.delays.begin(), each.delays.end());
    ASSERT_FALSE(each.delays.empty());
    const std::string kind(name(static_cast<FindingKind>(i)));
    std::printf("%-14s found %zu, missed %zu, false %zu; after samples: median %zu, most %zu\n", kind.c_str(),
                each.found, each.missed, each.false_alarms, each.delays[each.delays.size() / 2], each.delays.back());
    EXPECT_GE(part(each.found, each.found + each.missed), 0.85) << kind;
  }
  const double precision = part(all.found, all.found + all.false_alarms);
  const double recall = part(all.found, all.found + all.missed);
  std::printf("%zu recorded runs, %zu without a fault, of which %zu without a finding: precision %.3f, recall %.3f\n",
              std::size_t{runs}, without, quiet, precision, recall);
  EXPECT_EQ(without, runs * 2 / 5);
  EXPECT_GE(precision, wanted);
  EXPECT_GE(recall, wanted);
}

// What is leaked in a run is known, and so is what it grows by.
TEST(PlantedFaults, AForecastGrowsAsTheLeakDoes) {
  std::size_t leaks = 0, forecasts = 0, right = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    if (Program::fault_of(seed) != FindingKind::leak) continue;
    ++leaks;
    const RecordedRun run = recorded_run(seed);
    Watch watch;
    for (MemorySample each : run.samples) {
      each.limit = std::uint64_t{1} << 40;
      static_cast<void>(watch.note(each));
    }
    const auto forecast = watch.forecast();
    if (!forecast) continue;
    ++forecasts;
    const std::size_t window = watch.options().leak_window;
    const auto leaked = static_cast<double>(run.leaked.back() - run.leaked[Program::samples - window]);
    const double factor = forecast->bytes_per_second / (leaked / static_cast<double>(window));
    right += factor > 1 / 1.5 && factor < 1.5 ? 1 : 0;
  }
  std::printf("%zu leaks, %zu forecasts, of which %zu within a factor of 1.5\n", leaks, forecasts, right);
  EXPECT_GE(part(forecasts, leaks), 0.8);
  EXPECT_GE(part(right, forecasts), 0.8);
}

}  // namespace
}  // namespace weir::watch
