#include "las_writer.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

constexpr std::uint64_t record_header = 54, extended_header = 60, standard_header = 375;
constexpr std::size_t name_at = 4, name_bytes = 32, no_data_at = 40, text_at = 160, text_bytes = 32;
constexpr std::uint8_t float_type = 9, no_data_option = 1;

std::string_view dimension_name(const std::byte* descriptor) noexcept {
  const auto* text = reinterpret_cast<const char*>(descriptor + name_at);
  return {text, ::strnlen(text, name_bytes)};
}

void append(std::vector<std::byte>& all, std::uint8_t type, std::uint8_t options, std::string_view name,
            std::string_view text) {
  std::vector<std::byte> one(descriptor_bytes);
  write_number(one.data() + 2, type);
  write_number(one.data() + 3, options);
  std::memcpy(one.data() + name_at, name.data(), std::min(name.size(), name_bytes));
  std::memcpy(one.data() + text_at, text.data(), std::min(text.size(), text_bytes));
  if (type == float_type && (options & no_data_option) != 0) {
    write_number(one.data() + no_data_at, std::numeric_limits<double>::quiet_NaN());
  }
  all.insert(all.end(), one.begin(), one.end());
}

/// The input's descriptors, all its extra bytes accounted for, and the features'.
std::vector<std::byte> descriptors(const LasFile& file, const FeatureSet& features) {
  std::vector<std::byte> all(file.descriptors().begin(), file.descriptors().end());
  const LasHeader& header = file.header();
  std::size_t rest = header.point_bytes - point_layout(header.format).bytes - file.described_bytes();
  while (rest != 0) {  // nobody said what they are; without this, readers would take them for the features
    const std::size_t bytes = std::min<std::size_t>(rest, UINT8_MAX);
    append(all, 0, static_cast<std::uint8_t>(bytes), "", "undocumented");
    rest -= bytes;
  }
  for (const Feature feature : features.features()) {
    for (std::size_t i = 0; i < file.descriptors().size(); i += descriptor_bytes) {
      if (dimension_name(file.descriptors().data() + i) == name(feature)) {
        throw InvalidArgument(file.path() + ": extra bytes: there is a dimension \"" + std::string(name(feature)) +
                                  "\" already; leave it out of the features",
                              {.name = std::string(name(feature))});
      }
    }
    const bool may_lack = feature == Feature::height_above_ground || feature >= Feature::red;
    append(all, float_type, may_lack ? no_data_option : 0, name(feature), description(feature));
  }
  return all;
}

bool same(const LasRecord& one, const LasRecord& other) noexcept {
  return one.id == other.id && one.user == other.user && std::ranges::equal(one.data, other.data);
}

/// The records of all files: each once, but those of the first file as they are.
std::vector<LasRecord> join(const Cloud& cloud, const std::vector<LasRecord>& (LasFile::*list)() const) {
  std::vector<LasRecord> all;
  for (const LasFile& file : cloud.files()) {
    for (const LasRecord& record : (file.*list)()) {
      if (record.is("LASF_Spec", 4)) continue;  // written anew
      const bool first = &file == &cloud.files().front();
      const bool there =
          !first && std::any_of(all.begin(), all.end(), [&](const LasRecord& known) { return same(known, record); });
      const bool differs = !there && !first && std::any_of(all.begin(), all.end(), [&](const LasRecord& known) {
        return known.id == record.id && known.user == record.user && record.is("LASF_Projection", record.id);
      });
      if (differs) {
        throw InvalidArgument(file.path() + ": LASF_Projection " + std::to_string(record.id) +
                                  ": another coordinate system than " + cloud.files().front().path(),
                              {.name = "LASF_Projection"});
      }
      if (!there) all.push_back(record);
    }
  }
  return all;
}

/// What lies before the points, without the signature that version 1.0 has there.
std::span<const std::byte> kept_gap(const LasFile& file) noexcept {
  const std::span<const std::byte> gap = file.gap();
  const bool signature =
      file.header().minor == 0 && gap.size() >= 2 && read_number<std::uint16_t>(gap.data() + gap.size() - 2) == 0xCCDD;
  return signature ? gap.first(gap.size() - 2) : gap;
}

void write_text(std::byte* at, std::size_t room, std::string_view text) noexcept {
  std::memset(at, 0, room);
  std::memcpy(at, text.data(), std::min(room, text.size()));
}

}  // namespace

LasWriter::Plan LasWriter::plan(const Cloud& cloud, const FeatureSet& features) {
  const LasFile& first = cloud.files().front();
  Plan plan;
  plan.records = join(cloud, &LasFile::records);
  plan.extended = join(cloud, &LasFile::extended_records);
  plan.descriptors = descriptors(first, features);
  const std::size_t point = first.header().point_bytes + sizeof(float) * features.size();
  if (point > UINT16_MAX) {
    throw InvalidArgument(first.path() + ": point data record length: " + std::to_string(point) +
                              " with the features; LAS has at most 65535",
                          {.name = "point data record length"});
  }
  if (plan.descriptors.size() > UINT16_MAX) {
    throw InvalidArgument(first.path() +
                              ": extra bytes: " + std::to_string(plan.descriptors.size() / descriptor_bytes) +
                              " dimensions with the features; a record describes at most 341",
                          {.name = "extra bytes"});
  }
  plan.point_bytes = static_cast<std::uint16_t>(point);
  plan.header = standard_header + first.header_tail().size();
  if (plan.header > UINT16_MAX) {
    throw InvalidArgument(
        first.path() + ": header size: " + std::to_string(plan.header) + " bytes in version 1.4; at most 65535",
        {.name = "header size"});
  }
  if (!plan.descriptors.empty()) {
    LasRecord described;
    std::memcpy(described.user.data(), "LASF_Spec", 9);
    described.id = 4;
    std::memcpy(described.text.data(), "Extra dimensions", 16);
    described.data = plan.descriptors;  // a vector's memory stays where it is when the plan is moved
    plan.records.push_back(described);
  }
  std::uint64_t at = plan.header;
  for (const LasRecord& record : plan.records) at += record_header + record.data.size();
  at += kept_gap(first).size();
  if (at > UINT32_MAX) {
    throw InvalidArgument(first.path() + ": offset to point data: past 32 bits with the records of all files",
                          {.name = "offset to point data"});
  }
  plan.points = at;
  at += std::uint64_t{cloud.points()} * plan.point_bytes;
  plan.extended_at = at;
  for (const LasRecord& record : plan.extended) at += extended_header + record.data.size();
  plan.total = at;
  return plan;
}

LasWriter::LasWriter(const Cloud& cloud, const FeatureSet& features, files::OutputFile& file)
    : cloud_(cloud), plan_(plan(cloud, features)), file_(file), image_(file.reserve(plan_.total)) {
  write_header();
  write_records();
}

void LasWriter::write_header() {
  const LasFile& first = cloud_.files().front();
  std::byte* const to = image_.data();
  std::memcpy(to, first.bytes().data(), standard_header_bytes(first.header().minor));
  write_number<std::uint8_t>(to + 25, 4);
  write_text(to + 58, 32, "weir lidar");
  write_number(to + 94, static_cast<std::uint16_t>(plan_.header));
  write_number(to + 96, static_cast<std::uint32_t>(plan_.points));
  write_number(to + 100, static_cast<std::uint32_t>(plan_.records.size()));
  write_number(to + 105, plan_.point_bytes);
  const auto scale = cloud_.output_scale();
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double offset = first.header().offset[axis];
    const bool none = cloud_.points() == 0;
    write_number(to + 131 + 8 * axis, scale[axis]);
    write_number(to + 179 + 16 * axis, none ? 0.0 : cloud_.output_high()[axis] * scale[axis] + offset);
    write_number(to + 187 + 16 * axis, none ? 0.0 : cloud_.output_low()[axis] * scale[axis] + offset);
  }
  write_counts(to);
  const std::span<const std::byte> tail = first.header_tail();
  std::copy(tail.begin(), tail.end(), to + standard_header);
}

void LasWriter::write_counts(std::byte* header) const {
  const LasFile& first = cloud_.files().front();
  const bool legacy = first.header().format < 6;
  const auto& by_return = cloud_.by_return();
  write_number<std::uint32_t>(header + 107, legacy ? cloud_.points() : 0);
  for (std::size_t i = 0; i < 5; ++i) {
    write_number(header + 111 + 4 * i, legacy ? static_cast<std::uint32_t>(by_return[i]) : 0u);
  }
  std::uint64_t waveform = 0;
  std::uint64_t at = plan_.extended_at;
  for (const LasRecord& record : plan_.extended) {
    const bool named = first.header().waveform_offset != 0 && record.file_offset == first.header().waveform_offset;
    if (named) waveform = at;
    at += extended_header + record.data.size();
  }
  write_number(header + 227, waveform);
  write_number<std::uint64_t>(header + 235, plan_.extended.empty() ? 0 : plan_.extended_at);
  write_number(header + 243, static_cast<std::uint32_t>(plan_.extended.size()));
  write_number<std::uint64_t>(header + 247, cloud_.points());
  for (std::size_t i = 0; i < by_return.size(); ++i) write_number(header + 255 + 8 * i, by_return[i]);
}

void LasWriter::write_records() {
  std::byte* to = image_.data() + plan_.header;
  for (const LasRecord& record : plan_.records) {
    write_number(to, record.reserved);
    std::memcpy(to + 2, record.user.data(), record.user.size());
    write_number(to + 18, record.id);
    write_number(to + 20, static_cast<std::uint16_t>(record.data.size()));
    std::memcpy(to + 22, record.text.data(), record.text.size());
    to = std::copy(record.data.begin(), record.data.end(), to + record_header);
  }
  const std::span<const std::byte> gap = kept_gap(cloud_.files().front());
  std::copy(gap.begin(), gap.end(), to);
  to = image_.data() + plan_.extended_at;
  for (const LasRecord& record : plan_.extended) {
    write_number(to, record.reserved);
    std::memcpy(to + 2, record.user.data(), record.user.size());
    write_number(to + 18, record.id);
    write_number<std::uint64_t>(to + 20, record.data.size());
    std::memcpy(to + 28, record.text.data(), record.text.size());
    to = std::copy(record.data.begin(), record.data.end(), to + extended_header);
  }
}

void LasWriter::commit() {
  image_ = {};
  file_.commit();
}

void LasWriter::take(const FeatureRows& rows) {
  std::byte* const points = image_.data() + plan_.points;
  const std::size_t before = cloud_.files().front().header().point_bytes;
  for (std::size_t i = 0; i < rows.ids.size(); ++i) {
    const std::uint32_t id = rows.ids[i];
    const std::size_t file = cloud_.file_of(id);
    std::byte* const to = points + std::uint64_t{id} * plan_.point_bytes;
    std::memcpy(to, cloud_.files()[file].point(id - cloud_.first_of(file)), before);
    if (!cloud_.same_coordinates()) {
      const auto at = cloud_.output_position(id);
      std::memcpy(to, at.data(), sizeof(at));
    }
    std::byte* value = to + before;
    for (const float* column : rows.columns) {
      if (column != nullptr) write_number(value, column[i]);
      value += sizeof(float);
    }
  }
}

}  // namespace weir::lidar
