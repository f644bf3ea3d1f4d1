// Intervals become events in the order of time, frees first, rows in order.
#include "replay/interval_csv.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "trace_facts.hpp"

namespace weir::replay {
namespace {

using testing::events_text;
using testing::message_of;
using testing::names;
using Bytes = std::vector<std::uint64_t>;

DeviceTrace read_intervals(std::string_view text) {
  const Trace trace = read_interval_csv(text);
  EXPECT_EQ(testing::broken_promise(trace), "");
  EXPECT_EQ(trace.format, TraceFormat::interval_csv);
  EXPECT_EQ(trace.skipped(), 0U);
  return trace.devices.at(0);
}
std::string interval_refusal(std::string_view text) {
  return message_of([&] { static_cast<void>(read_interval_csv(text)); });
}

TEST(IntervalCsv, OrdersEventsByTime) {
  const DeviceTrace trace = read_intervals("id,lower,upper,size\n0,5,9,100\n1,0,7,200\n2,6,8,300\n");
  EXPECT_EQ(trace.block_bytes, Bytes({200, 100, 300}));
  EXPECT_EQ(events_text(trace), "+0 +1 +2 -0 -2 -1");
  EXPECT_EQ(trace.streams, 1U);
  EXPECT_EQ(trace.recorded_peak_reserved, std::nullopt);
}

TEST(IntervalCsv, FreesComeBeforeAllocationsAtEqualTimes) {
  const DeviceTrace trace = read_intervals("id,lower,upper,size\n0,4,8,1\n1,0,4,2\n");
  EXPECT_EQ(trace.block_bytes, Bytes({2, 1}));
  EXPECT_EQ(events_text(trace), "+0 -0 +1 -1");
  EXPECT_EQ(testing::facts_of(trace).peak_live, 2U);
}

TEST(IntervalCsv, RowsKeepTheirOrderOtherwise) {
  const DeviceTrace trace = read_intervals("id,lower,upper,size\n9,0,5,10\n3,0,5,20\n7,0,5,30\n");
  EXPECT_EQ(trace.block_bytes, Bytes({10, 20, 30}));
  EXPECT_EQ(events_text(trace), "+0 +1 +2 -0 -1 -2");

  std::string many = "id,lower,upper,size\n";
  Bytes sizes;
  for (std::uint64_t size = 1000; size > 0; --size) {
    many += "x,0,1," + std::to_string(size) + "\n";
    sizes.push_back(size);
  }
  EXPECT_EQ(read_intervals(many).block_bytes, sizes);
}

TEST(IntervalCsv, ColumnsByNameInAnyOrder) {
  EXPECT_EQ(read_intervals("Size,note,UPPER,lower\n7,x,2,1\n").block_bytes, Bytes({7}));
}

TEST(IntervalCsv, ToleratesLineEndsBlankLinesAndByteOrderMark) {
  EXPECT_EQ(read_intervals("\xef\xbb\xbfid,lower,upper,size\r\n0,0,1,7\r\n\r\n\n").block_bytes, Bytes({7}));
}

TEST(IntervalCsv, ALineThatIsCutIsToldAndLeftOut) {
  const Trace trace = read_interval_csv("id,lower,upper,size\n0,0,1,7\n1,0,1,123");
  EXPECT_EQ(trace.devices.at(0).block_bytes, Bytes({7}));
  EXPECT_EQ(trace.cut_lines, 1U);
  EXPECT_EQ(trace.skipped(), 1U);
  EXPECT_TRUE(trace.is_cut);
  EXPECT_TRUE(names(interval_refusal("id,lower,upper,size\n0,0,1,7"), {"line 2", "cut in its first row"}));
}

TEST(IntervalCsv, TimesOf64Bits) {
  const DeviceTrace trace =
      read_intervals("id,lower,upper,size\n0,-9223372036854775808,9223372036854775807,1\n1,-5,-4,0\n");
  EXPECT_EQ(events_text(trace), "+0 +1 -1 -0");
  EXPECT_EQ(trace.block_bytes, Bytes({1, 0}));
}

TEST(IntervalCsv, RefusesIntervalsThatAreEmpty) {
  EXPECT_TRUE(names(interval_refusal("id,lower,upper,size\n0,1,2,1\n1,5,5,1\n"), {"line 3", "lower is 5", "upper 5"}));
  EXPECT_TRUE(names(interval_refusal("id,lower,upper,size\n0,3,2,1\n"), {"line 2"}));
}

TEST(IntervalCsv, RefusesWhatIsMissing) {
  EXPECT_TRUE(names(interval_refusal("id,lower,upper\n"), {"line 1", "'size'"}));
  EXPECT_TRUE(names(interval_refusal("id,lower,size\n"), {"'upper'"}));
  EXPECT_TRUE(names(interval_refusal("id,upper,size\n"), {"'lower'"}));
  EXPECT_TRUE(names(interval_refusal("id,lower,upper,size\n\n"), {"no row"}));
  EXPECT_TRUE(names(interval_refusal("id,lower,upper,size\n0,0,1,-5\n"), {"line 2", "'size'", "'-5'"}));
  EXPECT_TRUE(names(interval_refusal("id,lower,upper,size\n0,0,9223372036854775808,5\n"), {"line 2", "'upper'"}));
}

TEST(IntervalCsv, RefusesMoreThanAnExbibyteLive) {
  EXPECT_TRUE(names(interval_refusal("id,lower,upper,size\n0,0,2,1152921504606846976\n1,1,2,1\n"), {"1 EiB"}));
}

}  // namespace
}  // namespace weir::replay
