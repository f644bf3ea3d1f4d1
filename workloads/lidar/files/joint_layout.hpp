// The points' layout that all files of a cloud can be brought to: the fields and extra dimensions that all have. One
// file, or files that are alike, keep theirs byte for byte. Made by the cloud, read by the writer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/lidar/files/las_file.hpp"

namespace weir::lidar {

/// A part of a file's point that becomes part of a joint one.
struct FieldCopy {
  std::uint16_t from = 0, to = 0, bytes = 0;
};

struct JointLayout {
  std::uint8_t format = 0;
  std::uint16_t bytes = 0;                     ///< of a point
  std::vector<std::byte> descriptors;          ///< of all bytes behind the format's own
  std::vector<std::vector<FieldCopy>> copies;  ///< by file
  std::vector<std::string> dropped;            ///< what not all files have, a sentence each
};

/// Throws InvalidArgument naming the file and the field that cannot be brought together.
[[nodiscard]] JointLayout join_layouts(std::span<const LasFile> files);

/// One extra dimension, as its descriptor has it.
[[nodiscard]] std::string_view dimension_name(const std::byte* descriptor) noexcept;
[[nodiscard]] std::size_t dimension_bytes(const std::byte* descriptor) noexcept;
/// A descriptor of 192 bytes; `text` is at most 32 bytes, and so is the name.
void append_descriptor(std::vector<std::byte>& all, std::uint8_t type, std::uint8_t options, std::string_view name,
                       std::string_view text);

}  // namespace weir::lidar
