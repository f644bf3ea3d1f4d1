// Gzip data are read as they lie, in members and parts of any size, and what is
// damaged, cut off or too much is refused.
#include "replay/gzip.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include <weir/errors.hpp>

#include "message_of.hpp"
#include "replay/read_trace.hpp"
#include "snapshot_bytes.hpp"
#include "trace_facts.hpp"

#ifdef WEIR_HAS_ZLIB
#include <zlib.h>

namespace weir::replay {
namespace {

using testing::message_of;
using testing::names;

std::string packed(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  std::string copy(text);
  stream.next_in = reinterpret_cast<Bytef*>(copy.data());
  stream.avail_in = static_cast<uInt>(copy.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

/// A source of so many bytes at a time.
Source source_of(std::string_view data, std::size_t part_bytes) {
  return {[data, part_bytes](std::span<char> to) mutable {
    const std::size_t count = data.copy(to.data(), std::min(to.size(), part_bytes));
    data.remove_prefix(count);
    return count;
  }};
}

std::string unpack(std::string_view data, std::size_t part_bytes, std::size_t buffer_bytes, bool expect_cut = false) {
  GzipReader reader(source_of(data, part_bytes));
  std::string all;
  std::string buffer(buffer_bytes, '\0');
  while (const std::size_t count = reader.read(buffer)) all.append(buffer, 0, count);
  EXPECT_EQ(reader.is_cut(), expect_cut);
  return all;
}

Trace read(const std::string& data) { return read_trace(std::as_bytes(std::span(data))); }

const std::string text = [] {
  std::string made;
  for (int i = 0; i < 20'000; ++i) made += std::to_string(i * i) + ",";
  return made;
}();

TEST(Gzip, InPartsOfAnySize) {
  const std::string data = packed(text);
  for (const std::size_t part_bytes : {1U, 7U, 1U << 16}) {
    for (const std::size_t buffer_bytes : {1U, 100U, 1U << 20}) EXPECT_EQ(unpack(data, part_bytes, buffer_bytes), text);
  }
  EXPECT_EQ(unpack(packed(""), 100, 100), "");
}

TEST(Gzip, MembersBehindEachOtherAreOneFile) {
  EXPECT_EQ(unpack(packed("one ") + packed("") + packed("two"), 3, 100), "one two");
}

TEST(Gzip, GivesWhatIsThereOfDataThatAreCutOff) {
  const std::string data = packed(text);
  std::size_t before = 0;
  for (std::size_t length = 1; length < data.size(); length += 499) {
    const std::string there = unpack(data.substr(0, length), 100, 1000, true);
    EXPECT_TRUE(text.starts_with(there)) << length;
    EXPECT_GE(there.size(), before) << length;
    before = there.size();
  }
  EXPECT_GT(before, text.size() / 2);
  EXPECT_EQ(unpack(data.substr(0, data.size() - 1), 100, 1000, true), text) << "the check is cut";
  EXPECT_EQ(unpack(packed("one ") + packed("two").substr(0, 5), 100, 1000, true), "one ");
}

TEST(Gzip, RefusesWhatIsDamaged) {
  std::string data = packed(text);
  std::string other_check = data;
  other_check[data.size() - 8] = static_cast<char>(data[data.size() - 8] ^ 1);
  EXPECT_TRUE(names(message_of([&] { unpack(other_check, 100, 1000); }), {"damaged"}));
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 0x55);
  EXPECT_TRUE(names(message_of([&] { unpack(data, 100, 1000); }), {"damaged"}));
  EXPECT_TRUE(names(message_of([&] { unpack(packed("one") + "rest", 100, 1000); }), {"damaged"}));
}

TEST(Gzip, RefusesMoreThanAnyTrace) {
  const std::string member = packed(std::string(std::size_t{8} << 20, '\0'));
  GzipReader bomb({[&](std::span<char> to) { return member.copy(to.data(), to.size()); }});
  std::string buffer(std::size_t{1} << 20, '\0');
  std::uint64_t read = 0;
  const std::string message = message_of([&] {
    for (;;) read += bomb.read(buffer);
  });
  EXPECT_TRUE(names(message, {"more than 1 GiB", "unpack it first"}));
  EXPECT_LE(read, GzipReader::max_bytes);
}

TEST(Gzip, TracesAreReadPackedAsUnpacked) {
  const std::string rows = "id,lower,upper,size\n0,0,1,7\n1,0,2,5\n";
  EXPECT_EQ(testing::events_text(read(packed(rows)).devices[0]), testing::events_text(read(rows).devices[0]));
  EXPECT_TRUE(names(message_of([&] { static_cast<void>(read(packed(packed(rows)))); }), {"gzip data"}));
  EXPECT_TRUE(names(message_of([&] { static_cast<void>(read(packed(""))); }), {"empty"}));
}

TEST(Gzip, TracesThatAreCutAreReadByWholeLines) {
  std::string rows = "Thread,Time,Action,Pointer,Size,Stream\n";
  for (int i = 0; i < 5000; ++i) rows += "1,t,allocate,0x" + std::to_string(i) + ",8," + std::to_string(i % 7) + "\n";
  const std::string data = packed(rows);
  const Trace whole = read(data);
  EXPECT_FALSE(whole.is_cut);
  std::size_t before = 0;
  for (const std::size_t length : {data.size() / 4, data.size() / 2, data.size() - 9}) {
    const Trace trace = read(data.substr(0, length));
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
  EXPECT_TRUE(read(check_cut).is_cut);
  EXPECT_EQ(read(check_cut).cut_lines, 0U);
  EXPECT_EQ(read(check_cut).devices[0].events.size(), 5000U);
  for (const std::size_t length : {2U, 10U, 30U}) {
    EXPECT_TRUE(names(message_of([&] { static_cast<void>(read(data.substr(0, length))); }), {"cut off", "copy"}));
  }
}

TEST(Gzip, SnapshotsThatAreCutAreRefused) {
  const auto bytes = std::as_bytes(std::span(testing::snapshot_protocol_4));
  const std::string data = packed({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  EXPECT_EQ(read(data).format, TraceFormat::pytorch_snapshot);
  for (const std::size_t length : {data.size() / 2, data.size() - 1}) {
    EXPECT_TRUE(names(message_of([&] { static_cast<void>(read(data.substr(0, length))); }), {"cut off", "copy"}));
  }
}

}  // namespace
}  // namespace weir::replay
#else
TEST(Gzip, IsRead) { GTEST_SKIP() << "this build found no zlib"; }
#endif
