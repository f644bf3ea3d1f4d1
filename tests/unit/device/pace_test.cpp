// Streams whose operations take what a seeded imitation of a machine says: with noise, outliers, bursts, drifts, sizes
// that differ, and with a slowdown planted or none. The seeds are 1 to `runs`, fixed before the detector was tuned.
#include <weir/pace.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>
#include <weir/log.hpp>

namespace weir {
namespace {

using std::chrono::nanoseconds;

constexpr std::uint64_t runs = 400;
constexpr std::size_t operations = 400;
constexpr auto stream = StreamId{7};

nanoseconds seconds(double time) { return nanoseconds(static_cast<nanoseconds::rep>(time * 1e9)); }

/// A machine: what its operations are, and what noise they have.
struct Machine {
  std::string name;
  double noise = 0.1;                ///< of the logarithm of a duration
  double outliers = 0;               ///< part of the operations that take 3 to 20 times as long
  double bursts = 0;                 ///< chance that 2 to 5 operations on end take 3 times as long
  double overhead = 0;               ///< of each operation, in units of work
  double smallest = 1, largest = 1;  ///< work of an operation
  bool sizes_fall = false;           ///< from the largest to the smallest, in one step at the 40th
  std::size_t slow_beginning = 0;    ///< first operations, 20 times as slow
  double drift = 1;                  ///< the last operation takes so many times as long as the first
  bool hides_slowness = false;       ///< there is nothing to expect of a planted one
  std::size_t alarms = 0;            ///< false ones, in how many of the runs at most

  friend std::ostream& operator<<(std::ostream& out, const Machine& machine) { return out << machine.name; }
};

struct Planted {
  std::size_t from = std::numeric_limits<std::size_t>::max(), to = std::numeric_limits<std::size_t>::max();
  double factor = 1;
};

class Imitation {
 public:
  Imitation(const Machine& machine, std::uint64_t seed) : machine_(machine), random_(seed) {}

  double work() {
    const double up = std::log(machine_.largest / machine_.smallest);
    if (machine_.sizes_fall) return at_ < 40 ? machine_.largest : machine_.smallest;
    return machine_.smallest * std::exp(up * uniform());
  }
  double duration(double work, const Planted& planted) {
    double time = (machine_.overhead + work) * std::exp(machine_.noise * normal_(random_));
    if (uniform() < machine_.outliers) time *= 3 + 17 * uniform();
    if (left_of_burst_ == 0 && uniform() < machine_.bursts) left_of_burst_ = 2 + random_() % 4;
    if (left_of_burst_ != 0) {
      --left_of_burst_;
      time *= 3;
    }
    if (at_ < machine_.slow_beginning) time *= 20;
    time *= std::pow(machine_.drift, static_cast<double>(at_) / operations);
    if (at_ >= planted.from && at_ < planted.to) time *= planted.factor;
    ++at_;
    return 1e-3 * time;
  }

 private:
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

  const Machine machine_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
  std::size_t at_ = 0, left_of_burst_ = 0;
};

/// What one run was told: the operations of each change, counted from 1.
struct Told {
  std::vector<PaceChange> changes;
};

Told run(const Machine& machine, std::uint64_t seed, const Planted& planted, const PaceOptions& options = {}) {
  Pace pace(options);
  Imitation imitation(machine, seed);
  Told told;
  for (std::size_t i = 0; i < operations; ++i) {
    const double work = imitation.work();
    if (const auto change = pace.note(stream, work, seconds(imitation.duration(work, planted)))) {
      told.changes.push_back(*change);
    }
  }
  return told;
}

class PaceOn : public testing::TestWithParam<Machine> {};

TEST_P(PaceOn, AnOrdinaryRunAlarmsNobody) {
  std::size_t alarms = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) alarms += run(GetParam(), seed, {}).changes.empty() ? 0 : 1;
  std::printf("%s: false alarms in %zu of %zu runs of %zu operations\n", GetParam().name.c_str(), alarms,
              std::size_t{runs}, operations);
  EXPECT_LE(alarms, GetParam().alarms);
}

struct Found {
  std::size_t soon = 0;   ///< of the runs, noticed within the operations that were asked for
  std::size_t early = 0;  ///< or before it was there
  std::vector<std::uint64_t> delays;
};

Found plant(const Machine& machine, double factor, std::uint64_t within) {
  Found found;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const std::size_t from = 60 + seed % 200;
    const Told told = run(machine, seed, {.from = from, .factor = factor});
    if (told.changes.empty()) continue;
    const std::uint64_t at = told.changes.front().operation;
    if (at <= from) {
      ++found.early;
      continue;
    }
    found.delays.push_back(at - from);
    if (at - from <= within) ++found.soon;
  }
  std::ranges::sort(found.delays);
  const auto part = [&](double of) {
    return found.delays.empty()
               ? std::uint64_t{0}
               : found.delays[static_cast<std::size_t>(of * static_cast<double>(found.delays.size() - 1))];
  };
  std::printf(
      "%s, %g times slower: noticed within %llu operations in %zu of %zu runs (p50 %llu, p99 %llu, most %llu)\n",
      machine.name.c_str(), factor, static_cast<unsigned long long>(within), found.soon, std::size_t{runs},
      static_cast<unsigned long long>(part(0.5)), static_cast<unsigned long long>(part(0.99)),
      static_cast<unsigned long long>(part(1)));
  return found;
}

TEST_P(PaceOn, FiveTimesSlowerIsNoticedWithin20Operations) {
  if (GetParam().hides_slowness) GTEST_SKIP() << "the machine itself varies by more";
  const Found found = plant(GetParam(), 5, 20);
  EXPECT_LE(found.early, GetParam().alarms);
  EXPECT_EQ(found.early + found.soon, runs);
}

TEST_P(PaceOn, TwiceSlowerIsNoticedWithin60Operations) {
  if (GetParam().hides_slowness) GTEST_SKIP() << "the machine itself varies by more";
  const Found found = plant(GetParam(), 2, 60);
  EXPECT_LE(found.early, GetParam().alarms);
  EXPECT_EQ(found.early + found.soon, runs);
}

TEST_P(PaceOn, TheEndOfSlownessIsTold) {
  if (GetParam().alarms != 0 || GetParam().drift != 1) GTEST_SKIP() << "it may never be what it was";
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    const Told told = run(GetParam(), seed, {.from = 100, .to = 200, .factor = 5});
    ASSERT_EQ(told.changes.size(), 2u) << "seed " << seed;
    EXPECT_TRUE(told.changes[0].slower);
    EXPECT_GT(told.changes[0].factor, 2.0);
    EXPECT_FALSE(told.changes[1].slower);
    EXPECT_GT(told.changes[1].operation, 200u);
  }
}

const std::vector<Machine> machines{
    {.name = "quiet", .noise = 0.02},
    {.name = "ordinary", .noise = 0.1, .outliers = 0.01},
    {.name = "noisy", .noise = 0.25, .outliers = 0.03},
    {.name = "outliers", .noise = 0.1, .outliers = 0.1},
    {.name = "bursts", .noise = 0.15, .outliers = 0.01, .bursts = 0.02, .alarms = 6},
    {.name = "sizes", .noise = 0.1, .outliers = 0.01, .overhead = 0.1, .smallest = 0.05, .largest = 1},
    {.name = "smaller_chunks", .noise = 0.1, .overhead = 0.3, .smallest = 0.125, .largest = 1, .sizes_fall = true},
    {.name = "slow_beginning", .noise = 0.1, .outliers = 0.01, .slow_beginning = 3},
    {.name = "drift", .noise = 0.1, .outliers = 0.01, .drift = 2},
    {.name = "wild", .noise = 1.2, .outliers = 0.2, .hides_slowness = true, .alarms = 30},
};
INSTANTIATE_TEST_SUITE_P(Machines, PaceOn, testing::ValuesIn(machines),
                         [](const auto& machine) { return machine.param.name; });

TEST(Pace, OneOutlierIsNothingHoweverSlow) {
  Pace pace;
  for (int i = 0; i < 200; ++i) {
    EXPECT_FALSE(pace.note(stream, 1, seconds(i % 40 == 39 ? 3600 : 1e-3))) << i;
  }
}

TEST(Pace, FewerSlowOperationsThanAskedForAreNothing) {
  Pace pace;
  for (int i = 0; i < 400; ++i) EXPECT_FALSE(pace.note(stream, 1, seconds(i % 100 >= 91 ? 5e-3 : 1e-3))) << i;
}

TEST(Pace, ASteadyStreamIsFoundSlowAtTheFirstMoment) {
  Pace pace;
  for (int i = 1; i <= 50; ++i) ASSERT_FALSE(pace.note(stream, 2, seconds(1e-3)));
  for (int i = 1; i < 10; ++i) ASSERT_FALSE(pace.note(stream, 2, seconds(5e-3)));
  EXPECT_FALSE(pace.slow(stream));
  const auto change = pace.note(stream, 2, seconds(5e-3));
  ASSERT_TRUE(change);
  EXPECT_TRUE(pace.slow(stream));
  EXPECT_EQ(change->stream, stream);
  EXPECT_EQ(change->since, 51u);
  EXPECT_EQ(change->operation, 60u);
  EXPECT_NEAR(change->factor, 5, 1e-3);
  EXPECT_EQ(change->text(), "stream 7 is 5 times slower than its own history since operation 51 (noticed at 60)");
}

TEST(Pace, SlownessIsToldOnceAndForgottenWithTheStream) {
  Pace pace;
  std::size_t changes = 0;
  for (int i = 0; i < 1000; ++i) changes += pace.note(stream, 1, seconds(i < 100 ? 1e-3 : 4e-3)) ? 1 : 0;
  EXPECT_EQ(changes, 1u);
  EXPECT_TRUE(pace.slow(stream));
  pace.forget(stream);
  EXPECT_FALSE(pace.slow(stream));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(pace.note(stream, 1, seconds(4e-3)));
}

TEST(Pace, EachStreamIsJudgedByItself) {
  Pace pace;
  std::vector<PaceChange> changes;
  for (int i = 0; i < 200; ++i) {
    for (std::uint32_t id = 10; id < 14; ++id) {
      const double factor = i < 100 ? 1 : id == 11 ? 5 : id == 12 ? 1.3 : 1;
      if (const auto change = pace.note(StreamId{id}, 1 + id, seconds(factor * 0.01 * (id - 9)))) {
        changes.push_back(*change);
      }
    }
  }
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].stream, StreamId{11});
  EXPECT_EQ(changes[0].slow_streams, 1u);
  EXPECT_EQ(changes[0].judged_streams, 4u);
}

TEST(Pace, AWholeDeviceThatIsSlowShowsOnAllStreams) {
  Pace pace;
  PaceChange last;
  for (int i = 0; i < 200; ++i) {
    for (std::uint32_t id = 10; id < 13; ++id) {
      if (const auto change = pace.note(StreamId{id}, 1, seconds(i < 100 ? 0.01 : 0.04))) last = *change;
    }
  }
  EXPECT_EQ(last.slow_streams, 3u);
  EXPECT_EQ(last.judged_streams, 3u);
  EXPECT_NE(last.text().find("so are 2 of the other 2"), std::string::npos) << last.text();
}

TEST(Pace, ASmallerFactorIsPassedOver) {
  Pace pace({.factor = 4});
  for (int i = 0; i < 400; ++i) EXPECT_FALSE(pace.note(stream, 1, seconds(i < 100 ? 1e-3 : 1.9e-3)));
}

TEST(Pace, ChangesAreLogged) {
  struct Lines : LogSink {
    void write(const LogRecord& record) noexcept override {
      levels.push_back(record.level);
      events.push_back(record.event);
      text = record.text;
      stream = record.stream;
    }
    std::vector<LogLevel> levels;
    std::vector<LogEvent> events;
    std::string text;
    std::uint32_t stream = 0;
  } lines;
  Pace pace({.log = &lines});
  for (int i = 0; i < 200; ++i) pace.note(stream, 1, seconds(i >= 100 && i < 150 ? 5e-3 : 1e-3));
  EXPECT_EQ(lines.levels, (std::vector{LogLevel::warning, LogLevel::info}));
  EXPECT_EQ(lines.events, (std::vector{LogEvent::slow, LogEvent::slow}));
  EXPECT_EQ(lines.stream, 7u);
  EXPECT_EQ(lines.text.find("stream 7 is as fast as before"), 0u) << lines.text;
}

TEST(Pace, OptionsAndArgumentsAreChecked) {
  EXPECT_THROW(Pace({.factor = 1}), InvalidArgument);
  EXPECT_THROW(Pace({.factor = std::nan("")}), InvalidArgument);
  EXPECT_THROW(Pace({.min_history = 3}), InvalidArgument);
  EXPECT_THROW(Pace({.min_history = 65}), InvalidArgument);
  EXPECT_THROW(Pace({.history = 5000}), InvalidArgument);
  EXPECT_THROW(Pace({.min_operations = 0}), InvalidArgument);
  Pace pace;
  EXPECT_THROW(pace.note(stream, 0, seconds(1)), InvalidArgument);
  EXPECT_THROW(pace.note(stream, -1, seconds(1)), InvalidArgument);
  EXPECT_THROW(pace.note(stream, std::nan(""), seconds(1)), InvalidArgument);
  EXPECT_THROW(pace.note(stream, 1, nanoseconds(-1)), InvalidArgument);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(pace.note(stream, 1, nanoseconds(0)));
}

}  // namespace
}  // namespace weir
