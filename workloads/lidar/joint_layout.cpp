#include "joint_layout.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

constexpr std::size_t options_at = 3, name_at = 4, name_bytes = 32, text_at = 160, text_bytes = 32;
// Of a descriptor: what says how a value is read. The least and largest value between them differ by tile.
constexpr std::size_t no_data_at = 40, no_data_end = 64, scale_at = 112, scale_end = 160;

[[noreturn]] void refuse(const LasFile& file, const std::string& field, const std::string& what) {
  throw InvalidArgument(file.path() + ": " + field + ": " + what, {.name = field});
}

std::size_t standard_bytes(const LasFile& file) noexcept { return point_layout(file.header().format).bytes; }

bool alike(const LasFile& one, const LasFile& other) noexcept {
  return one.header().format == other.header().format && one.header().point_bytes == other.header().point_bytes &&
         std::ranges::equal(one.descriptors(), other.descriptors());
}

/// That the files' formats have fields in common, and nothing is lost that cannot be.
void check_formats(const LasFile& one, const LasFile& other) {
  const std::uint8_t a = one.header().format, b = other.header().format;
  if (a == b) return;
  const auto waves = [](std::uint8_t format) { return format == 4 || format == 5 || format == 9 || format == 10; };
  const std::string both = std::to_string(b) + "; " + one.path() + " has " + std::to_string(a);
  if (waves(a) || waves(b)) refuse(other, "point data format", both + ", and waveforms cannot be left out");
  if (point_layout(a).extended != point_layout(b).extended) {
    refuse(other, "point data format",
           both +
               ", which keeps classes and flags in another way; bring one to the other's, as with `pdal translate "
               "IN.las OUT.las --writers.las.dataformat_id=" +
               std::to_string(a) + "`");
  }
}

/// The format whose fields both have, of two that passed check_formats().
std::uint8_t common_format(std::uint8_t one, std::uint8_t other) noexcept {
  if (one == other) return one;
  if (point_layout(one).extended) return std::min(one, other);  // each of 6, 7 and 8 has what the one before has
  return one & other;                                           // of 0 to 3: one bit for the time, one for colours
}

struct Dimension {
  const std::byte* descriptor;
  std::uint16_t at;
};

/// The described dimensions of a file, and where its points have them.
std::vector<Dimension> dimensions_of(const LasFile& file) {
  std::vector<Dimension> all;
  std::size_t at = standard_bytes(file);
  for (std::size_t i = 0; i < file.descriptors().size(); i += descriptor_bytes) {
    const std::byte* const descriptor = file.descriptors().data() + i;
    all.push_back({descriptor, static_cast<std::uint16_t>(at)});
    at += dimension_bytes(descriptor);
  }
  return all;
}

bool same_dimension(const std::byte* one, const std::byte* other) noexcept {
  const auto equal = [&](std::size_t from, std::size_t to) {
    return std::memcmp(one + from, other + from, to - from) == 0;
  };
  return equal(2, options_at + 1) && dimension_name(one) == dimension_name(other) && equal(no_data_at, no_data_end) &&
         equal(scale_at, scale_end);
}

std::optional<Dimension> find(const std::vector<Dimension>& all, const std::byte* wanted) noexcept {
  const auto found =
      std::ranges::find_if(all, [&](const Dimension& each) { return same_dimension(each.descriptor, wanted); });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

/// The format's own fields that both formats have.
std::vector<FieldCopy> standard_copies(std::uint8_t from, std::uint8_t to) {
  const PointLayout &source = point_layout(from), &target = point_layout(to);
  if (from == to || target.extended) return {{0, 0, target.bytes}};
  const auto at = [](int offset) { return static_cast<std::uint16_t>(offset); };
  std::vector<FieldCopy> copies{{0, 0, 20}};
  if (target.gps_time >= 0) copies.push_back({at(source.gps_time), at(target.gps_time), 8});
  if (target.colour >= 0) copies.push_back({at(source.colour), at(target.colour), 6});
  return copies;
}

/// All of the points, and what nobody describes said to be that: readers would take it for what comes after.
void keep_all(std::span<const LasFile> files, JointLayout& layout) {
  const LasFile& first = files.front();
  layout.bytes = first.header().point_bytes;
  layout.descriptors.assign(first.descriptors().begin(), first.descriptors().end());
  std::size_t rest = layout.bytes - standard_bytes(first) - first.described_bytes();
  while (rest != 0) {
    const std::size_t bytes = std::min<std::size_t>(rest, UINT8_MAX);
    append_descriptor(layout.descriptors, 0, static_cast<std::uint8_t>(bytes), "", "undocumented");
    rest -= bytes;
  }
  layout.copies.assign(files.size(), {{0, 0, layout.bytes}});
}

void keep_common(std::span<const LasFile> files, JointLayout& layout) {
  std::vector<std::vector<Dimension>> dimensions;
  for (const LasFile& file : files) {
    layout.copies.push_back(standard_copies(file.header().format, layout.format));
    dimensions.push_back(dimensions_of(file));
    if (file.header().format != layout.format) {
      layout.dropped.push_back(file.path() + ": point format " + std::to_string(file.header().format) + " becomes " +
                               std::to_string(layout.format) + ", which all files have the fields of");
    }
    if (file.header().point_bytes - standard_bytes(file) > file.described_bytes()) {
      layout.dropped.push_back(file.path() + ": extra bytes that nothing describes are left out");
    }
  }
  layout.bytes = point_layout(layout.format).bytes;
  for (const Dimension& each : dimensions.front()) {
    const auto lacks = std::ranges::find_if(dimensions, [&](const auto& all) { return !find(all, each.descriptor); });
    if (lacks != dimensions.end()) continue;
    const auto bytes = static_cast<std::uint16_t>(dimension_bytes(each.descriptor));
    for (std::size_t f = 0; f < files.size(); ++f) {
      layout.copies[f].push_back({find(dimensions[f], each.descriptor)->at, layout.bytes, bytes});
    }
    layout.bytes = static_cast<std::uint16_t>(layout.bytes + bytes);
    layout.descriptors.insert(layout.descriptors.end(), each.descriptor, each.descriptor + descriptor_bytes);
  }
  for (std::size_t f = 0; f < files.size(); ++f) {
    std::string names;
    for (const Dimension& each : dimensions[f]) {
      const auto common = [&](const auto& all) { return find(all, each.descriptor).has_value(); };
      if (!std::ranges::all_of(dimensions, common)) {
        names += (names.empty() ? "\"" : ", \"") + std::string(dimension_name(each.descriptor)) + '"';
      }
    }
    if (!names.empty()) {
      layout.dropped.push_back(files[f].path() + ": extra dimensions that not all files have are left out: " + names);
    }
  }
}

}  // namespace

std::string_view dimension_name(const std::byte* descriptor) noexcept {
  const auto* text = reinterpret_cast<const char*>(descriptor + name_at);
  return {text, ::strnlen(text, name_bytes)};
}

std::size_t dimension_bytes(const std::byte* descriptor) noexcept {
  return extra_type_bytes(read_number<std::uint8_t>(descriptor + 2),
                          read_number<std::uint8_t>(descriptor + options_at));
}

void append_descriptor(std::vector<std::byte>& all, std::uint8_t type, std::uint8_t options, std::string_view name,
                       std::string_view text) {
  std::vector<std::byte> one(descriptor_bytes);
  write_number(one.data() + 2, type);
  write_number(one.data() + options_at, options);
  std::memcpy(one.data() + name_at, name.data(), std::min(name.size(), name_bytes));
  std::memcpy(one.data() + text_at, text.data(), std::min(text.size(), text_bytes));
  all.insert(all.end(), one.begin(), one.end());
}

JointLayout join_layouts(std::span<const LasFile> files) {
  const LasFile& first = files.front();
  JointLayout layout;
  layout.format = first.header().format;
  for (const LasFile& file : files) {
    check_formats(first, file);
    layout.format = common_format(layout.format, file.header().format);
  }
  if (std::ranges::all_of(files, [&](const LasFile& file) { return alike(first, file); })) {
    keep_all(files, layout);
  } else {
    keep_common(files, layout);
  }
  return layout;
}

}  // namespace weir::lidar
