// RMM's logs, as its versions have written them: through spdlog and
// rapids-logger, with null as 0x0 or (nil), and with failures between.
#include "replay/rmm_csv.hpp"

#include <chrono>
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

Trace read_rmm(const std::string& rows) {
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
  const Trace trace = read_rmm(
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
  const Trace trace = read_rmm("1,t,allocate,7f00,1,0\n1,t,free,0x7F00,1,0x0\n");
  EXPECT_EQ(events_text(trace.devices[0]), "+0 -0");
  EXPECT_EQ(trace.devices[0].streams, 1U);
}

TEST(RmmCsv, DocumentationsWordForFree) {
  EXPECT_EQ(events_text(read_rmm("1,1634567890.123456,allocate,0x10,1,0x7f8a38001020\n"
                                 "1,1634567890.345678,deallocate,0x10,1,0x7f8a38001020\n")
                            .devices[0]),
            "+0 -0");
}

TEST(RmmCsv, FailuresAndUnknownFreesAreCounted) {
  const Trace trace = read_rmm(
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
    const Trace trace = read_rmm(both + frees);
    EXPECT_EQ(events_text(trace.devices[0]), "+0 -0 +1@1 -1@1") << frees;
    EXPECT_EQ(trace.late_frees, 1U);
    EXPECT_EQ(trace.skipped(), 0U);
  }
  const Trace kept = read_rmm(both + "1,t,free,0x10,8,0\n");
  EXPECT_EQ(events_text(kept.devices[0]), "+0 -0 +1@1");
}

TEST(RmmCsv, SeveralFreesToldLate) {
  const Trace trace = read_rmm(
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

TEST(RmmCsv, ALogIsReadUpToTheLineThatIsCut) {
  const std::string rows = "1,t,allocate,0x10,8,0x1\n1,t,allocate,0x20,16,0x2\n1,t,free,0x10,8,0x1\n";
  const std::string cut = "1,t,allocate,0x30,1048576,0x2f";
  for (std::size_t length = 1; length <= cut.size(); ++length) {
    const Trace trace = read_rmm(rows + cut.substr(0, length));
    EXPECT_EQ(events_text(trace.devices[0]), "+0 +1@1 -0") << length;
    EXPECT_EQ(trace.cut_lines, 1U);
    EXPECT_TRUE(trace.is_cut);
    EXPECT_EQ(trace.skipped(), 1U);
  }
  EXPECT_FALSE(read_rmm(rows).is_cut);
  EXPECT_EQ(read_rmm(rows + cut + "\n").devices[0].streams, 3U);
  EXPECT_TRUE(names(refusal(cut), {"line 2", "cut before its first allocation", "copy it again"}));
}

// Behind the cut may come the late free, once of each thread that told nothing since.
TEST(RmmCsv, AFreeMayBeWhatIsLostAtTheCut) {
  const std::string cut = "1,t,fr";
  const Trace trace = read_rmm("1,t,allocate,0x10,8,0\n2,t,allocate,0x10,8,0\n2,t,free,0x10,8,0\n" + cut);
  EXPECT_EQ(events_text(trace.devices[0]), "+0 -0 +1 -1");
  EXPECT_EQ(trace.incomplete_blocks, 1U);
  EXPECT_EQ(trace.late_frees, 0U);
  // The thread that allocates again is not the one that was about to tell.
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8,0\n1,t,allocate,0x10,8,0\n" + cut), {"line 3", "a free is missing"}));
  // Two blocks and one silent thread.
  const std::string two =
      "1,t,allocate,0x10,8,0\n2,t,allocate,0x20,8,0\n2,t,allocate,0x10,8,0\n2,t,allocate,0x20,8,0\n";
  EXPECT_TRUE(names(refusal(two + cut), {"line 5", "0x20", "mixes devices"}));
  EXPECT_EQ(read_rmm("3,t,free,0x90,1,0\n" + two + cut).incomplete_blocks, 2U);
  // Without threads nobody is known to be silent.
  const std::string bare = "Action,Pointer,Size\nallocate,0x10,8\nallocate,0x10,8\nallo";
  EXPECT_NE(message_of([&] { static_cast<void>(read_rmm_csv(bare)); }), "");
}

TEST(RmmCsv, ManyThreadsAndStreamsStayApart) {
  constexpr int count = (1 << 16) + 3;
  std::string rows;
  for (int i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    rows += number + ",t,allocate,0x" + number + ",8,0x" + number + "\n";
  }
  const Trace trace = read_rmm(rows);
  EXPECT_EQ(trace.devices[0].threads, static_cast<std::uint32_t>(count));
  EXPECT_EQ(trace.devices[0].streams, static_cast<std::uint32_t>(count));
  EXPECT_EQ(trace.devices[0].events.back().thread, static_cast<std::uint32_t>(count - 1));
}

TEST(RmmCsv, TimesThatJumpToAndFroDoNotOverflow) {
  std::string rows = "1,00:00:00,allocate,0x10,8,0\n";
  for (int day = 0; day < 120'000; ++day) rows += "1,23:0:0,allocate failure,0,1,0\n1,0:0:0,allocate failure,0,1,0\n";
  EXPECT_EQ(read_rmm(rows + "1,0:0:1,free,0x10,8,0\n").devices[0].times.size(), 0U);
}

TEST(RmmCsv, ZeroBytesHaveNoAddressOfTheirOwn) {
  const Trace trace = read_rmm(
      "1,t,allocate,(nil),0,0\n1,t,allocate,0x0,0,0\n1,t,allocate,0x10,8,0\n1,t,allocate,0x10,0,0\n"
      "1,t,free,0x0,0,0\n1,t,free,(nil),0,0\n1,t,free,(nil),0,0\n1,t,free,0x10,0,0\n1,t,free,0x10,8,0\n");
  EXPECT_EQ(trace.devices[0].block_bytes, Bytes({0, 0, 8, 0}));
  EXPECT_EQ(events_text(trace.devices[0]), "+0 +1 +2 +3 -1 -0 -3 -2");
  EXPECT_EQ(trace.skipped(), 1U);
}

TEST(RmmCsv, AFreeEndsTheBlockAtItsPointerWhateverSizeItNames) {
  EXPECT_EQ(events_text(read_rmm("1,t,allocate,0x10,8,0\n1,t,free,0x10,16,0\n").devices[0]), "+0 -0");
  EXPECT_EQ(events_text(read_rmm("1,t,allocate,0x10,8,0\n1,t,free,0x10,0,0\n").devices[0]), "+0 -0");
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
  EXPECT_TRUE(names(refusal("1,t,allocate,0x10,8\n"), {"line 2", "has 5 fields"}));
}

TEST(RmmCsv, RefusesALogWithoutAllocations) {
  EXPECT_TRUE(names(refusal(""), {"has no allocation"}));
  EXPECT_TRUE(names(refusal("1,t,free,0x10,8,0\n"), {"has no allocation"}));
}

/// The thread of each event.
std::vector<std::uint32_t> threads_of(const Trace& trace) {
  std::vector<std::uint32_t> all;
  for (const TraceEvent& event : trace.devices[0].events) all.push_back(event.thread);
  return all;
}

TEST(RmmCsv, KeepsThreads) {
  const Trace trace = read_rmm(
      "77,t,allocate,0x10,8,0\n12,t,allocate failure,0x0,8,0\n78,t,allocate,0x20,8,0\n77,t,free,0x20,8,0\n"
      "78,t,free,0x10,8,0\n");
  EXPECT_EQ(trace.devices[0].threads, 2U) << "a thread without an event is none";
  EXPECT_EQ(threads_of(trace), (std::vector<std::uint32_t>{0, 1, 0, 1}));
}

TEST(RmmCsv, ALateFreeIsTheDoingOfTheThreadThatTellsIt) {
  const Trace trace = read_rmm("1,t,allocate,0x10,8,0\n2,t,allocate,0x10,8,1\n3,t,free,0x10,8,0\n2,t,free,0x10,8,1\n");
  EXPECT_EQ(events_text(trace.devices[0]), "+0 -0 +1@1 -1@1");
  const std::vector<std::uint32_t> threads = threads_of(trace);
  EXPECT_EQ(trace.devices[0].threads, 3U);
  EXPECT_NE(threads[1], threads[0]);
  EXPECT_NE(threads[1], threads[2]);
  EXPECT_EQ(threads[3], threads[2]);
}

TEST(RmmCsv, ReadsTimesAcrossMidnight) {
  using std::chrono::nanoseconds;
  const Trace trace = read_rmm(
      "1,23:59:59.999999,allocate,0x10,8,0\n1,23:59:59:999998,allocate,0x20,8,0\n1,00:00:00.5,free,0x20,8,0\n"
      "1,12:00:01,free,0x10,8,0\n");
  const auto& times = trace.devices[0].times;
  ASSERT_EQ(times.size(), 4U);
  EXPECT_EQ(times[1] - times[0], nanoseconds(0)) << "a step back stands still";
  EXPECT_EQ(times[2] - times[1], nanoseconds(500'001'000));
  EXPECT_EQ(times[3] - times[2], std::chrono::hours(12) + std::chrono::milliseconds(500));
}

TEST(RmmCsv, OtherTimesAreNone) {
  for (const std::string time :
       {"t", "", "1:2", "24:00:00", "1:60:0", "-1:0:0", "1:2:3.", "1:2:3.4x", "1:2:3.0123456789"}) {
    EXPECT_TRUE(read_rmm("1," + time + ",allocate,0x10,8,0\n").devices[0].times.empty()) << time;
  }
  EXPECT_EQ(read_rmm("1,1:2:3.4,allocate,0x10,8,0\n").devices[0].times.size(), 1U);
}

}  // namespace
}  // namespace weir::replay
