// RMM's logs, as its versions have written them: through spdlog and
// rapids-logger, with null as 0x0 or (nil), and with failures between.
#include "monitor/replay/rmm_csv.hpp"

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

const std::string header = "Thread,Time,Action,Pointer,Size,Stream\n";

Trace read(const std::string& rows) {
  const std::string text = header + rows;
  Trace trace = read_rmm_csv(text);
  EXPECT_EQ(testing::broken_promise(trace), "");
  EXPECT_EQ(trace.format, TraceFormat::rmm_csv);
  return trace;
}
std::string refusal(const std::string& rows) {
  const std::string text = header + rows;
  return message_of([&] { static_cast<void>(read_rmm_csv(text)); });
}

TEST(RmmCsv, AllocationsAndFrees) {
  const Trace trace = read(
      "1979932,14:21:19.998533,allocate,0x30a000000,256,0x2\n"
      "1979932,14:21:19.998600,allocate,0x30a000100,1000,0x0\n"
      "1980043,14:21:32.661875,free,0x30a000000,256,0x2\n"
      "1980043,14:21:32.661900,allocate,0x30a000000,512,0x2\n");
  EXPECT_EQ(trace.devices[0].block_bytes, Bytes({256, 1000, 512}));
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1@1 -0 +2");
  EXPECT_EQ(trace.devices[0].streams, 2U);
  EXPECT_EQ(trace.skipped(), 0U);
}

TEST(RmmCsv, PointersAndStreamsWithOrWithoutPrefix) {
  const Trace trace = read("1,t,allocate,7f00,1,0\n1,t,free,0x7F00,1,0x0\n");
  EXPECT_EQ(events_text(trace.devices[0]), "+0 -0");
  EXPECT_EQ(trace.devices[0].streams, 1U);
}

TEST(RmmCsv, DocumentationsWordForFree) {
  EXPECT_EQ(events_text(read("1,1634567890.123456,allocate,0x10,1,0x7f8a38001020\n"
                             "1,1634567890.345678,deallocate,0x10,1,0x7f8a38001020\n")
                            .devices[0]),
            "+0 -0");
}

TEST(RmmCsv, FailuresAndUnknownFreesAreCounted) {
  const Trace trace = read(
      "1,t,allocate failure,0x0,99999999999,0x2\n1,t,allocate failure,(nil),99999999999,0\n"
      "1,t,\"allocate failure\",0x0,5,0\n1,t,free,0x999,64,0\n1,t,allocate,0x10,1,0\n1,t,free,0x10,1,0\n"
      "1,t,free,0x10,1,0\n");
  EXPECT_EQ(events_text(trace.devices[0]), "+0 -0");
  EXPECT_EQ(trace.skipped(), 5U);
  EXPECT_EQ(trace.failures, 3U);
  EXPECT_EQ(trace.unmatched_frees, 2U);
}

// RMM frees first and logs after: thread 2 got the pointer that thread 1 was about to log the free of.
TEST(RmmCsv, AFreeToldAfterTheNextAllocationAtItsPointer) {
  const std::string both = "1,t,allocate,0x10,8,0\n2,t,allocate,0x10,8,1\n";
  for (const std::string frees : {"1,t,free,0x10,8,0\n2,t,free,0x10,8,1\n", "2,t,free,0x10,8,1\n1,t,free,0x10,8,0\n",
                                  "3,t,free,0x10,8,0\n2,t,free,0x10,8,1\n", "3,t,free,0x10,8,0\n1,t,free,0x10,8,1\n"}) {
    const Trace trace = read(both + frees);
    EXPECT_EQ(events_text(trace.devices[0]), "+0 -0 +1@1 -1@1") << frees;
    EXPECT_EQ(trace.late_frees, 1U);
    EXPECT_EQ(trace.skipped(), 0U);
  }
  const Trace kept = read(both + "1,t,free,0x10,8,0\n");
  EXPECT_EQ(events_text(kept.devices[0]), "+0 -0 +1@1");
}

TEST(RmmCsv, SeveralFreesToldLate) {
  const Trace trace = read(
      "1,t,allocate,0x10,8,0\n2,t,allocate,0x10,16,0\n3,t,allocate,0x10,8,0\n"
      "2,t,free,0x10,16,0\n1,t,free,0x10,8,0\n3,t,free,0x10,8,0\n");
  EXPECT_EQ(events_text(trace.devices[0]), "+0 -0 +1 -1 +2 -2");
  EXPECT_EQ(trace.late_frees, 2U);
}

// A thread logs in order: what it logged between the allocation and its free, the free cannot be late past.
TEST(RmmCsv, RefusesAFreeThatCannotHaveBeenLate) {
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8,0\n2,t,allocate,0x10,8,0\n1,t,allocate,0x20,8,0\n"
                            "2,t,free,0x10,8,0\n1,t,free,0x10,8,0\n"),
                    {"line 3", "0x10", "line 2", "mixes devices"}));
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8,0\n1,t,allocate,0x10,8,0\n1,t,free,0x10,8,0\n1,t,free,0x10,8,0\n"),
                    {"line 3", "a free is missing"}));
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8,0\n2,t,allocate,0x10,8,0\n"), {"line 3", "a free is missing"}));
}

TEST(RmmCsv, ZeroBytesHaveNoAddressOfTheirOwn) {
  const Trace trace = read(
      "1,t,allocate,(nil),0,0\n1,t,allocate,0x0,0,0\n1,t,allocate,0x10,8,0\n1,t,allocate,0x10,0,0\n"
      "1,t,free,0x0,0,0\n1,t,free,(nil),0,0\n1,t,free,(nil),0,0\n1,t,free,0x10,0,0\n1,t,free,0x10,8,0\n");
  EXPECT_EQ(trace.devices[0].block_bytes, Bytes({0, 0, 8, 0}));
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1 +2 +3 -1 -0 -3 -2");
  EXPECT_EQ(trace.skipped(), 1U);
}

TEST(RmmCsv, AFreeEndsTheBlockAtItsPointerWhateverSizeItNames) {
  EXPECT_EQ(events_text(read("1,t,allocate,0x10,8,0\n1,t,free,0x10,16,0\n").devices[0]), "+0 -0");
  EXPECT_EQ(events_text(read("1,t,allocate,0x10,8,0\n1,t,free,0x10,0,0\n").devices[0]), "+0 -0");
}

TEST(RmmCsv, QuotesLineEndsAndOtherOrders) {
  const std::string text = "\"Size\",\"Pointer\",\"Action\"\r\n\"8\",\"0x10\",\"allocate\"\r\n8,0x10,free\r\n\r\n";
  const Trace trace = read_rmm_csv(text);
  EXPECT_EQ(events_text(trace.devices[0]), "+0 -0");
}

TEST(RmmCsv, RefusesAnAllocationAtALivePointer) {
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8,0\n1,t,allocate,0x20,8,0\n1,t,allocate,0x10,8,0\n"),
                    {"line 4", "0x10", "line 2", "a free is missing"}));
}

TEST(RmmCsv, RefusesOtherActionsByName) {
  EXPECT_TRUE(names(refusal("1,t,realloc,0x10,8,0\n"), {"line 2", "'realloc'"}));
  EXPECT_TRUE(names(refusal(header), {"line 2"}));
}

TEST(RmmCsv, RefusesBrokenFields) {
  EXPECT_TRUE(names(refusal("1,t,allocate,zz,8,0\n"), {"line 2", "'Pointer'", "'zz'"}));
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,-8,0\n"), {"line 2", "'Size'"}));
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8,default\n"), {"line 2", "'Stream'"}));
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8\n"), {"line 2", "fields is 5"}));
}

TEST(RmmCsv, RefusesALogWithoutAllocations) {
  EXPECT_TRUE(names(refusal(""), {"without one allocation"}));
  EXPECT_TRUE(names(refusal("1,t,free,0x10,8,0\n"), {"without one allocation"}));
}

}  // namespace
}  // namespace weir::replay
