#include "workloads/lidar/device/plan.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "compute/sort_plan.hpp"
#include "workloads/lidar/neighbours/box.hpp"
#include "workloads/lidar/neighbours/height.hpp"

namespace weir::lidar::bodies {
namespace {

static_assert(column_ids == feature_count && column_red == static_cast<uint>(Feature::mean_red) &&
              column_height_above_ground == static_cast<uint>(Feature::height_above_ground) &&
              column_facade_score == static_cast<uint>(Feature::facade_score) &&
              column_neighbours == static_cast<uint>(Feature::neighbours) &&
              column_density == static_cast<uint>(Feature::density) &&
              column_ndvi == static_cast<uint>(Feature::ndvi) && column_radius == static_cast<uint>(Feature::radius) &&
              column_nir_std == static_cast<uint>(Feature::std_nir));
static_assert(ground_most == GroundSearch::max_count && least_neighbours == lidar::least_neighbours);
static_assert(sizeof(Point) == sizeof(ivec4) && sizeof(Parameters) <= 124);

constexpr uint max_cell_bits = 16;  // an axis: finer cells than 1/65536 of the chunk seldom help

uint parts(uint count, uint size) noexcept { return (count + size - 1) / size; }

void set_real(Precision precision, double value, uint& first, uint& second) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  first = static_cast<uint>(bits);
  second = static_cast<uint>(bits >> 32);
  if (precision == Precision::floats) first = std::bit_cast<uint>(static_cast<float>(value));
}

int side_of(std::int64_t at, std::int64_t open, int as_open) noexcept {
  return at == open ? as_open : static_cast<int>(at);
}

uint flags_of(const ComputeSettings& settings) noexcept {
  uint flags = 0;
  if (settings.has_rgb) flags |= flag_rgb;
  if (settings.has_nir) flags |= flag_nir;
  if (settings.has_ground) flags |= flag_ground;
  if (settings.features.needs_neighbours()) flags |= flag_neighbours;
  if (settings.features.needs_colours()) flags |= flag_colours;
  if (settings.features.needs_classes()) flags |= flag_classes;
  return flags;
}

/// Whether cells of that size have more points than a leaf, on the average of those that have some: estimated by how
/// many pairs of a sample are in one cell. So it is where a point far off makes all cells large.
bool are_crowded(std::span<const Point> points, const Box<std::int32_t>& box, uint shift) {
  constexpr std::size_t sample = 4096;
  if (shift == 0) return false;
  const std::size_t step = std::max<std::size_t>(points.size() / sample, 1);
  std::vector<std::array<uint, 3>> cells;
  for (std::size_t i = 0; i < points.size(); i += step) {
    const int at[3] = {points[i].x, points[i].y, points[i].z};
    std::array<uint, 3> cell{};
    for (std::size_t axis = 0; axis < 3; ++axis) {
      cell[axis] = (static_cast<uint>(at[axis]) - static_cast<uint>(box.low[axis])) >> shift;
    }
    cells.push_back(cell);
  }
  std::ranges::sort(cells);
  double pairs = 0;
  for (std::size_t first = 0, last = 1; first < cells.size(); first = last++) {
    while (last < cells.size() && cells[last] == cells[first]) ++last;
    const auto same = static_cast<double>(last - first);
    pairs += same * (same - 1) / 2;
  }
  const auto seen = static_cast<double>(cells.size());
  return 2 * pairs * static_cast<double>(points.size()) > leaf_points * seen * (seen - 1);
}

class Planner {
 public:
  Planner(const ComputeSettings& settings, const ChunkJob& job, Precision precision) {
    Box<std::int32_t> box;
    for (const Point& point : job.points) box.add(point.x, point.y, point.z);
    uint extent = 1;
    for (int axis = 0; axis < 3; ++axis) {
      extent = std::max(extent, static_cast<uint>(box.high[axis]) - static_cast<uint>(box.low[axis]));
    }
    const auto bits = static_cast<uint>(std::bit_width(extent));
    cell_shift_ = bits > max_cell_bits ? bits - max_cell_bits : 0;
    bits_ = bits - cell_shift_;
    crowded_ = are_crowded(job.points, box, cell_shift_);
    base_.count = static_cast<uint>(job.points.size());
    base_.queries = static_cast<uint>(job.queries);
    base_.low_x = box.low[0];
    base_.low_y = box.low[1];
    base_.low_z = box.low[2];
    base_.k = settings.search.k;
    const auto radius_squared = static_cast<std::uint64_t>(settings.search.radius_squared);
    base_.radius2_high = high_of(radius_squared);
    base_.radius2_low = low_of(radius_squared);
    base_.known_low_x = side_of(job.known.low[0], INT64_MIN, open_low);
    base_.known_low_y = side_of(job.known.low[1], INT64_MIN, open_low);
    base_.known_high_x = side_of(job.known.high[0], INT64_MAX, open_high);
    base_.known_high_y = side_of(job.known.high[1], INT64_MAX, open_high);
    set_real(precision, settings.unit, base_.unit_first, base_.unit_second);
    set_real(precision, settings.search.radius, base_.radius_first, base_.radius_second);
    base_.flags = flags_of(settings);
    const std::uint64_t ground2 = ground_reach_squared(settings.ground.reach, settings.unit);
    base_.ground2_high = high_of(ground2);
    base_.ground2_low = low_of(ground2);
    base_.ground_wanted = settings.ground.count;
    needs_height_ = settings.features.needs_height();
  }

  std::vector<Step> steps() {
    if (crowded_) {
      sort_by_codes(0, cell_shift_);
      base_.flags |= flag_ordered;
    }
    sort_by_codes(cell_shift_, bits_);
    add(Body::gather_point, base_.count);
    boxes();
    add(Body::find_features, base_.count);
    if (needs_height_) add(Body::find_height, base_.count);
    return std::move(steps_);
  }

 private:
  struct Level {
    uint begin, count;
  };

  void add(Body body, uint items) { steps_.push_back({body, items, base_}); }
  void add(Body body, uint items, Level level, Level below) {
    add(body, items);
    Parameters& parameters = steps_.back().parameters;
    parameters.level_begin = level.begin;
    parameters.level_count = level.count;
    parameters.below_begin = below.begin;
    parameters.below_count = below.count;
  }

  /// By so many bits of an axis from `shift` on. Codes have 24 bits a word, 8 of each axis.
  void sort_by_codes(uint shift, uint bits) {
    base_.cell_shift = shift;
    add(Body::make_code, base_.count);
    const uint low_digits = parts(3 * std::min(bits, 8u), 4);
    for (uint digit = 0; digit < low_digits; ++digit) compute::add_sort_pass(steps_, base_, digit);
    for (uint digit = 0; bits > 8 && digit < parts(3 * (bits - 8), 4); ++digit) {
      compute::add_sort_pass(steps_, base_, digits_of_word + digit);
    }
  }

  void boxes() {
    Level level{0, parts(base_.count, leaf_points)};
    add(Body::make_leaf, level.count);
    while (level.count > 1) {
      const Level below = level;
      level = {below.begin + below.count, parts(below.count, 4)};
      add(Body::make_box, level.count, level, below);
    }
  }

  Parameters base_{};
  uint cell_shift_ = 0, bits_ = 0;
  bool crowded_ = false;
  bool needs_height_ = false;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> plan(const ComputeSettings& settings, const ChunkJob& job, Precision precision) {
  constexpr std::size_t most = std::size_t{1} << 29;  // as codes are numbered in words
  if (job.points.size() > most) {
    throw LimitExceeded("a chunk has " + std::to_string(job.points.size()) + " points with its halo; at most " +
                            std::to_string(most) + " here",
                        {.name = "chunk", .limit = most});
  }
  return Planner(settings, job, precision).steps();
}

std::vector<ScopeColumn> workspace_features() {
  return {scope_column<std::array<uint, 4>>("codes"), scope_column<std::array<uint, 2>>("order"),
          scope_column<uint>("counters"), scope_column<Point>("sorted"), scope_column<std::array<uint, 2>>("boxes")};
}

std::vector<ScopeColumn> output_features(const FeatureSet& features) {
  std::vector<ScopeColumn> all = row_features(features);
  all.push_back(scope_column<uint>("state"));
  all.push_back(scope_column<std::uint64_t>("reach"));
  return all;
}

std::size_t max_queries(const FeatureSet& features, std::uint64_t bytes) {
  constexpr std::uint64_t halved = 2 * sizeof(std::array<uint, 4>);  // the widest buffer of a point
  std::uint64_t row = 0;
  for (const ScopeColumn& feature : output_features(features)) row += feature.type.bytes;
  constexpr std::uint64_t padding = column_count * PoolingScope::alignment + 128 * halved;
  // Places are numbered in words, and words have 32-bit numbers.
  const std::uint64_t most = std::min(bytes, std::uint64_t{UINT32_MAX} * sizeof(uint));
  return static_cast<std::size_t>((most - std::min(most, padding)) / std::max(row, halved));
}

std::vector<std::uint32_t> columns_of(const FeatureSet& features, const PoolingScope& output) {
  const auto word = [&](std::string_view name) {
    const std::size_t place = output.offset(name) / sizeof(uint);
    if (place + 2 * output.capacity() > UINT32_MAX) {
      throw LimitExceeded("chunks of " + std::to_string(output.capacity()) + " points are too large for this device",
                          {.name = "chunk", .bytes_asked = output.memory().size()});
    }
    return static_cast<uint>(place);
  };
  std::vector<std::uint32_t> columns(column_count, no_column);
  for (const Feature feature : features.features()) columns[static_cast<std::size_t>(feature)] = word(name(feature));
  columns[column_ids] = word("ids");
  columns[column_state] = word("state");
  columns[column_reach] = word("reach");
  return columns;
}

KernelResult result_of(const PoolingScope& output, std::span<const std::byte> bytes, std::size_t queries) {
  const std::byte* const states = bytes.data() + output.offset("state");
  const std::byte* const reaches = bytes.data() + output.offset("reach");
  KernelResult result;
  for (std::size_t row = 0; row < queries; ++row) {
    uint state = 0;
    std::memcpy(&state, states + row * sizeof(state), sizeof(state));
    if (state == 1) ++result.coincident;
    if (state != 2) continue;
    std::uint64_t reach = 0;
    std::memcpy(&reach, reaches + row * sizeof(reach), sizeof(reach));
    result.unfinished.push_back({static_cast<std::uint32_t>(row), widened(reach)});
  }
  return result;
}

}  // namespace weir::lidar::bodies
