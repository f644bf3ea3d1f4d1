// Unpacks a block of a recording. Whatever the bytes are, it gives records within the
// format's bounds or says that the block is damaged; it reads nothing beyond the block.
// Used by readers of files and by the ring, when it forgets a block.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "monitor/bytes.hpp"
#include "monitor/format.hpp"
#include "track/event.hpp"

namespace weir::monitor {

struct FileHeader {
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
  std::uint32_t header_bytes = 0;
  FileStart start;
};

/// Empty where it is none, cut or damaged. The version is the caller's to look at.
[[nodiscard]] std::optional<FileHeader> read_file_header(std::span<const char> bytes) noexcept;

struct BlockHeader {
  std::uint32_t sum = 0;
  std::uint32_t payload_bytes = 0;
  std::uint16_t kind = 0;
  std::uint16_t pool = 0;
  std::uint32_t records = 0;
  std::uint32_t number = 0;
  std::uint64_t first_time = 0;
};

/// Of block_header_bytes. Empty for a wrong magic number, or a payload past max_payload_bytes.
[[nodiscard]] std::optional<BlockHeader> read_block_header(std::span<const char> bytes) noexcept;
/// Whether the whole block, header and payload, is what was written.
[[nodiscard]] bool is_intact(std::span<const char> block) noexcept;

/// One record: an event, or the naming of a tag.
struct Record {
  track::Event event;
  bool is_name = false;
  std::string_view name;  ///< of event.tag; valid while the block is
};

class RecordReader {
 public:
  RecordReader(ByteReader payload, std::uint64_t first_time) noexcept : bytes_(payload) { last_.time = first_time; }

  /// False at the end, and where the block is damaged.
  [[nodiscard]] bool next(Record& record) noexcept;
  [[nodiscard]] bool damaged() const noexcept { return !bytes_.good(); }
  /// Records of kinds that this version does not know.
  [[nodiscard]] std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  void read_fields(Layout layout, track::Event& event) noexcept;

  ByteReader bytes_;
  track::Event last_;
  std::uint64_t skipped_ = 0;
};

/// Calls `visit(Count number, value)` for each count; false where the block is damaged.
template <class Visit>
[[nodiscard]] bool read_counts(ByteReader& bytes, Visit visit) {
  const std::uint64_t counts = bytes.varint(max_counts);
  for (std::uint64_t i = 0; i < counts && bytes.good(); ++i) {
    const std::uint64_t key = bytes.varint();
    const std::uint64_t value = bytes.varint();
    if (bytes.good() && key <= UINT8_MAX) visit(static_cast<Count>(key), value);
  }
  return bytes.good();
}

}  // namespace weir::monitor
