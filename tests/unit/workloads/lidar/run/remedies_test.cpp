// What is tried against a slow device, in which order, and what is kept: by numbers alone. Then chunks that are halved
// and joined again.
#include "workloads/lidar/run/remedies.hpp"

#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/workloads/lidar/clouds.hpp"
#include "workloads/lidar/run/halos.hpp"
#include "workloads/lidar/run/partition.hpp"
#include "workloads/lidar/run/smaller_chunks.hpp"

namespace weir::lidar {
namespace {

using testing::HasSubstr;

/// A run of chunks of 1000 points, each of which takes what `seconds` says; what is due is done at once.
class ImaginedRun {
 public:
  explicit ImaginedRun(std::function<double(const ImaginedRun&)> seconds) : seconds_(std::move(seconds)) {}

  void chunks(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i, ++number) {
      while (const auto order = remedies.due()) {
        orders.push_back(std::string(order->undo ? "not " : "") + std::string(name(order->remedy)));
        in_force = order->undo ? 0 : static_cast<std::size_t>(order->remedy) + 1;
        remedies.done(order->remedy != impossible, number);
      }
      const double time = seconds_(*this);
      const std::string line =
          remedies.note({.number = number,
                         .points = 1000,
                         .work = 1000,
                         .duration = std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(1e9 * time))});
      if (!line.empty()) told.push_back(line);
    }
  }

  Remedies remedies{StreamId{3}, StreamId{4}};
  Remedy impossible = static_cast<Remedy>(remedy_count);
  std::size_t number = 0, in_force = 0;
  std::vector<std::string> orders, told;

 private:
  std::function<double(const ImaginedRun&)> seconds_;
};

TEST(Remedies, AreNotTriedOnASteadyDevice) {
  ImaginedRun run([](const ImaginedRun& self) { return self.number % 10 == 0 ? 0.03 : 0.01; });
  run.chunks(500);
  EXPECT_TRUE(run.orders.empty());
  EXPECT_TRUE(run.told.empty());
  EXPECT_TRUE(run.remedies.report().changes.empty());
}

TEST(Remedies, AreTriedInTheirOrderAndUndoneWhereTheyDoNotHelp) {
  ImaginedRun run([](const ImaginedRun& self) { return self.number < 50 ? 0.01 : 0.05; });
  run.chunks(300);
  EXPECT_EQ(run.orders, (std::vector<std::string>{"smaller chunks", "not smaller chunks", "fewer streams",
                                                  "not fewer streams", "the next device", "not the next device"}));
  const PaceReport report = run.remedies.report();
  ASSERT_EQ(report.changes.size(), 1u);
  EXPECT_NEAR(report.changes[0].factor, 5, 0.2);
  EXPECT_LE(report.changes[0].operation, 50u + 20u);
  ASSERT_EQ(report.attempts.size(), remedy_count);
  EXPECT_EQ(report.attempts[0].chunk, report.changes[0].operation);
  for (const Attempt& each : report.attempts) {
    EXPECT_TRUE(each.possible);
    EXPECT_FALSE(each.kept);
    EXPECT_NEAR(each.before, 50e-6, 1e-9);
    EXPECT_NEAR(each.after.value_or(0), 50e-6, 1e-9);
  }
  EXPECT_THAT(run.told.front(), HasSubstr("times slower than its own history since operation 51"));
  EXPECT_THAT(run.told.front(), HasSubstr("next: smaller chunks"));
  EXPECT_THAT(run.told.back(), HasSubstr("undone"));
}

TEST(Remedies, ThatHelpAreKeptAndEndTheSearch) {
  ImaginedRun run([](const ImaginedRun& self) { return self.number < 50 || self.in_force == 2 ? 0.01 : 0.05; });
  run.chunks(300);
  EXPECT_EQ(run.orders, (std::vector<std::string>{"smaller chunks", "not smaller chunks", "fewer streams"}));
  const PaceReport report = run.remedies.report();
  ASSERT_EQ(report.attempts.size(), 2u);
  EXPECT_TRUE(report.attempts[1].kept);
  ASSERT_EQ(report.changes.size(), 2u);
  EXPECT_FALSE(report.changes[1].slower) << "it is told that the device is as fast as before";
}

TEST(Remedies, ThatHelpALittleAreKeptAndTheNextIsTried) {
  ImaginedRun run([](const ImaginedRun& self) {
    if (self.number < 50) return 0.01;
    return self.in_force == 0 ? 0.08 : self.in_force == 1 ? 0.04 : 0.01;
  });
  run.chunks(300);
  EXPECT_EQ(run.orders, (std::vector<std::string>{"smaller chunks", "fewer streams"}));
  for (const Attempt& each : run.remedies.report().attempts) EXPECT_TRUE(each.kept);
}

TEST(Remedies, ThatAreNotPossibleArePassedOver) {
  ImaginedRun run([](const ImaginedRun& self) { return self.number < 50 ? 0.01 : 0.05; });
  run.impossible = Remedy::fewer_streams;
  run.chunks(300);
  EXPECT_EQ(run.orders, (std::vector<std::string>{"smaller chunks", "not smaller chunks", "fewer streams",
                                                  "the next device", "not the next device"}));
  const PaceReport report = run.remedies.report();
  ASSERT_EQ(report.attempts.size(), remedy_count);
  EXPECT_FALSE(report.attempts[1].possible);
  EXPECT_FALSE(report.attempts[1].after.has_value());
}

TEST(Remedies, OfARunThatEndsSoonAreNotJudged) {
  ImaginedRun run([](const ImaginedRun& self) { return self.number < 50 ? 0.01 : 0.05; });
  run.chunks(63);
  const PaceReport report = run.remedies.report();
  ASSERT_EQ(report.attempts.size(), 1u);
  EXPECT_FALSE(report.attempts[0].after.has_value());
  EXPECT_FALSE(report.attempts[0].kept);
}

// --- Chunks ---

struct Pieces {
  explicit Pieces(std::size_t chunk_points)
      : memory(test::mixed_points(60'000)), partition(memory.cloud, chunk_points, "/tmp", 1) {
    compute.search.k = 10;
    halos = find_halos(memory.cloud, partition, compute);
  }
  /// Every point is in one chunk, and within its box.
  void expect_whole() const {
    std::vector<unsigned> seen(memory.cloud.points());
    std::size_t next = 0;
    for (const Chunk& chunk : partition.chunks()) {
      EXPECT_EQ(chunk.first, next);
      next += chunk.count;
      for (const Point& point : partition.points(chunk)) {
        ++seen[point.id];
        const std::int32_t at[3] = {point.x, point.y, point.z};
        for (int axis = 0; axis < 3; ++axis) {
          ASSERT_GE(at[axis], chunk.low[axis]);
          ASSERT_LE(at[axis], chunk.high[axis]);
        }
      }
    }
    EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), std::size_t{0}), seen.size());
    EXPECT_EQ(halos.regions.size(), partition.chunks().size());
    for (std::size_t i = 0; i < partition.chunks().size(); ++i) {
      const Chunk& chunk = partition.chunks()[i];
      EXPECT_LE(chunk.count + partition.count_halo(chunk, halos.regions[i]), halos.max_points) << i;
    }
  }

  test::Memory memory;
  Partition partition;
  ComputeSettings compute;
  Halos halos;
};

TEST(SmallerChunks, AreHalvesOfThoseThatAreLeft) {
  Pieces pieces(8'000);
  const std::vector<Chunk> before = pieces.partition.chunks();
  const std::size_t room = pieces.halos.max_points;
  SmallerChunks smaller(pieces.memory.cloud, pieces.compute, pieces.partition, pieces.halos);
  ASSERT_TRUE(smaller.take(3));
  EXPECT_EQ(pieces.halos.max_points, room) << "buffers stay as they are";
  ASSERT_GT(pieces.partition.chunks().size(), before.size());
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(pieces.partition.chunks()[i].count, before[i].count);
  pieces.expect_whole();
}

TEST(SmallerChunks, AreJoinedAgainButForAHalfWhoseOtherIsDone) {
  for (const std::size_t done : {3u, 4u, 5u, 6u}) {
    Pieces pieces(8'000);
    const std::vector<Chunk> before = pieces.partition.chunks();
    SmallerChunks smaller(pieces.memory.cloud, pieces.compute, pieces.partition, pieces.halos);
    ASSERT_TRUE(smaller.take(3));
    smaller.undo(done);
    pieces.expect_whole();
    EXPECT_EQ(pieces.partition.chunks().back().count, before.back().count);
    EXPECT_LE(pieces.partition.chunks().size(), before.size() + 2);
  }
  Pieces pieces(8'000);
  SmallerChunks smaller(pieces.memory.cloud, pieces.compute, pieces.partition, pieces.halos);
  ASSERT_TRUE(smaller.take(0));
  smaller.undo(pieces.partition.chunks().size());  // all are done
  pieces.expect_whole();
}

TEST(SmallerChunks, AreNotMadeOfSmallOnes) {
  Pieces pieces(1'000);
  SmallerChunks smaller(pieces.memory.cloud, pieces.compute, pieces.partition, pieces.halos);
  EXPECT_FALSE(smaller.take(1));
  pieces.expect_whole();
}

}  // namespace
}  // namespace weir::lidar
