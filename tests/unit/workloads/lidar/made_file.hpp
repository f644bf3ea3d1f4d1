// LAS files made in memory, of any version and format, with records and extra dimensions, right or with a flaw: for
// the tests of what reads and joins them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/lidar/files/joint_layout.hpp"
#include "workloads/lidar/files/las_file.hpp"

namespace weir::lidar::test {

struct MadeRecord {
  std::string user;
  std::uint16_t id = 0;
  std::vector<std::byte> data;
};

inline std::vector<std::byte> bytes_of_text(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

struct MadeFile {
  std::uint8_t minor = 2, format = 0;
  std::uint32_t points = 10;
  std::vector<std::byte> descriptors = {};  ///< of the extra bytes
  std::uint16_t undescribed = 0;            ///< extra bytes beside those
  std::vector<MadeRecord> records = {};
  std::uint16_t header_bytes = 0;  ///< 0: the version's
  std::uint32_t seed = 0;          ///< of the points' bytes

  [[nodiscard]] std::uint16_t point_bytes() const {
    std::size_t bytes = point_layout(format).bytes + undescribed;
    for (std::size_t i = 0; i + descriptor_bytes <= descriptors.size(); i += descriptor_bytes) {
      bytes += dimension_bytes(descriptors.data() + i);
    }
    return static_cast<std::uint16_t>(bytes);
  }
  [[nodiscard]] std::uint16_t header() const { return header_bytes != 0 ? header_bytes : standard_header_bytes(minor); }

  [[nodiscard]] std::vector<std::byte> bytes() const {
    std::vector<MadeRecord> all = records;
    if (!descriptors.empty()) all.push_back({"LASF_Spec", 4, descriptors});
    std::vector<std::byte> file(header());
    for (const MadeRecord& record : all) {
      std::byte head[54] = {};
      std::memcpy(head + 2, record.user.data(), std::min<std::size_t>(record.user.size(), 16));
      write_number(head + 18, record.id);
      write_number(head + 20, static_cast<std::uint16_t>(record.data.size()));
      file.insert(file.end(), head, head + sizeof head);
      file.insert(file.end(), record.data.begin(), record.data.end());
    }
    const auto first = static_cast<std::uint32_t>(file.size());
    for (std::uint32_t i = 0; i < points; ++i) add_point(file, i);
    std::byte* const to = file.data();
    std::memcpy(to, "LASF", 4);
    write_number<std::uint8_t>(to + 24, 1);
    write_number(to + 25, minor);
    write_number(to + 94, header());
    write_number(to + 96, first);
    write_number(to + 100, static_cast<std::uint32_t>(all.size()));
    write_number(to + 104, format);
    write_number(to + 105, point_bytes());
    write_number(to + 107, points);
    for (std::size_t axis = 0; axis < 3; ++axis) write_number(to + 131 + 8 * axis, 0.01);
    if (header() >= 375) write_number<std::uint64_t>(to + 247, points);
    return file;
  }

 private:
  /// Coordinates are small, all other bytes tell the point and the place.
  void add_point(std::vector<std::byte>& file, std::uint32_t i) const {
    const std::size_t at = file.size();
    for (std::size_t b = 0; b < point_bytes(); ++b) file.push_back(static_cast<std::byte>(seed + i * 31 + b * 7));
    for (std::size_t axis = 0; axis < 3; ++axis) {
      write_number(file.data() + at + 4 * axis, static_cast<std::int32_t>((i * (axis + 3)) % 17 + seed));
    }
    write_number<std::uint8_t>(file.data() + at + 14, format >= 6 ? 0x11 : 0x09);
  }
};

inline std::vector<std::byte> float_dimensions(std::initializer_list<const char*> names) {
  std::vector<std::byte> all;
  for (const char* name : names) append_descriptor(all, 9, 0, name, "of the input");
  return all;
}

}  // namespace weir::lidar::test
