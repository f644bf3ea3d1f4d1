#include "cloud.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

constexpr std::int64_t most_factor = std::int64_t{1} << 20;
constexpr unsigned most_parts = 1000;  // of the finest scale, looked at for a common unit
constexpr std::uint8_t ground_class = 2;

[[noreturn]] void refuse(const LasFile& file, const std::string& field, const std::string& what) {
  throw InvalidArgument(file.path() + ": " + field + ": " + what, {.name = field});
}

std::string axis_name(std::size_t axis) { return std::string(1, static_cast<char>('x' + axis)); }

/// The nearest whole number, if it is near enough to be meant; offsets are sums of decimal fractions.
bool whole(double value, double tolerance, std::int64_t& out) noexcept {
  if (!(std::fabs(value) < 4e15)) return false;
  const double nearest = std::nearbyint(value);
  out = static_cast<std::int64_t>(nearest);
  return std::fabs(value - nearest) <= tolerance;
}

}  // namespace

Cloud Cloud::open(const std::vector<std::string>& paths, Reading reading, ColourUse colours) {
  std::map<std::pair<dev_t, ino_t>, std::string> known;
  for (const std::string& path : paths) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) continue;  // reading it says why
    const auto [first, fresh] = known.try_emplace({status.st_dev, status.st_ino}, path);
    if (fresh) continue;
    const std::string as = first->second == path ? std::string() : ", before as " + first->second;
    throw InvalidArgument(path + ": is given twice" + as + "; its points would count twice", {.name = path});
  }
  std::vector<LasFile> files;
  files.reserve(paths.size());
  for (const std::string& path : paths) files.emplace_back(path, reading);
  return Cloud(std::move(files), colours);
}

Cloud::Cloud(std::vector<LasFile> files, ColourUse colours) : files_(std::move(files)), depths_(files_.size()) {
  if (files_.empty()) throw InvalidArgument("a cloud of no files", {.name = "files"});
  std::uint64_t points = 0;
  for (const LasFile& file : files_) {
    first_.push_back(static_cast<std::uint32_t>(points));
    points += file.points();
    if (points >= UINT32_MAX) {
      refuse(file, "number of point records",
             std::to_string(points) + " points in all; at most 4294967294 are one cloud");
    }
  }
  first_.push_back(static_cast<std::uint32_t>(points));
  check_alike();
  layout_ = join_layouts(files_);
  coordinates_ = join_systems(files_);
  find_unit();
  scan();
  for (std::size_t f = 0; colours == ColourUse::needed && f < files_.size(); ++f) scan_colours(f);
}

void Cloud::check_alike() const {
  const LasFile& one = files_.front();
  const LasHeader& header = one.header();
  for (const LasFile& file : files_) {
    const LasHeader& other = file.header();
    if (((other.global_encoding ^ header.global_encoding) & 0x11u) != 0) {
      refuse(file, "global encoding", "other time or coordinate system than " + one.path());
    }
    if (&file != &one && (other.waveform_offset != 0 || header.waveform_offset != 0)) {
      refuse(file, "start of waveform data packet record", "files with waveforms cannot be joined");
    }
  }
}

bool Cloud::fits(double unit, std::vector<Placement>& placements) const {
  for (std::size_t f = 0; f < files_.size(); ++f) {
    const LasHeader& header = files_[f].header();
    for (std::size_t axis = 0; axis < 3; ++axis) {
      std::int64_t &factor = placements[f].factor[axis], &shift = placements[f].shift[axis];
      const double times = header.scale[axis] / unit;
      const double apart = (header.offset[axis] - files_.front().header().offset[axis]) / unit;
      if (!whole(times, times * 1e-9, factor) || factor < 1 || factor > most_factor) return false;
      if (!whole(apart, 1e-3, shift)) return false;
    }
  }
  return true;
}

void Cloud::find_unit() {
  const LasHeader& first = files_.front().header();
  double finest = std::numeric_limits<double>::max();
  for (const LasFile& file : files_) {
    for (const double scale : file.header().scale) finest = std::min(finest, scale);
    same_coordinates_ &= file.header().scale == first.scale && file.header().offset == first.offset;
  }
  placements_.resize(files_.size());
  for (unsigned parts = 1; parts <= most_parts; ++parts) {
    unit_ = finest / parts;
    if (fits(unit_, placements_)) return;
  }
  if (!same_coordinates_) {
    throw InvalidArgument(files_.back().path() + ": scale factor and offset: no common unit with " +
                              files_.front().path() + " down to 1/1000 of the finest scale",
                          {.name = "scale factor"});
  }
  unit_ = finest;
  for (Placement& placement : placements_) {
    placement.rounded = true;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      placement.ratio[axis] = first.scale[axis] / finest;
      if (!(placement.ratio[axis] < 2147483648.0)) {
        refuse(files_.front(), axis_name(axis) + " scale factor", "too far from the other axes' to measure distances");
      }
    }
  }
}

void Cloud::scan_file(const LasFile& source, std::array<std::int32_t, 3>& low, std::array<std::int32_t, 3>& high) {
  low.fill(std::numeric_limits<std::int32_t>::max());
  high.fill(std::numeric_limits<std::int32_t>::min());
  for (std::uint64_t i = 0; i < source.points(); ++i) {
    const auto at = source.position(i);
    for (std::size_t axis = 0; axis < 3; ++axis) {
      low[axis] = std::min(low[axis], at[axis]);
      high[axis] = std::max(high[axis], at[axis]);
    }
    const std::uint8_t number = source.return_number(i);
    if (number != 0) ++by_return_[number - 1u];
    if (source.classification(i) == ground_class) ++ground_;
  }
}

// Colours of 8 bits belong into the upper half of their fields, and often are in the lower one. Tiles come from
// several surveys, so each file is looked at by itself.
void Cloud::scan_colours(std::size_t file) {
  constexpr std::uint16_t most_of_8_bits = 255, to_16_bits = 257;
  std::uint16_t colour = 0, infrared = 0;
  for (std::uint32_t id = first_[file]; id < first_[file + 1]; ++id) {
    const bool rgb_known = !has_rgb() || colour > most_of_8_bits, nir_known = !has_nir() || infrared > most_of_8_bits;
    if (rgb_known && nir_known) break;
    std::uint16_t each[4];
    colours_of(file, id, each);
    colour = std::max({colour, each[0], each[1], each[2]});
    infrared = std::max(infrared, each[3]);
  }
  if (colour != 0 && colour <= most_of_8_bits) depths_[file].colour = to_16_bits;
  if (infrared != 0 && infrared <= most_of_8_bits) depths_[file].infrared = to_16_bits;
}

void Cloud::scan() {
  std::array<std::int64_t, 3> low, high;
  low.fill(std::numeric_limits<std::int64_t>::max());
  high.fill(std::numeric_limits<std::int64_t>::min());
  if (points() == 0) return;
  std::array<std::int64_t, 3> raw_low = low, raw_high = high;
  for (std::size_t f = 0; f < files_.size(); ++f) {
    std::array<std::int32_t, 3> from, to;
    scan_file(files_[f], from, to);
    for (std::size_t axis = 0; axis < 3 && files_[f].points() != 0; ++axis) {
      low[axis] = std::min(low[axis], placements_[f].place(axis, from[axis]));
      high[axis] = std::max(high[axis], placements_[f].place(axis, to[axis]));
      raw_low[axis] = std::min(raw_low[axis], std::int64_t{from[axis]});
      raw_high[axis] = std::max(raw_high[axis], std::int64_t{to[axis]});
    }
  }
  set_bounds(low, high);
  if (!same_coordinates_) {
    raw_low = low;
    raw_high = high;
  }
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (raw_low[axis] < std::numeric_limits<std::int32_t>::min() ||
        raw_high[axis] > std::numeric_limits<std::int32_t>::max()) {
      refuse(files_.back(), axis_name(axis) + " offset",
             "too far from the first file's for 32-bit coordinates in one output");
    }
    output_low_[axis] = static_cast<std::int32_t>(raw_low[axis]);
    output_high_[axis] = static_cast<std::int32_t>(raw_high[axis]);
  }
}

void Cloud::set_bounds(const std::array<std::int64_t, 3>& low, const std::array<std::int64_t, 3>& high) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (high[axis] - low[axis] > std::numeric_limits<std::int32_t>::max()) {
      refuse(files_.back(), axis_name(axis) + " coordinates",
             "the cloud spans " + std::to_string(high[axis] - low[axis]) + " steps of " + std::to_string(unit_) +
                 "; at most 2147483647");
    }
    origin_[axis] = low[axis];
    extent_[axis] = static_cast<std::int32_t>(high[axis] - low[axis]);
  }
}

bool Cloud::has_rgb() const noexcept { return point_layout(layout_.format).colour >= 0; }
bool Cloud::has_nir() const noexcept { return point_layout(layout_.format).infrared >= 0; }

std::size_t Cloud::file_of(std::uint32_t id) const noexcept {
  return static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end() - 1, id) - first_.begin()) - 1;
}

Point Cloud::point(std::size_t file, std::uint32_t id) const noexcept {
  const auto raw = files_[file].position(id - first_[file]);
  const Placement& placement = placements_[file];
  std::array<std::int32_t, 3> at{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    at[axis] = static_cast<std::int32_t>(placement.place(axis, raw[axis]) - origin_[axis]);
  }
  return {at[0], at[1], at[2], id};
}

std::uint8_t Cloud::classification(std::uint32_t id) const noexcept {
  const std::size_t file = file_of(id);
  return files_[file].classification(id - first_[file]);
}

void Cloud::colours(std::uint32_t id, std::uint16_t* out) const noexcept {
  const std::size_t file = file_of(id);
  colours_of(file, id, out);
  for (int i = 0; i < 3; ++i) out[i] = static_cast<std::uint16_t>(out[i] * depths_[file].colour);
  out[3] = static_cast<std::uint16_t>(out[3] * depths_[file].infrared);
}

void Cloud::colours_of(std::size_t file, std::uint32_t id, std::uint16_t* out) const noexcept {
  const PointLayout& layout = point_layout(files_[file].header().format);
  const std::byte* at = files_[file].point(id - first_[file]);
  for (int i = 0; i < 3; ++i) {
    out[i] =
        layout.colour < 0 ? std::uint16_t{0} : read_number<std::uint16_t>(at + layout.colour + std::ptrdiff_t{2} * i);
  }
  out[3] = layout.infrared < 0 ? std::uint16_t{0} : read_number<std::uint16_t>(at + layout.infrared);
}

std::array<double, 3> Cloud::output_scale() const noexcept {
  if (same_coordinates_) return files_.front().header().scale;
  return {unit_, unit_, unit_};
}

std::array<std::int32_t, 3> Cloud::output_position(std::uint32_t id) const noexcept {
  const std::size_t file = file_of(id);
  const auto raw = files_[file].position(id - first_[file]);
  if (same_coordinates_) return raw;
  std::array<std::int32_t, 3> at{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    at[axis] = static_cast<std::int32_t>(placements_[file].place(axis, raw[axis]));
  }
  return at;
}

}  // namespace weir::lidar
