// Each format has a name of its own.
#include "replay/trace.hpp"

#include <gtest/gtest.h>

namespace weir::replay {
namespace {

TEST(TraceFormat, HasANameForEach) {
  EXPECT_EQ(to_string(TraceFormat::pytorch_snapshot), "pytorch-snapshot");
  EXPECT_EQ(to_string(TraceFormat::rmm_csv), "rmm-csv");
  EXPECT_EQ(to_string(TraceFormat::interval_csv), "interval-csv");
  EXPECT_EQ(to_string(TraceFormat::weir_recording), "weir-recording");
  EXPECT_EQ(to_string(TraceFormat::generated), "generated");
}

}  // namespace
}  // namespace weir::replay
