// Runs whose device becomes slow on the way: it is noticed, something is done about it, and the results stay the same
// bit for bit. The slowness is put between weir and the host's streams.
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "device/access.hpp"
#include "support/faulty_backend.hpp"
#include "unit/workloads/lidar/clouds.hpp"
#include "workloads/lidar/run/pipeline.hpp"

namespace weir::lidar {
namespace {

using device::FaultyBackend;
using faults::CallKind;
using faults::Fault;
using faults::FaultKind;

constexpr std::size_t chunk_points = 2'200;
constexpr std::uint64_t slow_from = 35;   // chunks before that
constexpr std::uint64_t all = 1'000'000;  // streams become slow as they are used

/// Host functions of a chunk: two stamps around its uploads, then one, its computation, and one.
constexpr std::uint64_t runs_of_chunk = 5, computation = 4;

class SlowDevice : public testing::Test {
 protected:
  SlowDevice() {
    settings_.features = FeatureSet::parse("geometry");
    settings_.k = 8;
    settings_.chunk = chunk_points;
    settings_.threads = 1;
    settings_.told = [this](const std::string& line) { told_ += line + "\n"; };
  }

  /// The fault strikes the stream of a chunk's computation. With a large factor smaller chunks cannot seem to be
  /// enough.
  static Fault from_chunk(std::uint64_t chunk, double factor, std::uint64_t times = 1) {
    return {.kind = FaultKind::slow,
            .nth = runs_of_chunk * chunk + computation,
            .counted = faults::only(CallKind::run),
            .times = times,
            .factor = factor};
  }
  RunReport run_on(MemoryManager& memory, test::Kept& rows) { return run(memory_.cloud, settings_, memory, rows); }
  RunReport run_with(const Fault& fault, test::Kept& rows) {
    const auto backend =
        std::make_shared<FaultyBackend>(device::Access::shared_backend(open_device({.backend = "host"})));
    MemoryManager memory(device::Access::make_device(backend, "for the test"));
    backend->schedule().add(fault);
    RunReport report = run_on(memory, rows);
    EXPECT_TRUE(backend->fired());
    return report;
  }
  [[nodiscard]] std::unique_ptr<test::Kept> rows() const {
    return std::make_unique<test::Kept>(settings_.features, memory_.cloud.points());
  }
  /// What an undisturbed run gives.
  std::unique_ptr<test::Kept> undisturbed() {
    auto kept = rows();
    MemoryManager memory(open_device({.backend = "host"}));
    plain_ = run_on(memory, *kept);
    return kept;
  }

  test::Memory memory_{test::mixed_points(200'000)};
  RunSettings settings_;
  RunReport plain_;
  std::string told_;
};

TEST_F(SlowDevice, IsNoticedWithin20ChunksWhichBecomeSmaller) {
  const auto expected = undisturbed();
  const auto found = rows();
  const RunReport report = run_with(from_chunk(slow_from, 5), *found);
  EXPECT_EQ(test::difference(*expected, *found), "");
  ASSERT_FALSE(report.pace.changes.empty()) << told_;
  const PaceChange& first = report.pace.changes.front();
  EXPECT_TRUE(first.slower);
  EXPECT_GT(first.operation, slow_from) << told_;
  EXPECT_LE(first.operation, slow_from + 20) << told_;
  ASSERT_FALSE(report.pace.attempts.empty());
  EXPECT_EQ(report.pace.attempts.front().remedy, Remedy::smaller_chunks);
  EXPECT_TRUE(report.pace.attempts.front().possible);
  EXPECT_GT(report.chunks, plain_.chunks);
  EXPECT_NE(told_.find("next: smaller chunks"), std::string::npos) << told_;
}

TEST_F(SlowDevice, WithOneSlowStreamIsFastAgainOnAnotherOne) {
  const auto found = rows();
  const RunReport report = run_with(from_chunk(slow_from, 8), *found);
  EXPECT_EQ(test::difference(*undisturbed(), *found), "");
  ASSERT_GE(report.pace.attempts.size(), 2u) << told_;
  EXPECT_EQ(report.pace.attempts[1].remedy, Remedy::fewer_streams);
  EXPECT_TRUE(report.pace.attempts[1].kept) << told_;
}

TEST_F(SlowDevice, ThatIsSlowOnAllStreamsIsLeftForTheNext) {
  MemoryManager next(open_device({.backend = "host"}));
  settings_.next_device = [&] { return &next; };
  const auto found = rows();
  const RunReport report = run_with(from_chunk(slow_from, 8, all), *found);
  EXPECT_EQ(test::difference(*undisturbed(), *found), "");
  ASSERT_EQ(report.pace.attempts.size(), remedy_count) << told_;
  const Attempt& last = report.pace.attempts.back();
  EXPECT_EQ(last.remedy, Remedy::next_device);
  EXPECT_TRUE(last.possible);
  EXPECT_TRUE(last.kept) << told_;
  EXPECT_GT(next.statistics().pool.allocations, 0u);
  EXPECT_EQ(next.statistics().pool.live, 0u);
}

TEST_F(SlowDevice, IsNotLeftWhereThereIsNoOther) {
  settings_.next_device = [] { return nullptr; };
  const auto found = rows();
  const RunReport report = run_with(from_chunk(slow_from, 8, all), *found);
  EXPECT_EQ(test::difference(*undisturbed(), *found), "");
  ASSERT_EQ(report.pace.attempts.size(), remedy_count) << told_;
  EXPECT_FALSE(report.pace.attempts.back().possible);
}

TEST_F(SlowDevice, IsNotLeftForOneWithTooLittleMemory) {
  MemoryManager next(open_device({.backend = "host"}), {.name = "small", .pool = {.limit = 64 << 10}});
  settings_.next_device = [&] { return &next; };
  const auto found = rows();
  const RunReport report = run_with(from_chunk(slow_from, 8, all), *found);
  EXPECT_EQ(test::difference(*undisturbed(), *found), "");
  ASSERT_EQ(report.pace.attempts.size(), remedy_count) << told_;
  EXPECT_FALSE(report.pace.attempts.back().possible);
  EXPECT_EQ(next.statistics().pool.live, 0u);
}

}  // namespace
}  // namespace weir::lidar
