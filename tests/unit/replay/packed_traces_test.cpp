// Traces that are packed by gzip: read as they lie, and what is cut off or packed twice is told.
#include <gtest/gtest.h>

#include <span>
#include <string>

#include <weir/errors.hpp>

#include "message_of.hpp"
#include "replay/read_trace.hpp"
#include "snapshot_bytes.hpp"
#include "trace_facts.hpp"
#include "unit/files/packed.hpp"

#ifdef WEIR_HAS_ZLIB

namespace weir::replay {
namespace {

using files::test::packed;
using testing::message_of;
using testing::names;

Trace read_packed(const std::string& data) { return read_trace(std::as_bytes(std::span(data))); }

TEST(PackedTraces, TracesAreReadPackedAsUnpacked) {
  const std::string rows = "id,lower,upper,size\n0,0,1,7\n1,0,2,5\n";
  EXPECT_EQ(testing::events_text(read_packed(packed(rows)).devices[0]),
            testing::events_text(read_packed(rows).devices[0]));
  EXPECT_TRUE(names(message_of([&] { static_cast<void>(read_packed(packed(packed(rows)))); }), {"gzip data"}));
  EXPECT_TRUE(names(message_of([&] { static_cast<void>(read_packed(packed(""))); }), {"empty"}));
}

TEST(PackedTraces, TracesThatAreCutAreReadByWholeLines) {
  std::string rows = "Thread,Time,Action,Pointer,Size,Stream\n";
  for (int i = 0; i < 5000; ++i) rows += "1,t,allocate,0x" + std::to_string(i) + ",8," + std::to_string(i % 7) + "\n";
  const std::string data = packed(rows);
  const Trace whole = read_packed(data);
  EXPECT_FALSE(whole.is_cut);
  std::size_t before = 0;
  for (const std::size_t length : {data.size() / 4, data.size() / 2, data.size() - 9}) {
    const Trace trace = read_packed(data.substr(0, length));
    EXPECT_TRUE(trace.is_cut);
    EXPECT_LE(trace.cut_lines, 1U);
    const std::size_t count = trace.devices.at(0).events.size();
    EXPECT_GT(count, before);
    before = count;
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_EQ(trace.devices[0].origins[i].address, whole.devices[0].origins[i].address);
      ASSERT_EQ(trace.devices[0].events[i].stream, whole.devices[0].events[i].stream);
    }
  }
  // Between two lines only the gzip data tell.
  const std::string check_cut = data.substr(0, data.size() - 1);
  EXPECT_TRUE(read_packed(check_cut).is_cut);
  EXPECT_EQ(read_packed(check_cut).cut_lines, 0U);
  EXPECT_EQ(read_packed(check_cut).devices[0].events.size(), 5000U);
  for (const std::size_t length : {2U, 10U, 30U}) {
    EXPECT_TRUE(
        names(message_of([&] { static_cast<void>(read_packed(data.substr(0, length))); }), {"cut off", "copy"}));
  }
}

TEST(PackedTraces, SnapshotsThatAreCutAreRefused) {
  const auto bytes = std::as_bytes(std::span(testing::snapshot_protocol_4));
  const std::string data = packed({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_EQ(read_packed(data).format, TraceFormat::pytorch_snapshot);
  for (const std::size_t length : {data.size() / 2, data.size() - 1}) {
    EXPECT_TRUE(
        names(message_of([&] { static_cast<void>(read_packed(data.substr(0, length))); }), {"cut off", "copy"}));
  }
}

}  // namespace
}  // namespace weir::replay
#else
TEST(PackedTraces, AreRead) { GTEST_SKIP() << "this build found no zlib"; }
#endif
