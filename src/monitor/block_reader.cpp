#include "monitor/block_reader.hpp"

#include "index/size_bins.hpp"
#include "monitor/checksum.hpp"

namespace weir::monitor {

namespace {

constexpr std::uint64_t max_32 = UINT32_MAX;
constexpr std::uint64_t max_16 = UINT16_MAX;

}  // namespace

std::optional<FileHeader> read_file_header(std::span<const char> bytes) noexcept {
  if (bytes.size() < file_header_bytes) return std::nullopt;
  ByteReader reader(bytes.first(file_header_bytes));
  if (reader.text(file_magic.size()) != file_magic) return std::nullopt;
  FileHeader header;
  header.major = reader.fixed<std::uint16_t>();
  header.minor = reader.fixed<std::uint16_t>();
  header.header_bytes = reader.fixed<std::uint32_t>();
  header.start.wall_time = reader.fixed<std::uint64_t>();
  header.start.steady_time = reader.fixed<std::uint64_t>();
  header.start.process = reader.fixed<std::uint32_t>();
  header.start.from_ring = (reader.fixed<std::uint32_t>() & static_cast<std::uint32_t>(FileFlag::from_ring)) != 0;
  static_cast<void>(reader.fixed<std::uint32_t>());
  const auto sum = reader.fixed<std::uint32_t>();
  // A later version may have a longer header; what is here stays where it is.
  if (sum != checksum(bytes.first(file_header_bytes - sizeof(sum)))) return std::nullopt;
  if (header.header_bytes < file_header_bytes || header.header_bytes > max_file_header_bytes) return std::nullopt;
  return header;
}

std::optional<BlockHeader> read_block_header(std::span<const char> bytes) noexcept {
  if (bytes.size() < block_header_bytes) return std::nullopt;
  ByteReader reader(bytes.first(block_header_bytes));
  if (reader.fixed<std::uint32_t>() != block_magic) return std::nullopt;
  BlockHeader header;
  header.sum = reader.fixed<std::uint32_t>();
  header.payload_bytes = reader.fixed<std::uint32_t>();
  header.kind = reader.fixed<std::uint16_t>();
  header.pool = reader.fixed<std::uint16_t>();
  header.records = reader.fixed<std::uint32_t>();
  header.number = reader.fixed<std::uint32_t>();
  header.first_time = reader.fixed<std::uint64_t>();
  if (header.payload_bytes > max_payload_bytes) return std::nullopt;
  return header;
}

bool is_intact(std::span<const char> block) noexcept {
  constexpr std::size_t summed_from = 8;  // behind the magic number and the sum
  const auto header = read_block_header(block);
  return header && block.size() == block_header_bytes + header->payload_bytes &&
         checksum(block.subspan(summed_from)) == header->sum;
}

void RecordReader::read_fields(Layout layout, track::Event& event) noexcept {
  const auto read_address = [&] {
    event.address = last_.address + static_cast<std::uint64_t>(unfold(bytes_.varint()));
    last_.address = event.address;
  };
  switch (layout) {
    case Layout::block: {
      event.block = static_cast<std::uint32_t>(bytes_.varint(max_32));
      event.bytes = bytes_.varint(max_event_bytes);
      const std::uint64_t granules =
          index::granules_for(event.bytes) + static_cast<std::uint64_t>(unfold(bytes_.varint()));
      if (granules > max_32) bytes_.fail();
      event.granules = static_cast<std::uint32_t>(granules);
      read_address();
      break;
    }
    case Layout::block_end: event.block = static_cast<std::uint32_t>(bytes_.varint(max_32)); break;
    case Layout::pages:
      event.block = static_cast<std::uint32_t>(bytes_.varint(max_32));
      event.generation = static_cast<std::uint32_t>(bytes_.varint(max_32));
      event.bytes = bytes_.varint(max_event_bytes);
      read_address();
      break;
    case Layout::transfer:
      event.block = static_cast<std::uint32_t>(bytes_.varint(max_32));
      event.bytes = bytes_.varint(max_event_bytes);
      break;
    case Layout::bytes: event.bytes = bytes_.varint(); break;  // a refused request may be as large as it likes
    case Layout::tagged_bytes: event.bytes = bytes_.varint(max_event_bytes); break;
    case Layout::unknown: bytes_.fail(); break;
  }
}

bool RecordReader::next(Record& record) noexcept {
  std::uint8_t kind = 0;
  for (;;) {
    if (bytes_.done() || !bytes_.good()) return false;
    kind = bytes_.byte();
    if (kind < first_long_record) break;
    static_cast<void>(bytes_.text(bytes_.varint(max_payload_bytes)));
    if (bytes_.good()) ++skipped_;
  }
  record = {};
  track::Event& event = record.event;
  const std::uint8_t bits = bytes_.byte();
  event.way = static_cast<track::EventWay>(bits & way_bits);
  last_.time += static_cast<std::uint64_t>(unfold(bytes_.varint()));
  if ((bits & same_thread) == 0) last_.thread = static_cast<std::uint16_t>(bytes_.varint(max_16));
  if ((bits & same_stream) == 0) last_.stream = static_cast<std::uint32_t>(bytes_.varint(max_32));
  if ((bits & same_tag) == 0) last_.tag = static_cast<std::uint32_t>(bytes_.varint(max_32));
  event.time = last_.time;
  event.thread = last_.thread;
  event.stream = last_.stream;
  event.tag = last_.tag;
  if (kind == name_record) {
    record.is_name = true;
    event.tag = static_cast<std::uint32_t>(bytes_.varint(max_32));
    record.name = bytes_.text(bytes_.varint(max_text_bytes));
  } else {
    event.kind = static_cast<track::EventKind>(kind);
    read_fields(layout_of(kind), event);
  }
  return bytes_.good();
}

}  // namespace weir::monitor
