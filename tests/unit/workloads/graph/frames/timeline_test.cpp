// Overlap, from stamps that are given: what a download and a step have in common, each counted once.
#include <gtest/gtest.h>

#include "workloads/graph/frames/timeline.hpp"

namespace weir::graph::test {
namespace {

using Clock = Timeline::Clock;
Clock::time_point at(int milliseconds) { return Clock::time_point(std::chrono::milliseconds(1'000 + milliseconds)); }

TEST(Timeline, OneAfterTheOtherHasNoOverlap) {
  Timeline timeline;
  for (int frame = 0; frame < 10; ++frame) {
    timeline.step_started(at(20 * frame));
    timeline.step_ended(at(20 * frame + 10));
    timeline.snapshot_ended(at(20 * frame + 10));
    timeline.download_ended(at(20 * frame + 20));
  }
  EXPECT_EQ(timeline.overlap(), 0.0);
  EXPECT_NEAR(timeline.step_seconds(), 0.1, 1e-9);
  EXPECT_NEAR(timeline.download_seconds(), 0.1, 1e-9);
  EXPECT_EQ(timeline.steps(), 10U);
  EXPECT_EQ(timeline.downloads(), 10U);
}

TEST(Timeline, ADownloadUnderTheNextStepIsCoveredByIt) {
  Timeline timeline;
  timeline.step_started(at(0));
  timeline.step_ended(at(10));
  timeline.snapshot_ended(at(11));
  timeline.step_started(at(11));
  timeline.download_ended(at(19));  // the step is still computing
  EXPECT_NEAR(timeline.overlap(), 1.0, 1e-9);
  timeline.step_ended(at(21));
  timeline.snapshot_ended(at(22));
  timeline.download_ended(at(30));  // no step computes
  EXPECT_NEAR(timeline.download_seconds(), 0.016, 1e-9);
  EXPECT_NEAR(timeline.overlap(), 0.5, 1e-9);
}

// Downloads that are longer than steps queue up behind each other; each begins where the one before it ended.
TEST(Timeline, LongDownloadsFollowEachOther) {
  Timeline timeline;
  for (int step = 0; step < 3; ++step) {
    timeline.step_started(at(10 * step));
    timeline.step_ended(at(10 * step + 10));
    timeline.snapshot_ended(at(10 * step + 10));
  }
  for (int frame = 0; frame < 3; ++frame) timeline.download_ended(at(10 + 30 * (frame + 1)));
  EXPECT_NEAR(timeline.download_seconds(), 0.09, 1e-9);  // 10 to 100
  EXPECT_NEAR(timeline.overlap(), 20.0 / 90.0, 1e-9);    // of which 10 to 30 had steps
}

TEST(Timeline, NothingDownloadedIsNoOverlap) {
  Timeline timeline;
  timeline.download_ended(at(5));
  EXPECT_EQ(timeline.overlap(), 0.0);
  EXPECT_EQ(timeline.downloads(), 0U);
}

}  // namespace
}  // namespace weir::graph::test
