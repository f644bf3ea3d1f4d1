#include "workloads/lidar/files/joint_layout.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include <weir/errors.hpp>

#include "workloads/lidar/files/printable.hpp"

namespace weir::lidar {
namespace {

constexpr std::size_t options_at = 3, name_at = 4, name_bytes = 32, text_at = 160, text_bytes = 32;
// Of a descriptor: what says how a value is read. The least and largest value between them differ by tile.
constexpr std::size_t no_data_end = 64, scale_at = 112, scale_end = 160;
constexpr std::size_t least_at = 64, greatest_at = 88, values = 3, value_bytes = 8;
constexpr unsigned has_least = 1U << 1, has_greatest = 1U << 2;
constexpr std::size_t max_names = 8;  // in a note

std::size_t standard_bytes(const LasFile& file) noexcept { return point_layout(file.header().format).bytes; }

/// That the files' formats have fields in common, and nothing is lost that cannot be.
void check_formats(const LasFile& one, const LasFile& other) {
  const std::uint8_t a = one.header().format, b = other.header().format;
  if (a == b) return;
  const auto waves = [](std::uint8_t format) { return format == 4 || format == 5 || format == 9 || format == 10; };
  const std::string both = std::to_string(b) + "; " + one.path() + " has " + std::to_string(a);
  if (waves(a) || waves(b))
    refuse(other, "point data format", both + "; files with waveforms cannot be joined with others");
  if (point_layout(a).extended != point_layout(b).extended) {
    refuse(other, "point data format",
           both +
               ", which stores classes and flags differently; convert one to the other, as with `pdal translate "
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

std::uint8_t type_of(const std::byte* descriptor) noexcept { return read_number<std::uint8_t>(descriptor + 2); }
std::uint8_t options_of(const std::byte* descriptor) noexcept {
  return read_number<std::uint8_t>(descriptor + options_at);
}

/// What says which values a dimension has and how they are read: equal for one dimension of two tiles.
std::string meaning(const std::byte* descriptor) {
  const auto* const text = reinterpret_cast<const char*>(descriptor);
  const unsigned options = options_of(descriptor);
  const bool counted = type_of(descriptor) == 0;  // options are then a number of bytes
  std::string key{text[2], static_cast<char>(counted ? options : options & ~(has_least | has_greatest))};
  key.append(text + no_data_at, no_data_end - no_data_at).append(text + scale_at, scale_end - scale_at);
  return key.append(dimension_name(descriptor));
}

struct Dimension {
  const std::byte* descriptor;
  std::uint16_t at;
  std::string key;  ///< its meaning and which of several alike it is; empty where no name tells it from others
};

/// The described dimensions of a file, and where its points have them.
std::vector<Dimension> dimensions_of(const LasFile& file) {
  std::vector<Dimension> all;
  std::map<std::string, std::uint16_t> known;
  std::size_t at = standard_bytes(file);
  for (std::size_t i = 0; i < file.descriptors().size(); i += descriptor_bytes) {
    const std::byte* const descriptor = file.descriptors().data() + i;
    std::string key = dimension_name(descriptor).empty() ? std::string() : meaning(descriptor);
    if (!key.empty()) key += '\0' + std::to_string(known[key]++);
    all.push_back({descriptor, static_cast<std::uint16_t>(at), std::move(key)});
    at += dimension_bytes(descriptor);
  }
  return all;
}

/// Whether points have the same bytes with the same meaning, each at its place.
bool alike(const LasFile& one, const LasFile& other) {
  if (one.header().format != other.header().format || one.header().point_bytes != other.header().point_bytes ||
      one.descriptors().size() != other.descriptors().size()) {
    return false;
  }
  for (std::size_t i = 0; i < one.descriptors().size(); i += descriptor_bytes) {
    if (meaning(one.descriptors().data() + i) != meaning(other.descriptors().data() + i)) return false;
  }
  return true;
}

template <class T>
void join_bound(std::byte* joint, const std::byte* other, bool least) noexcept {
  const T one = read_number<T>(joint), two = read_number<T>(other);
  if (least ? two < one : two > one) write_number(joint, two);
}

/// The least and the greatest value that a joint descriptor has, brought to hold for another file's points too.
void join_bounds(std::byte* joint, const std::byte* other) noexcept {
  const unsigned type = type_of(joint), kind = (type - 1) % 10;  // 9 and 10 are floats; of others the odd are unsigned
  if (type == 0) return;
  for (const unsigned bit : {has_least, has_greatest}) {
    const bool least = bit == has_least;
    std::byte* const to = joint + (least ? least_at : greatest_at);
    const std::byte* const from = other + (least ? least_at : greatest_at);
    if ((options_of(joint) & options_of(other) & bit) == 0) {  // of some points nothing is known
      write_number(joint + options_at, static_cast<std::uint8_t>(options_of(joint) & ~bit));
      std::memset(to, 0, values * value_bytes);
      continue;
    }
    for (std::size_t at = 0; at < values * value_bytes; at += value_bytes) {
      if (kind >= 8) {
        join_bound<double>(to + at, from + at, least);
      } else if (kind % 2 == 0) {
        join_bound<std::uint64_t>(to + at, from + at, least);
      } else {
        join_bound<std::int64_t>(to + at, from + at, least);
      }
    }
  }
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
  for (const LasFile& file : files) {
    for (std::size_t i = 0; i < layout.descriptors.size(); i += descriptor_bytes) {
      join_bounds(layout.descriptors.data() + i, file.descriptors().data() + i);
    }
  }
  std::size_t rest = layout.bytes - standard_bytes(first) - first.described_bytes();
  while (rest != 0) {
    const std::size_t bytes = std::min<std::size_t>(rest, UINT8_MAX);
    append_descriptor(layout.descriptors, 0, static_cast<std::uint8_t>(bytes), "", "undocumented");
    rest -= bytes;
  }
  layout.copies.assign(files.size(), {{0, 0, layout.bytes}});
}

/// What is left out of a file, for people: the first few names.
std::string names_of(const std::vector<const Dimension*>& dimensions) {
  std::string names;
  for (std::size_t i = 0; i < std::min(dimensions.size(), max_names); ++i) {
    const std::string_view name = dimension_name(dimensions[i]->descriptor);
    names += (names.empty() ? "" : ", ") + (name.empty() ? "one without a name" : quoted(name));
  }
  if (dimensions.size() > max_names) names += " and " + std::to_string(dimensions.size() - max_names) + " more";
  return names;
}

void keep_common(std::span<const LasFile> files, JointLayout& layout) {
  std::vector<std::vector<Dimension>> dimensions;
  std::map<std::string, std::vector<const Dimension*>> by_key;  // of the files that have it, in their order
  for (const LasFile& file : files) {
    layout.copies.push_back(standard_copies(file.header().format, layout.format));
    dimensions.push_back(dimensions_of(file));
    if (file.header().format != layout.format) {
      layout.dropped.push_back(file.path() + ": point format " + std::to_string(file.header().format) + " becomes " +
                               std::to_string(layout.format) + ", whose fields all files have");
    }
    if (file.header().point_bytes - standard_bytes(file) > file.described_bytes()) {
      layout.dropped.push_back(file.path() + ": extra bytes without a description are left out");
    }
  }
  for (const auto& all : dimensions) {
    for (const Dimension& each : all) {
      if (!each.key.empty()) by_key[each.key].push_back(&each);
    }
  }
  const auto common = [&](const Dimension& each) {
    return !each.key.empty() && by_key.at(each.key).size() == files.size();
  };
  layout.bytes = point_layout(layout.format).bytes;
  for (const Dimension& each : dimensions.front()) {
    if (!common(each)) continue;
    std::vector<std::byte> descriptor(each.descriptor, each.descriptor + descriptor_bytes);
    const auto bytes = static_cast<std::uint16_t>(dimension_bytes(each.descriptor));
    for (std::size_t f = 0; f < files.size(); ++f) {
      const Dimension& of_file = *by_key.at(each.key)[f];
      layout.copies[f].push_back({of_file.at, layout.bytes, bytes});
      join_bounds(descriptor.data(), of_file.descriptor);
    }
    layout.bytes = static_cast<std::uint16_t>(layout.bytes + bytes);
    layout.descriptors.insert(layout.descriptors.end(), descriptor.begin(), descriptor.end());
  }
  for (std::size_t f = 0; f < files.size(); ++f) {
    std::vector<const Dimension*> lost;
    for (const Dimension& each : dimensions[f]) {
      if (!common(each)) lost.push_back(&each);
    }
    if (lost.empty()) continue;
    layout.dropped.push_back(files[f].path() +
                             ": extra dimensions that are not in all files are left out: " + names_of(lost));
  }
}

}  // namespace

std::string_view dimension_name(const std::byte* descriptor) noexcept {
  const auto* text = reinterpret_cast<const char*>(descriptor + name_at);
  return {text, ::strnlen(text, name_bytes)};
}

std::size_t dimension_bytes(const std::byte* descriptor) noexcept {
  return extra_type_bytes(type_of(descriptor), options_of(descriptor));
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
