// Blocks of a recording: what is written is what is read, of every kind of event; a changed bit
// anywhere is seen; and a payload that is not one is refused without reading beyond it.
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "monitor/block_reader.hpp"
#include "monitor/block_writer.hpp"
#include "monitor/checksum.hpp"

namespace weir::monitor {
namespace {

using track::Event;
using track::EventKind;
using track::EventWay;

std::span<const char> chars(const std::string& text) { return {text.data(), text.size()}; }

TEST(Checksum, IsThatOfZlib) {
  EXPECT_EQ(checksum(chars("123456789")), 0xCBF43926u);
  EXPECT_EQ(checksum(chars("")), 0u);
  const std::string text = "the same in parts as in one piece, whatever the parts";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::uint32_t first = checksum(chars(text).first(cut));
    EXPECT_EQ(checksum(chars(text).subspan(cut), first), checksum(chars(text)));
  }
}

TEST(Bytes, GiveEveryNumberBack) {
  std::vector<std::uint64_t> numbers{0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX, UINT64_MAX >> 1};
  for (int bit = 0; bit < 64; ++bit) numbers.push_back(std::uint64_t{1} << bit);
  for (const std::uint64_t number : numbers) {
    char bytes[max_varint_bytes];
    char* const end = put_varint(bytes, number);
    ByteReader reader(std::span<const char>(bytes, end));
    EXPECT_EQ(reader.varint(), number);
    EXPECT_TRUE(reader.good() && reader.done());
    EXPECT_EQ(fold(unfold(number)), number);
    for (std::size_t cut = 0; cut < static_cast<std::size_t>(end - bytes); ++cut) {
      ByteReader short_one(std::span<const char>(bytes, cut));
      static_cast<void>(short_one.varint());
      EXPECT_FALSE(short_one.good());
    }
  }
}

TEST(Bytes, RefuseNumbersPast64Bits) {
  for (const char* text :
       {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"}) {
    ByteReader reader(chars(text));
    static_cast<void>(reader.varint());
    EXPECT_FALSE(reader.good());
  }
}

/// An event as a block gives it back: without what its kind does not record.
Event kept(Event event) {
  const Layout layout = layout_of(static_cast<std::uint8_t>(event.kind));
  if (layout != Layout::pages) event.generation = 0;
  if (layout != Layout::block) event.granules = 0;
  if (layout != Layout::block && layout != Layout::pages) event.address = 0;
  if (layout == Layout::block_end) event.bytes = 0;
  if (layout == Layout::bytes || layout == Layout::tagged_bytes) event.block = 0;
  return event;
}

Event random_event(std::mt19937_64& dice, std::uint64_t time) {
  Event event;
  event.kind = static_cast<EventKind>(dice() % 14);
  event.way = static_cast<EventWay>(dice() % 13);
  event.time = time;
  event.bytes = dice() % (std::uint64_t{1} << (dice() % 50));
  event.address = dice() >> (dice() % 64);
  event.block = static_cast<std::uint32_t>(dice() >> (32 + dice() % 32));
  event.generation = static_cast<std::uint32_t>(dice() % 100);
  event.granules = static_cast<std::uint32_t>(dice());
  event.tag = static_cast<std::uint32_t>(dice() % 3);
  event.stream = static_cast<std::uint32_t>(dice() % 3);
  event.thread = static_cast<std::uint16_t>(dice() % 3);
  return event;
}

struct Written {
  std::vector<Event> events;
  std::string block;
};

Written write_block(std::uint64_t seed) {
  std::mt19937_64 dice(seed);
  Written written;
  BlockWriter writer;
  std::uint64_t time = dice();
  while (!writer.full()) {
    time += dice() % 5000 - dice() % 100;  // now and then one is late
    written.events.push_back(random_event(dice, time));
    writer.add(written.events.back());
  }
  const auto whole = writer.finish(BlockKind::events, 7, 9);
  written.block.assign(whole.begin(), whole.end());
  return written;
}

TEST(Blocks, GiveEveryEventBack) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Written written = write_block(seed);
    ASSERT_TRUE(is_intact(chars(written.block)));
    const auto header = read_block_header(chars(written.block));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->pool, 7u);
    EXPECT_EQ(header->number, 9u);
    EXPECT_EQ(header->records, written.events.size());
    RecordReader reader(ByteReader(chars(written.block).subspan(block_header_bytes)), header->first_time);
    Record record;
    for (const Event& event : written.events) {
      ASSERT_TRUE(reader.next(record));
      const Event expected = kept(event);
      EXPECT_EQ(record.event.time, expected.time);
      EXPECT_EQ(record.event.kind, expected.kind);
      EXPECT_EQ(record.event.way, expected.way);
      EXPECT_EQ(record.event.thread, expected.thread);
      EXPECT_EQ(record.event.stream, expected.stream);
      EXPECT_EQ(record.event.block, expected.block);
      EXPECT_EQ(record.event.bytes, expected.bytes);
      EXPECT_EQ(record.event.granules, expected.granules);
      EXPECT_EQ(record.event.generation, expected.generation);
      EXPECT_EQ(record.event.address, expected.address);
      const Layout layout = layout_of(static_cast<std::uint8_t>(event.kind));
      if (layout == Layout::block || layout == Layout::tagged_bytes) {
        EXPECT_EQ(record.event.tag, expected.tag);
      }
    }
    EXPECT_FALSE(reader.next(record));
    EXPECT_FALSE(reader.damaged());
  }
}

TEST(Blocks, GiveNamesBackBetweenEvents) {
  BlockWriter writer;
  writer.add({.time = 5, .bytes = 600, .granules = 2, .tag = 3});
  writer.add_name(4, "edges", 6);
  writer.add({.time = 7, .bytes = 600, .granules = 2, .tag = 4});
  const auto block = writer.finish(BlockKind::events, 1, 0);
  RecordReader reader(ByteReader(block.subspan(block_header_bytes)), read_block_header(block)->first_time);
  Record record;
  ASSERT_TRUE(reader.next(record));
  EXPECT_EQ(record.event.tag, 3u);
  ASSERT_TRUE(reader.next(record));
  EXPECT_TRUE(record.is_name);
  EXPECT_EQ(record.event.tag, 4u);
  EXPECT_EQ(record.name, "edges");
  ASSERT_TRUE(reader.next(record));
  EXPECT_FALSE(record.is_name);
  EXPECT_EQ(record.event.tag, 4u);
  EXPECT_EQ(record.event.time, 7u);
  EXPECT_EQ(record.event.bytes, 600u);
}

TEST(Blocks, AChangedBitIsSeen) {
  const Written written = write_block(4);
  for (std::size_t byte = 0; byte < written.block.size(); byte += byte < 64 ? 1 : 97) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = written.block;
      changed[byte] = static_cast<char>(static_cast<unsigned char>(changed[byte]) ^ (1U << bit));
      EXPECT_FALSE(is_intact(chars(changed))) << "byte " << byte << " bit " << bit;
    }
  }
  EXPECT_FALSE(is_intact(chars(written.block.substr(0, written.block.size() - 1))));
}

TEST(Blocks, RecordsOfLaterVersionsAreSkipped) {
  BlockWriter writer;
  writer.add({.time = 5, .bytes = 1, .kind = EventKind::refuse});
  const auto block = writer.finish(BlockKind::events, 1, 0);
  const std::string known(block.begin() + block_header_bytes, block.end());
  const std::string unknown = std::string("\x90\x03", 2) + "xyz";
  for (const std::string& payload : {unknown + known, known + unknown, unknown + unknown + known}) {
    RecordReader reader(ByteReader(chars(payload)), 5);
    Record record;
    ASSERT_TRUE(reader.next(record));
    EXPECT_EQ(record.event.kind, EventKind::refuse);
    EXPECT_EQ(record.event.time, 5u);
    EXPECT_FALSE(reader.next(record));
    EXPECT_FALSE(reader.damaged());
    EXPECT_GE(reader.skipped(), 1u);
  }
}

// Also for the sanitizers: any bytes are records or damage, and the end is always reached.
TEST(Blocks, AnyBytesAreRecordsOrDamage) {
  std::mt19937_64 dice(5);
  const Written written = write_block(6);
  for (int round = 0; round < 2000; ++round) {
    std::string payload = written.block.substr(block_header_bytes, dice() % 2000);
    for (std::uint64_t change = 0; change < dice() % 8 && !payload.empty(); ++change) {
      payload[dice() % payload.size()] = static_cast<char>(dice());
    }
    RecordReader reader(ByteReader(chars(payload)), dice());
    Record record;
    std::size_t records = 0;
    while (reader.next(record)) ++records;
    EXPECT_LE(records, payload.size());
  }
}

TEST(FileHeader, IsReadAsWrittenAndAChangedBitIsSeen) {
  const std::string header = file_header(starting_now(true));
  ASSERT_EQ(header.size(), file_header_bytes);
  const auto known = read_file_header(chars(header));
  ASSERT_TRUE(known);
  EXPECT_EQ(known->major, format_major);
  EXPECT_TRUE(known->start.from_ring);
  EXPECT_NE(known->start.wall_time, 0u);
  for (std::size_t byte = 0; byte < header.size(); ++byte) {
    std::string changed = header;
    changed[byte] = static_cast<char>(changed[byte] ^ 4);
    EXPECT_FALSE(read_file_header(chars(changed))) << byte;
  }
}

}  // namespace
}  // namespace weir::monitor
