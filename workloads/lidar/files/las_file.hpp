// A LAS file, 1.0 to 1.4, point formats 0 to 10, memory-mapped. What the header claims is checked against the
// file's size before anything is used, so that a point, once asked for by an index below points(), is there. Flaws
// beside the points that other readers pass over are passed over too, and told.
// LAZ and COPC are refused. Thread-safe: nothing changes after the constructor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/lidar/files/mapped_file.hpp"

namespace weir::lidar {

/// Reads a little-endian number; LAS has no other, nor do the machines that this runs on.
template <class T>
[[nodiscard]] T read_number(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}
template <class T>
void write_number(std::byte* at, T value) noexcept {
  std::memcpy(at, &value, sizeof(T));
}

struct LasHeader {
  std::uint8_t minor = 4;  ///< of version 1.x
  std::uint16_t header_bytes = 0;
  std::uint16_t standard_bytes = 0;  ///< of it: what the version has, or what is there of that
  std::uint16_t global_encoding = 0;
  std::uint32_t point_offset = 0;
  std::uint32_t record_count = 0;  ///< variable length records
  std::uint8_t format = 0;
  std::uint16_t point_bytes = 0;
  std::uint64_t points = 0;
  std::array<double, 3> scale{}, offset{};
  std::uint64_t waveform_offset = 0;
  std::uint64_t extended_offset = 0;
  std::uint32_t extended_count = 0;
};

/// A variable length record, extended or not: its header's fields and a view of what it holds.
struct LasRecord {
  std::uint16_t reserved = 0;
  std::array<char, 16> user{};
  std::uint16_t id = 0;
  std::array<char, 32> text{};
  std::span<const std::byte> data;
  std::uint64_t file_offset = 0;  ///< of its header

  [[nodiscard]] bool is(std::string_view user_id, std::uint16_t record_id) const noexcept;
};

/// Where the fields of a point format are.
struct PointLayout {
  std::uint16_t bytes;  ///< of a record without extra bytes
  int colour;           ///< offset of red, or -1
  int infrared;         ///< offset, or -1
  int gps_time;         ///< offset, or -1
  bool extended;        ///< formats 6 to 10
};
inline constexpr std::uint8_t max_format = 10;
[[nodiscard]] const PointLayout& point_layout(std::uint8_t format) noexcept;

/// Bytes of one described extra dimension; its descriptor is 192 bytes.
inline constexpr std::size_t descriptor_bytes = 192;
/// Where a descriptor has the value that stands for none.
inline constexpr std::size_t no_data_at = 40;
[[nodiscard]] std::size_t extra_type_bytes(std::uint8_t type, std::uint8_t options) noexcept;

/// Bytes before the data of a variable length record, and of an extended one.
inline constexpr std::uint64_t record_header = 54, extended_header = 60;

enum class Reading : std::uint8_t {
  tolerant,  ///< flaws that leave the points as they are are passed over, and kept in flaws()
  strict,    ///< they are errors
};

class LasFile {
 public:
  /// Throws ParseError naming the file and the field that is wrong, Unsupported for LAZ and COPC, NotFound.
  explicit LasFile(const std::string& path, Reading reading = Reading::tolerant);
  /// The same for bytes that are in memory, which outlive it; `path` is for messages.
  LasFile(std::string path, std::span<const std::byte> bytes, Reading reading = Reading::tolerant);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// What is wrong with the file and what was made of it, a sentence each that begins with the field.
  [[nodiscard]] const std::vector<std::string>& flaws() const noexcept { return flaws_; }
  [[nodiscard]] const LasHeader& header() const noexcept { return header_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t points() const noexcept { return header_.points; }
  [[nodiscard]] const std::vector<LasRecord>& records() const noexcept { return records_; }
  [[nodiscard]] const std::vector<LasRecord>& extended_records() const noexcept { return extended_; }
  /// Between the standard header and the first record, and between the last record and the points.
  [[nodiscard]] std::span<const std::byte> header_tail() const noexcept;
  [[nodiscard]] std::span<const std::byte> gap() const noexcept { return gap_; }
  /// The descriptors of extra dimensions, 192 bytes each, of all records that have some. Each is of at least a byte,
  /// and all fit the points' extra bytes.
  [[nodiscard]] std::span<const std::byte> descriptors() const noexcept { return descriptors_; }
  /// Bytes of a point that they describe, from the first extra one on.
  [[nodiscard]] std::size_t described_bytes() const noexcept { return described_bytes_; }

  [[nodiscard]] const std::byte* point(std::uint64_t index) const noexcept {
    return bytes_.data() + header_.point_offset + index * header_.point_bytes;
  }
  [[nodiscard]] std::array<std::int32_t, 3> position(std::uint64_t index) const noexcept {
    const std::byte* at = point(index);
    return {read_number<std::int32_t>(at), read_number<std::int32_t>(at + 4), read_number<std::int32_t>(at + 8)};
  }
  [[nodiscard]] std::uint8_t classification(std::uint64_t index) const noexcept;
  [[nodiscard]] std::uint8_t return_number(std::uint64_t index) const noexcept;

 private:
  void parse();
  void parse_header();
  void check_points() const;
  void parse_records();
  void parse_extended();
  /// Its header and data are in the file.
  [[nodiscard]] LasRecord record_at(std::uint64_t place, std::uint64_t header_bytes, std::uint64_t length) const;
  struct DescriptorCounts {
    std::uint64_t all = 0, empty = 0, beyond = 0;  ///< of no bytes; past the points' extra bytes
  };
  void parse_extra();
  void add_descriptor(const std::byte* descriptor, DescriptorCounts& counts);
  /// Of a point, behind its format's own.
  [[nodiscard]] std::size_t extra_bytes() const noexcept;
  /// Of the header: as much as there is of what the version has.
  void measure_header();
  /// An error, or a sentence in flaws().
  void flaw(const std::string& field, const std::string& what, const std::string& made_of_it);
  [[noreturn]] void fail(const std::string& field, const std::string& what) const;
  template <class T>
  [[nodiscard]] T at(std::uint64_t offset) const noexcept {
    return read_number<T>(bytes_.data() + offset);
  }

  std::string path_;
  Reading reading_;
  std::vector<std::string> flaws_;
  std::vector<MappedFile> file_;  // none where the bytes are another's
  std::span<const std::byte> bytes_;
  LasHeader header_;
  std::vector<LasRecord> records_, extended_;
  std::span<const std::byte> gap_;
  std::vector<std::byte> descriptors_;
  std::size_t described_bytes_ = 0;
};

/// Bytes of the standard header of version 1.`minor`.
[[nodiscard]] std::uint16_t standard_header_bytes(std::uint8_t minor) noexcept;

/// Throws InvalidArgument about a part of a file that cannot be used with others.
[[noreturn]] void refuse(const LasFile& file, const std::string& part, const std::string& what);

}  // namespace weir::lidar
