#include "workloads/lidar/files/las_writer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <weir/errors.hpp>

#include "workloads/lidar/files/printable.hpp"

namespace weir::lidar {
namespace {

constexpr std::uint64_t standard_header = 375;

/// Whether a record describes the file as it was, and not what it will be. `told` says what is left out.
bool outdated(const LasFile& file, const LasRecord& record, std::vector<std::string>& told) {
  if (record.is("LASF_Spec", 4)) return true;  // extra dimensions: written anew
  const bool copc = record.is("copc", 1) || record.is("copc", 1000), zip = record.is("laszip encoded", 22204);
  if (copc || zip) {
    told.push_back(file.path() + ": the record \"" + (copc ? "copc" : "laszip encoded") + "\" " +
                   std::to_string(record.id) + " is left out: the output does not store points that way");
  }
  return copc || zip;
}

bool same(const LasRecord& one, const LasRecord& other) noexcept {
  return one.id == other.id && one.user == other.user && std::ranges::equal(one.data, other.data);
}

/// Adds a file's records to those of the files before: each once, but those of the first file as they are.
void add_records(const Cloud& cloud, const LasFile& file, const std::vector<LasRecord>& records,
                 std::vector<LasRecord>& all, std::vector<std::string>& told) {
  const bool first = &file == &cloud.files().front();
  for (const LasRecord& record : records) {
    if (outdated(file, record, told)) continue;
    const bool there =
        !first && std::any_of(all.begin(), all.end(), [&](const LasRecord& known) { return same(known, record); });
    if (!there) all.push_back(record);
  }
}

/// What lies before the points, without the signature that version 1.0 has there.
std::span<const std::byte> kept_gap(const LasFile& file) noexcept {
  const std::span<const std::byte> gap = file.gap();
  const bool signature =
      file.header().minor == 0 && gap.size() >= 2 && read_number<std::uint16_t>(gap.data() + gap.size() - 2) == 0xCCDD;
  return signature ? gap.first(gap.size() - 2) : gap;
}

/// That coordinates are rounded, and to what.
std::string rounding_of(const Cloud& cloud) {
  char text[160];
  const auto& scale = cloud.output_scale();
  std::snprintf(text, sizeof text,
                "x, y and z are rounded to steps of %.6g, %.6g and %.6g: the files' scales have no common step that "
                "fits in 32 bits",
                scale[0], scale[1], scale[2]);
  return text;
}

void write_text(std::byte* at, std::size_t length, std::string_view text) noexcept {
  std::memset(at, 0, length);
  std::memcpy(at, text.data(), std::min(length, text.size()));
}

}  // namespace

LasWriter::Plan LasWriter::plan(const Cloud& cloud, std::span<const Scale> scales, const Naming& naming) {
  const LasFile& first = cloud.files().front();
  Plan plan;
  plan.told = cloud.layout().dropped;
  if (!cloud.output_exact()) plan.told.push_back(rounding_of(cloud));
  for (const LasFile& file : cloud.files()) {
    add_records(cloud, file, file.records(), plan.records, plan.told);
    add_records(cloud, file, file.extended_records(), plan.extended, plan.told);
  }
  plan.dimensions = place_features(cloud.layout(), scales, naming, first.path());
  for (const std::string& name : plan.dimensions.overwritten) {
    plan.told.push_back("the input's dimension " + quoted(name) + " is replaced");
  }
  plan.header = standard_header + first.header_tail().size();
  if (plan.header > UINT16_MAX) {
    throw InvalidArgument(
        first.path() + ": header size: " + std::to_string(plan.header) + " bytes in version 1.4; at most 65535",
        {.name = "header size"});
  }
  if (!plan.dimensions.descriptors.empty()) {
    LasRecord described;
    std::memcpy(described.user.data(), "LASF_Spec", 9);
    described.id = 4;
    std::memcpy(described.text.data(), "Extra dimensions", 16);
    described.data = plan.dimensions.descriptors;  // a vector's memory stays where it is when the plan is moved
    plan.records.push_back(described);
  }
  std::uint64_t at = plan.header;
  for (const LasRecord& record : plan.records) at += record_header + record.data.size();
  at += kept_gap(first).size();
  if (at > UINT32_MAX) {
    throw InvalidArgument(
        first.path() + ": offset to point data: the records of all files need an offset of more than 32 bits",
        {.name = "offset to point data"});
  }
  plan.points = at;
  at += std::uint64_t{cloud.points()} * plan.dimensions.point_bytes;
  plan.extended_at = at;
  for (const LasRecord& record : plan.extended) at += extended_header + record.data.size();
  plan.total = at;
  return plan;
}

LasWriter::LasWriter(const Cloud& cloud, std::span<const Scale> scales, const Naming& naming, files::OutputFile& file)
    : cloud_(cloud), plan_(plan(cloud, scales, naming)), file_(file), image_(file.reserve(plan_.total)) {
  write_header();
  write_records();
}

void LasWriter::write_header() {
  const LasFile& first = cloud_.files().front();
  std::byte* const to = image_.data();
  std::memcpy(to, first.bytes().data(), first.header().standard_bytes);
  write_number<std::uint8_t>(to + 25, 4);
  write_text(to + 58, 32, "weir lidar");
  write_number(to + 94, static_cast<std::uint16_t>(plan_.header));
  write_number(to + 96, static_cast<std::uint32_t>(plan_.points));
  write_number(to + 100, static_cast<std::uint32_t>(plan_.records.size()));
  write_number(to + 104, cloud_.layout().format);
  write_number(to + 105, plan_.dimensions.point_bytes);
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
  const bool legacy = cloud_.layout().format < 6;
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
  const std::vector<std::uint16_t>& places = plan_.dimensions.places[scale_];
  // Once, as what is overwritten lies among what is copied. Rows that leave values as they are come again.
  const bool copy = scale_ == 0 && std::ranges::find(rows.columns, nullptr) == rows.columns.end();
  for (std::size_t i = 0; i < rows.ids.size(); ++i) {
    const std::uint32_t id = rows.ids[i];
    std::byte* const to = points + std::uint64_t{id} * plan_.dimensions.point_bytes;
    if (copy) copy_point(id, to);
    for (std::size_t c = 0; c < places.size(); ++c) {
      if (rows.columns[c] != nullptr) write_number(to + places[c], rows.columns[c][i]);
    }
  }
}

void LasWriter::copy_point(std::uint32_t id, std::byte* to) const {
  const std::size_t file = cloud_.file_of(id);
  const std::byte* const from = cloud_.files()[file].point(id - cloud_.first_of(file));
  for (const FieldCopy& each : cloud_.layout().copies[file]) std::memcpy(to + each.to, from + each.from, each.bytes);
  if (cloud_.same_coordinates()) return;
  const auto at = cloud_.output_position(id);
  std::memcpy(to, at.data(), sizeof(at));
}

}  // namespace weir::lidar
