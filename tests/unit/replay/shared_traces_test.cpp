// Traces recorded elsewhere: their counts and peaks are known from their sources
// and from an independent reading, and PyTorch's own peak tests the policy model.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "replay/pytorch_expandable.hpp"
#include "replay/pytorch_policy.hpp"
#include "replay/read_trace.hpp"
#include "trace_facts.hpp"

namespace weir::replay {
namespace {

#ifdef WEIR_HAS_ZLIB
constexpr bool reads_packed = true;
#else
constexpr bool reads_packed = false;
#endif

struct Expected {
  std::string file;
  std::size_t live_at_start;
  std::size_t allocations;  // recorded, those at the start not counted
  std::size_t frees;
  std::uint64_t peak_live;
  std::optional<std::uint64_t> recorded_peak_reserved = std::nullopt;
};

void PrintTo(const Expected& expected, std::ostream* out) { *out << expected.file; }

class SharedTrace : public ::testing::TestWithParam<Expected> {
 protected:
  void SetUp() override {
    path_ = std::filesystem::path(WEIR_SHARED_DATA) / "traces" / GetParam().file;
    if (!std::filesystem::exists(path_)) GTEST_SKIP() << path_ << " is absent";
  }
  std::filesystem::path path_;
};
class SharedSnapshot : public SharedTrace {};

TEST_P(SharedTrace, IsReadWhole) {
  const Expected& expected = GetParam();
  const Trace trace = read_trace(path_);
  EXPECT_EQ(trace.skipped(), 0U);
  ASSERT_EQ(trace.devices.size(), 1U);
  const DeviceTrace& device = trace.devices[0];
  const testing::TraceFacts facts = testing::facts_of(device);
  EXPECT_EQ(facts.broken, "");
  EXPECT_EQ(facts.allocations, expected.live_at_start + expected.allocations);
  EXPECT_EQ(facts.frees, expected.frees);
  EXPECT_EQ(facts.peak_live, expected.peak_live);
  EXPECT_EQ(device.recorded_peak_reserved, expected.recorded_peak_reserved);
  for (std::size_t i = 0; i < expected.live_at_start; ++i) {
    EXPECT_EQ(device.events[i].kind, TraceEvent::Kind::allocate);
  }
}

TEST_P(SharedSnapshot, PolicyModelAgreesWithWhatPytorchReserved) {
  DeviceTrace device = read_trace(path_).devices.at(0);
  const PolicyResult model = simulate_pytorch_policy(device);
  const auto recorded = static_cast<double>(GetParam().recorded_peak_reserved.value());
  EXPECT_NEAR(static_cast<double>(model.peak_reserved), recorded, recorded * 0.005);
  EXPECT_EQ(model.peak_requested, GetParam().peak_live);

  device.recorded_peak_reserved = 1;
  EXPECT_EQ(simulate_pytorch_policy(device).peak_reserved, model.peak_reserved) << "the model looks at the answer";
}

// What PyTorch's expandable segments hold of each, by an independent model of the published rules.
TEST(SharedTraces, ExpandableSegments) {
  struct {
    const char* file;
    double percent;
  } const known[] = {{"pytorch/niu_fwdbwd_200.pickle", 89.4},
                     {"pytorch/wedsonlin_medium_ctx128_training.pickle", 98.0},
                     {"idealloc/pangu_2.6B.csv", 83.7},
                     {"idealloc/resnet50.csv", 97.9},
                     {"torch26/torch26_small_fixed.pickle.gz", 97.3},
                     {"torch26/torch26_small_fixed_two_threads_rmm.csv.gz", 97.3}};
  for (const auto& [file, percent] : known) {
    const auto path = std::filesystem::path(WEIR_SHARED_DATA) / "traces" / file;
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
    if (path.extension() == ".gz" && !reads_packed) GTEST_SKIP() << "this build found no zlib";
    const PolicyResult model = simulate_pytorch_expandable(read_trace(path).devices.at(0), {.passes = 2});
    EXPECT_NEAR(100.0 * static_cast<double>(model.peak_requested) / static_cast<double>(model.peak_reserved), percent,
                0.05)
        << file;
    EXPECT_EQ(model.passes[1].calls, 0U) << file;
  }
}

TEST(SharedTraces, ThreadsAndTimes) {
  const auto folder = std::filesystem::path(WEIR_SHARED_DATA) / "traces/torch26";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is absent";
  if (!reads_packed) GTEST_SKIP() << "this build found no zlib";
  const Trace log = read_trace(folder / "torch26_small_fixed_two_threads_rmm.csv.gz");
  EXPECT_EQ(log.devices.at(0).threads, 2U);
  EXPECT_EQ(log.devices[0].times.size(), 53'211U);
  EXPECT_EQ(testing::broken_promise(log), "");
  const Trace snapshot = read_trace(folder / "torch26_small_fixed.pickle.gz");
  EXPECT_EQ(snapshot.devices.at(0).threads, 1U);
  EXPECT_EQ(snapshot.devices[0].times.size(), 52'943U);
  EXPECT_EQ(testing::broken_promise(snapshot), "");
}

std::string test_name(const ::testing::TestParamInfo<Expected>& named) {
  std::string name = std::filesystem::path(named.param.file).stem().string();
  std::erase_if(name, [](char c) { return c == '.' || c == '_'; });
  return name;
}

const Expected snapshots[] = {
    {"pytorch/niu_fwdbwd_200.pickle", 0, 3907, 3745, 1'229'753'640, 1'390'411'776},
    {"pytorch/wedsonlin_medium_ctx128_training.pickle", 664, 6526, 6305, 7'013'335'044, 7'235'174'400},
    {"pytorch/wedsonlin_medium_ctx256_inference.pickle", 223, 1280, 1280, 1'793'775'616, 1'864'368'128}};

const Expected intervals[] = {{"idealloc/resnet50.csv", 0, 1042, 1042, 1'515'472'556},
                              {"idealloc/pangu_2.6B.csv", 0, 18692, 18692, 5'530'099'775},
                              {"minimalloc/A.1048576.csv", 0, 154, 154, 1'048'576},
                              {"minimalloc/B.1048576.csv", 0, 170, 170, 1'048'576},
                              {"minimalloc/C.1048576.csv", 0, 203, 203, 1'039'360},
                              {"minimalloc/D.1048576.csv", 0, 213, 213, 986'112},
                              {"minimalloc/E.1048576.csv", 0, 215, 215, 1'048'576},
                              {"minimalloc/F.1048576.csv", 0, 296, 296, 1'048'576}};

INSTANTIATE_TEST_SUITE_P(Snapshots, SharedTrace, ::testing::ValuesIn(snapshots), test_name);
INSTANTIATE_TEST_SUITE_P(Intervals, SharedTrace, ::testing::ValuesIn(intervals), test_name);
INSTANTIATE_TEST_SUITE_P(Snapshots, SharedSnapshot, ::testing::ValuesIn(snapshots), test_name);

}  // namespace
}  // namespace weir::replay
