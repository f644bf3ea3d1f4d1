#include "workloads/lidar/files/las_file.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

constexpr std::uint16_t internal_waveform = 1u << 1;

constexpr std::array<PointLayout, max_format + 1> layouts{{
    {20, -1, -1, -1, false},
    {28, -1, -1, 20, false},
    {26, 20, -1, -1, false},
    {34, 28, -1, 20, false},
    {57, -1, -1, 20, false},
    {63, 28, -1, 20, false},
    {30, -1, -1, 22, true},
    {36, 30, -1, 22, true},
    {38, 30, 36, 22, true},
    {59, -1, -1, 22, true},
    {67, 30, 36, 22, true},
}};

std::string decimal(std::uint64_t value) { return std::to_string(value); }

template <std::size_t Size>
std::string_view text_of(const std::array<char, Size>& text) noexcept {
  return {text.data(), static_cast<std::size_t>(std::find(text.begin(), text.end(), '\0') - text.begin())};
}

}  // namespace

const PointLayout& point_layout(std::uint8_t format) noexcept { return layouts[format]; }

std::size_t extra_type_bytes(std::uint8_t type, std::uint8_t options) noexcept {
  constexpr std::array<std::size_t, 10> sizes{1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
  if (type == 0) return options;
  if (type > 30) return 0;
  return sizes[(type - 1u) % 10] * (1 + (type - 1u) / 10);  // 11 to 30: arrays of two and three, of old
}

std::uint16_t standard_header_bytes(std::uint8_t minor) noexcept { return minor >= 4 ? 375 : minor == 3 ? 235 : 227; }

bool LasRecord::is(std::string_view user_id, std::uint16_t record_id) const noexcept {
  return id == record_id && text_of(user) == user_id;
}

LasFile::LasFile(const std::string& path, Reading reading) : path_(path), reading_(reading) {
  file_.emplace_back(path);
  bytes_ = file_.front().bytes();
  parse();
}

LasFile::LasFile(std::string path, std::span<const std::byte> bytes, Reading reading)
    : path_(std::move(path)), reading_(reading), bytes_(bytes) {
  parse();
}

void LasFile::fail(const std::string& field, const std::string& what) const {
  throw ParseError(path_ + ": " + field + ": " + what, {.name = field});
}

void LasFile::flaw(const std::string& field, const std::string& what, const std::string& made_of_it) {
  if (reading_ == Reading::strict) fail(field, what);
  flaws_.push_back(field + ": " + what + "; " + made_of_it);
}

void LasFile::parse() {
  parse_header();
  parse_records();
  check_points();
  parse_extended();
  parse_extra();
}

void LasFile::parse_header() {
  const std::uint64_t size = bytes_.size();
  if (size < 4 || std::memcmp(bytes_.data(), "LASF", 4) != 0)
    fail("file signature", "it is not LASF; this is not a LAS file");
  if (size < 227) fail("header", "the file has " + decimal(size) + " bytes; a LAS header has at least 227");
  const auto major = at<std::uint8_t>(24);
  header_.minor = at<std::uint8_t>(25);
  if (major != 1 || header_.minor > 4) {
    fail("version", decimal(major) + "." + decimal(header_.minor) + "; versions 1.0 to 1.4 are read");
  }
  measure_header();
  header_.global_encoding = at<std::uint16_t>(6);
  header_.point_offset = at<std::uint32_t>(96);
  header_.record_count = at<std::uint32_t>(100);
  const auto format = at<std::uint8_t>(104);
  if ((format & 0xc0u) != 0) {
    throw Unsupported(
        path_ +
            ": point data format: the points are compressed (LAZ or COPC), which weir cannot read; convert it first, "
            "with `laszip -i IN.laz -o OUT.las` or `pdal translate IN.laz OUT.las`",
        {.name = "point data format"});
  }
  if (format > max_format) fail("point data format", decimal(format) + "; formats 0 to 10 are read");
  header_.format = format;
  header_.point_bytes = at<std::uint16_t>(105);
  header_.points = at<std::uint32_t>(107);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::string name(1, static_cast<char>('x' + axis));
    header_.scale[axis] = at<double>(131 + 8 * axis);
    header_.offset[axis] = at<double>(155 + 8 * axis);
    if (!std::isfinite(header_.scale[axis]) || header_.scale[axis] <= 0) {
      fail(name + " scale factor", std::to_string(header_.scale[axis]) + "; it must be above 0");
    }
    if (!std::isfinite(header_.offset[axis])) fail(name + " offset", "not finite");
  }
  if (header_.standard_bytes >= standard_header_bytes(3)) header_.waveform_offset = at<std::uint64_t>(227);
  if (header_.standard_bytes >= standard_header_bytes(4)) {
    header_.extended_offset = at<std::uint64_t>(235);
    header_.extended_count = at<std::uint32_t>(243);
    const auto count = at<std::uint64_t>(247);
    if (count != 0 || format >= 6) header_.points = count;
  } else if (format >= 6 && header_.points == 0) {
    fail("header size", decimal(header_.header_bytes) + " bytes; points of format " + decimal(format) +
                            " need the point count of a version 1.4 header, which has at least " +
                            decimal(standard_header_bytes(4)) +
                            " bytes, so the number of points is unknown; write the file again from its source");
  }
}

// Files say that they are of version 1.3 and have the header of 1.2, which 1.3 adds one field to.
void LasFile::measure_header() {
  header_.header_bytes = at<std::uint16_t>(94);
  const std::uint64_t size = bytes_.size();
  std::uint8_t has = header_.minor;
  while (has > 0 && standard_header_bytes(has) > header_.header_bytes) --has;
  header_.standard_bytes = standard_header_bytes(has);
  const std::string known = decimal(header_.header_bytes) + " bytes; version 1." + decimal(header_.minor) +
                            " has at least " + decimal(standard_header_bytes(header_.minor));
  if (header_.header_bytes < header_.standard_bytes || header_.header_bytes > size) {
    fail("header size", known + ", and the file " + decimal(size));
  }
  if (header_.standard_bytes < standard_header_bytes(header_.minor)) {
    flaw("header size", known, "read as a header of version 1." + decimal(has));
  }
}

void LasFile::check_points() const {
  const std::uint64_t size = bytes_.size();
  if (header_.point_bytes < point_layout(header_.format).bytes) {
    fail("point data record length", decimal(header_.point_bytes) + " bytes; format " + decimal(header_.format) +
                                         " has at least " + decimal(point_layout(header_.format).bytes));
  }
  const std::uint64_t max_points = (size - header_.point_offset) / header_.point_bytes;
  if (header_.points > max_points) {
    fail("number of point records", decimal(header_.points) + ", but the file can hold " + decimal(max_points));
  }
}

void LasFile::parse_records() {
  const std::uint64_t size = bytes_.size(), end = header_.point_offset;
  if (end < header_.header_bytes || end > size) {
    fail("offset to point data",
         decimal(end) + "; the header ends at " + decimal(header_.header_bytes) + " and the file at " + decimal(size));
  }
  std::uint64_t place = header_.header_bytes;
  const auto lacks = [&](std::uint32_t i, const std::string& why) {
    flaw("number of variable length records",
         decimal(header_.record_count) + ", but " + why + " before the points at " + decimal(end),
         "record " + decimal(i) + " and later ones are missing, and the bytes in their place are kept");
  };
  for (std::uint32_t i = 0; i < header_.record_count; ++i) {
    if (end - place < record_header) {
      lacks(i, "there is space for " + decimal(i));
      break;
    }
    const std::span<const std::byte> head = bytes_.subspan(place, record_header);
    if (std::ranges::all_of(head, [](std::byte each) { return each == std::byte{0}; })) {
      lacks(i, "at " + decimal(place) + " there are only zeros");
      break;
    }
    const std::uint64_t length = at<std::uint16_t>(place + 20);
    if (length > end - place - record_header) {  // most often the count is one too many, and this is no record
      lacks(i, "at " + decimal(place) + " there is no space for one of " + decimal(length) + " bytes");
      break;
    }
    records_.push_back(record_at(place, record_header, length));
    place += record_header + length;
  }
  gap_ = bytes_.subspan(place, end - place);
}

// Both kinds begin alike and end with their text; what is between is the length, of 2 or 8 bytes.
LasRecord LasFile::record_at(std::uint64_t place, std::uint64_t header_bytes, std::uint64_t length) const {
  LasRecord record;
  record.reserved = at<std::uint16_t>(place);
  std::memcpy(record.user.data(), bytes_.data() + place + 2, record.user.size());
  record.id = at<std::uint16_t>(place + 18);
  std::memcpy(record.text.data(), bytes_.data() + place + header_bytes - record.text.size(), record.text.size());
  record.data = bytes_.subspan(place + header_bytes, length);
  record.file_offset = place;
  return record;
}

void LasFile::parse_extended() {
  const std::uint64_t size = bytes_.size();
  std::uint64_t place = header_.extended_offset;
  std::uint32_t count = header_.extended_count;
  const bool waveform = (header_.global_encoding & internal_waveform) != 0 && header_.waveform_offset != 0;
  if (header_.minor == 3 && waveform) {  // 1.3 has that one and no list
    place = header_.waveform_offset;
    count = 1;
  }
  const std::uint64_t points_end = header_.point_offset + header_.points * header_.point_bytes;
  if (count != 0 && place < points_end) {
    flaw("start of first extended variable length record",
         decimal(place) + " with " + decimal(count) + " records, but the points end at " + decimal(points_end),
         "none is read");
    return;
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    if (place > size || size - place < extended_header) {
      fail("number of extended variable length records", decimal(count) + ", but record " + decimal(i) + " at " +
                                                             decimal(place) + " is past the end at " + decimal(size));
    }
    const auto length = at<std::uint64_t>(place + 20);
    if (length > size - place - extended_header) {
      fail("record length after header", "extended record " + decimal(i) + " has " + decimal(length) + " bytes at " +
                                             decimal(place) + ", past the file's end at " + decimal(size));
    }
    extended_.push_back(record_at(place, extended_header, length));
    place += extended_header + length;
  }
}

// One after the other and not all gathered first: records are as large as the file, points are not.
void LasFile::parse_extra() {
  constexpr std::size_t text_bytes = 32;  // at a descriptor's end, for people
  DescriptorCounts counts;
  for (const auto* list : {&records_, &extended_}) {
    for (const LasRecord& record : *list) {
      if (!record.is("LASF_Spec", 4)) continue;
      const std::size_t more = record.data.size() % descriptor_bytes, whole = record.data.size() - more;
      const bool lacks_text = more + text_bytes >= descriptor_bytes;
      for (std::size_t i = 0; i < whole; i += descriptor_bytes) add_descriptor(record.data.data() + i, counts);
      if (more == 0) continue;
      flaw("extra bytes", decimal(record.data.size()) + " bytes of descriptors, which have 192 each",
           lacks_text ? "the last one's text is cut" : "the last one is left out");
      std::array<std::byte, descriptor_bytes> last{};
      std::copy_n(record.data.data() + whole, more, last.data());
      if (lacks_text) add_descriptor(last.data(), counts);
    }
  }
  if (counts.empty != 0) {
    flaw("extra bytes", decimal(counts.empty) + " dimensions of 0 bytes", "their descriptions are left out");
  }
  if (counts.beyond != 0) {
    flaw("extra bytes",
         decimal(counts.beyond) + " more dimensions are described than the " + decimal(extra_bytes()) +
             " extra bytes of a point hold",
         "their descriptions are left out");
  }
}

void LasFile::add_descriptor(const std::byte* descriptor, DescriptorCounts& counts) {
  const std::uint64_t index = counts.all++;
  const auto type = read_number<std::uint8_t>(descriptor + 2);
  if (counts.beyond == 0 && type > 30)
    fail("extra bytes", "data type " + decimal(type) + " of dimension " + decimal(index));
  const std::size_t bytes = extra_type_bytes(type, read_number<std::uint8_t>(descriptor + 3));
  if (counts.beyond != 0 || described_bytes_ + bytes > extra_bytes()) {
    ++counts.beyond;  // and all behind it, as where they are is not known
  } else if (bytes == 0) {
    ++counts.empty;
  } else {
    descriptors_.insert(descriptors_.end(), descriptor, descriptor + descriptor_bytes);
    described_bytes_ += bytes;
  }
}

std::size_t LasFile::extra_bytes() const noexcept {
  return header_.point_bytes - std::size_t{point_layout(header_.format).bytes};
}

std::span<const std::byte> LasFile::header_tail() const noexcept {
  return bytes_.subspan(header_.standard_bytes, std::size_t{header_.header_bytes} - header_.standard_bytes);
}

std::uint8_t LasFile::classification(std::uint64_t index) const noexcept {
  if (point_layout(header_.format).extended) return read_number<std::uint8_t>(point(index) + 16);
  return read_number<std::uint8_t>(point(index) + 15) & 0x1f;  // above are flags
}

std::uint8_t LasFile::return_number(std::uint64_t index) const noexcept {
  const auto bits = read_number<std::uint8_t>(point(index) + 14);
  return bits & (point_layout(header_.format).extended ? 0x0f : 0x07);
}

void refuse(const LasFile& file, const std::string& part, const std::string& what) {
  throw InvalidArgument(file.path() + ": " + part + ": " + what, {.name = part});
}

}  // namespace weir::lidar
