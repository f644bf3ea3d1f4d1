#include "workloads/lidar/files/cloud.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

constexpr std::int64_t max_factor = std::int64_t{1} << 31;  // times a raw coordinate, it fits 64 bits
constexpr unsigned max_parts = 1000;                        // of the finest scale, looked at for a common unit
constexpr std::uint8_t ground_class = 2;

std::string axis_name(std::size_t axis) { return std::string(1, static_cast<char>('x' + axis)); }

/// As short as it can be with all that counts: 1e-07, 9.3e+18.
std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

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
    const std::string as = first->second == path ? std::string() : ", first as " + first->second;
    throw InvalidArgument(path + ": is given twice" + as + "; give each file once", {.name = path});
  }
  std::vector<LasFile> files;
  files.reserve(paths.size());
  for (const std::string& path : paths) files.emplace_back(path, reading);
  return Cloud(std::move(files), colours);
}

Cloud::Cloud(std::vector<LasFile> files, ColourUse colours) : files_(std::move(files)), depths_(files_.size()) {
  if (files_.empty()) throw InvalidArgument("a cloud needs at least one file", {.name = "files"});
  std::uint64_t points = 0;
  for (const LasFile& file : files_) {
    first_.push_back(static_cast<std::uint32_t>(points));
    points += file.points();
    if (points >= UINT32_MAX) {
      refuse(file, "number of point records",
             std::to_string(points) + " points in all files together; a cloud has at most 4294967294");
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
      refuse(file, "global encoding", "its time or coordinate system differs from that of " + one.path());
    }
    if (&file != &one && (other.waveform_offset != 0 || header.waveform_offset != 0)) {
      refuse(file, "start of waveform data packet record", "files with waveforms cannot be joined");
    }
  }
}

bool Cloud::fits(double unit, std::vector<Placement>& placements) const {
  const LasHeader& first = files_.front().header();
  for (std::size_t f = 0; f < files_.size(); ++f) {
    const LasHeader& header = files_[f].header();
    for (std::size_t axis = 0; axis < 3; ++axis) {
      std::int64_t &factor = placements[f].factor[axis], &shift = placements[f].shift[axis];
      const double times = header.scale[axis] / unit;
      const double apart = (header.offset[axis] - first.offset[axis]) / unit;
      if (!whole(times, std::min(times * 1e-9, 1e-3), factor) || factor < 1 || factor > max_factor) return false;
      // An offset is a rounded number, and often the sum of some: within two of its last digits it may be either. What
      // is off by less is taken for noise, and a coordinate that is made of it, a double of that size, has no such
      // digit.
      const double largest = std::max(std::fabs(header.offset[axis]), std::fabs(first.offset[axis]));
      const double noise = 4 * std::numeric_limits<double>::epsilon() * largest / unit;
      if (!whole(apart, std::max(1e-3, noise), shift)) return false;
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
  for (unsigned parts = 1; parts <= max_parts; ++parts) {
    unit_ = finest / parts;
    if (fits(unit_, placements_)) return;
  }
  round_to(finest);
}

Cloud::Placement Cloud::rounded(const LasHeader& header, const std::array<double, 3>& unit) const noexcept {
  Placement placement{.factor = {}, .shift = {}, .ratio = {}, .apart = {}, .rounded = true};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const long double step = unit[axis];
    placement.ratio[axis] = header.scale[axis] / step;
    placement.apart[axis] =
        (static_cast<long double>(header.offset[axis]) - files_.front().header().offset[axis]) / step;
  }
  return placement;
}

void Cloud::round_to(double unit) {
  unit_ = unit;
  for (std::size_t f = 0; f < files_.size(); ++f) placements_[f] = rounded(files_[f].header(), {unit, unit, unit});
}

Cloud::RawBounds Cloud::scan_file(const LasFile& source) {
  RawBounds bounds{};
  auto& [low, high] = bounds;
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
  return bounds;
}

// Colours of 8 bits belong into the upper half of their fields, and often are in the lower one. Tiles come from
// several surveys, so each file is looked at by itself.
void Cloud::scan_colours(std::size_t file) {
  constexpr std::uint16_t max_of_8_bits = 255, to_16_bits = 257;
  std::uint16_t colour = 0, infrared = 0;
  for (std::uint32_t id = first_[file]; id < first_[file + 1]; ++id) {
    const bool rgb_known = !has_rgb() || colour > max_of_8_bits, nir_known = !has_nir() || infrared > max_of_8_bits;
    if (rgb_known && nir_known) break;
    std::uint16_t each[4];
    colours_of(file, id, each);
    colour = std::max({colour, each[0], each[1], each[2]});
    infrared = std::max(infrared, each[3]);
  }
  if (colour != 0 && colour <= max_of_8_bits) depths_[file].colour = to_16_bits;
  if (infrared != 0 && infrared <= max_of_8_bits) depths_[file].infrared = to_16_bits;
}

void Cloud::scan() {
  output_scale_ = files_.front().header().scale;
  output_ = placements_;
  if (points() == 0) return;
  std::vector<RawBounds> raw;
  for (const LasFile& file : files_) raw.push_back(scan_file(file));
  set_output(raw);
  std::int64_t most = set_origin(raw);
  if (most > std::numeric_limits<std::int32_t>::max() && placements_.front().rounded && unit_ > 1e-300) {
    // Wide anyway, so a finer unit costs nothing: rounding to it is below the digits of coordinates as doubles.
    std::int64_t parts = 1024;
    while (parts > 1 && most > max_across / parts - 1) parts /= 2;
    round_to(unit_ / static_cast<double>(parts));
    most = set_origin(raw);
  }
  cell_bits_ = std::max(static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(most))), 31u) - 31;
  for (std::size_t axis = 0; axis < 3; ++axis) extent_[axis] = static_cast<std::int32_t>(across_[axis] >> cell_bits_);
}

std::int64_t Cloud::set_origin(const std::vector<RawBounds>& raw) {
  std::int64_t most = 0;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    long double low = std::numeric_limits<long double>::max(), high = std::numeric_limits<long double>::lowest();
    std::size_t highest = 0;
    for (std::size_t f = 0; f < files_.size(); ++f) {
      if (files_[f].points() == 0) continue;
      const long double from = placements_[f].real(axis, raw[f].low[axis]);
      const long double to = placements_[f].real(axis, raw[f].high[axis]);
      if (to > high) highest = f;
      low = std::min(low, from);
      high = std::max(high, to);
    }
    if (!(high - low < static_cast<long double>(max_across))) {
      refuse(files_[highest], axis_name(axis) + " coordinates",
             "the cloud is " + number(static_cast<double>(high - low)) + " steps of " + number(unit_) +
                 " across; at most " + number(static_cast<double>(max_across)) +
                 ": write the files with more similar scale factors, or remove the points far away");
    }
    for (Placement& placement : placements_) {
      placement.shift[axis] -= placement.rounded ? 0 : static_cast<std::int64_t>(low);
      placement.apart[axis] -= std::floor(low);  // whole, so that all are rounded as before
    }
    across_[axis] = placements_[highest].place(axis, raw[highest].high[axis]);
    most = std::max(most, across_[axis]);
  }
  return most;
}

// Each file's own steps where all have the same; else steps of each axis, which may be coarser than the unit: in the
// unit of all axes, the coordinates of one with a coarse scale would often not fit 32 bits.
void Cloud::set_output(const std::vector<RawBounds>& raw) {
  if (same_coordinates_) {
    output_.assign(files_.size(), {.factor = {1, 1, 1}, .shift = {}, .ratio = {}, .apart = {}});
  } else {
    join_outputs(raw);
  }
  output_low_.fill(std::numeric_limits<std::int32_t>::max());
  output_high_.fill(std::numeric_limits<std::int32_t>::min());
  for (std::size_t f = 0; f < files_.size(); ++f) {
    for (std::size_t axis = 0; axis < 3 && files_[f].points() != 0; ++axis) {
      output_low_[axis] = std::min(output_low_[axis], output(f, axis, raw[f].low[axis]));
      output_high_[axis] = std::max(output_high_[axis], output(f, axis, raw[f].high[axis]));
    }
  }
}

void Cloud::join_outputs(const std::vector<RawBounds>& raw) {
  constexpr double most = std::numeric_limits<std::int32_t>::max() - 1, max_coarser = 1000;
  bool exact = !placements_.front().rounded;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::int64_t step = 0;
    double finest = output_scale_[axis];
    for (std::size_t f = 0; f < files_.size(); ++f) {
      step = std::gcd(step, std::gcd(placements_[f].factor[axis], placements_[f].shift[axis]));
      finest = std::min(finest, files_[f].header().scale[axis]);
    }
    const double whole = exact ? output_scale_[axis] / static_cast<double>(placements_.front().factor[axis] / step) : 0;
    exact = exact && farthest(raw, axis, whole) <= most;
    output_scale_[axis] = whole;
    for (std::size_t f = 0; f < files_.size() && exact; ++f) {
      output_[f].factor[axis] /= step;
      output_[f].shift[axis] /= step;
    }
    if (exact) continue;
    const double far = farthest(raw, axis, finest);
    if (!(far <= most * max_coarser)) {
      refuse(files_.back(), axis_name(axis) + " coordinates",
             "the cloud has some " + number(far) + " steps of " + number(finest) + " from the offset of " +
                 files_.front().path() +
                 ", too far for 32-bit coordinates in one output; give the files one scale factor and offset first, as "
                 "with `pdal translate IN.las OUT.las --writers.las.scale_x=0.001 --writers.las.offset_x=0`");
    }
    output_scale_[axis] = finest * std::max(std::ceil(far / most), 1.0);
  }
  for (std::size_t f = 0; f < files_.size() && !exact; ++f) output_[f] = rounded(files_[f].header(), output_scale_);
}

/// How many such steps coordinates are from the first file's offset, at most.
double Cloud::farthest(const std::vector<RawBounds>& raw, std::size_t axis, double step) const noexcept {
  long double most = 0;
  for (std::size_t f = 0; f < files_.size(); ++f) {
    if (files_[f].points() == 0) continue;
    const Placement placement = rounded(files_[f].header(), {step, step, step});
    for (const std::int32_t at : {raw[f].low[axis], raw[f].high[axis]}) {
      most = std::max(most, std::fabs(placement.real(axis, at)));
    }
  }
  return static_cast<double>(most);
}

bool Cloud::has_rgb() const noexcept { return point_layout(layout_.format).colour >= 0; }
bool Cloud::has_nir() const noexcept { return point_layout(layout_.format).infrared >= 0; }

std::size_t Cloud::file_of(std::uint32_t id) const noexcept {
  return static_cast<std::size_t>(std::upper_bound(first_.begin(), first_.end() - 1, id) - first_.begin()) - 1;
}

WidePoint Cloud::exact_in(std::size_t file, std::uint32_t id) const noexcept {
  const auto raw = files_[file].position(id - first_[file]);
  const Placement& placement = placements_[file];
  return {placement.place(0, raw[0]), placement.place(1, raw[1]), placement.place(2, raw[2]), id};
}

WidePoint Cloud::exact(std::uint32_t id) const noexcept { return exact_in(file_of(id), id); }

Point Cloud::point(std::size_t file, std::uint32_t id) const noexcept {
  const WidePoint exact = exact_in(file, id);
  const auto cell = [&](std::int64_t at) { return static_cast<std::int32_t>(at >> cell_bits_); };
  return {cell(exact.x), cell(exact.y), cell(exact.z), id};
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

std::int32_t Cloud::output(std::size_t file, std::size_t axis, std::int32_t raw) const noexcept {
  return same_coordinates_ ? raw : static_cast<std::int32_t>(output_[file].place(axis, raw));
}

std::array<std::int32_t, 3> Cloud::output_position(std::uint32_t id) const noexcept {
  const std::size_t file = file_of(id);
  const auto raw = files_[file].position(id - first_[file]);
  return {output(file, 0, raw[0]), output(file, 1, raw[1]), output(file, 2, raw[2])};
}

}  // namespace weir::lidar
