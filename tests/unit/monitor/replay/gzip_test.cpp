// Gzip data are read as they lie, in members and pieces of any size, and what is
// damaged, cut off or too much is refused.
#include "monitor/replay/gzip.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include <weir/errors.hpp>

#include "message_of.hpp"
#include "monitor/replay/read_trace.hpp"
#include "trace_facts.hpp"

#if __has_include(<zlib.h>)
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
GzipReader::Source source_of(std::string_view data, std::size_t piece) {
  return [data, piece](std::span<char> room) mutable {
    const std::size_t count = data.copy(room.data(), std::min(room.size(), piece));
    data.remove_prefix(count);
    return count;
  };
}

std::string unpack(std::string_view data, std::size_t piece, std::size_t room_bytes) {
  GzipReader reader(source_of(data, piece));
  std::string all;
  std::string room(room_bytes, '\0');
  while (const std::size_t count = reader.read(room)) all.append(room, 0, count);
  return all;
}

const std::string text = [] {
  std::string made;
  for (int i = 0; i < 20'000; ++i) made += std::to_string(i * i) + ",";
  return made;
}();

TEST(Gzip, InPiecesOfAnySize) {
  const std::string data = packed(text);
  for (const std::size_t piece : {1U, 7U, 1U << 16}) {
    for (const std::size_t room : {1U, 100U, 1U << 20}) EXPECT_EQ(unpack(data, piece, room), text);
  }
  EXPECT_EQ(unpack(packed(""), 100, 100), "");
}

TEST(Gzip, MembersBehindEachOtherAreOneFile) {
  EXPECT_EQ(unpack(packed("one ") + packed("") + packed("two"), 3, 100), "one two");
}

TEST(Gzip, RefusesWhatIsCutOffOrDamaged) {
  std::string data = packed(text);
  for (const std::size_t length : {std::size_t{2}, std::size_t{10}, data.size() / 2, data.size() - 1}) {
    EXPECT_TRUE(names(message_of([&] { unpack(data.substr(0, length), 100, 1000); }), {"cut off"})) << length;
  }
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 0x55);
  EXPECT_TRUE(names(message_of([&] { unpack(data, 100, 1000); }), {"damaged"}));
  EXPECT_TRUE(names(message_of([&] { unpack(packed("one") + "rest", 100, 1000); }), {"damaged"}));
}

TEST(Gzip, RefusesMoreThanAnyTrace) {
  const std::string member = packed(std::string(std::size_t{8} << 20, '\0'));
  GzipReader bomb([&](std::span<char> room) { return member.copy(room.data(), room.size()); });
  std::string room(std::size_t{1} << 20, '\0');
  std::uint64_t read = 0;
  const std::string message = message_of([&] {
    for (;;) read += bomb.read(room);
  });
  EXPECT_TRUE(names(message, {"more than 1 GiB", "unpack it first"}));
  EXPECT_LE(read, GzipReader::max_bytes);
}

TEST(Gzip, TracesAreReadPackedAsUnpacked) {
  const auto read = [](const std::string& data) { return read_trace(std::as_bytes(std::span(data))); };
  const std::string rows = "id,lower,upper,size\n0,0,1,7\n1,0,2,5\n";
  EXPECT_EQ(testing::events_text(read(packed(rows)).devices[0]), testing::events_text(read(rows).devices[0]));
  EXPECT_TRUE(names(message_of([&] { static_cast<void>(read(packed(packed(rows)))); }), {"gzip data"}));
  EXPECT_TRUE(names(message_of([&] { static_cast<void>(read(packed(""))); }), {"empty"}));
}

}  // namespace
}  // namespace weir::replay
#endif
