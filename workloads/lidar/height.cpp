#include "height.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

namespace weir::lidar {
namespace {

constexpr std::uint8_t ground_class = 2;

std::uint64_t square(std::int64_t a, std::int64_t b) noexcept { return static_cast<std::uint64_t>(a * a + b * b); }

std::int64_t outside(std::int64_t at, std::int64_t low, std::int64_t high) noexcept {
  return std::max<std::int64_t>({low - at, at - high, 0});
}

std::uint64_t flat_distance(const Node& node, std::int64_t x, std::int64_t y) noexcept {
  return square(outside(x, node.low[0], node.high[0]), outside(y, node.low[1], node.high[1]));
}

struct Ground {
  std::uint64_t distance;
  std::uint32_t id, input;
  friend bool operator<(const Ground& one, const Ground& other) noexcept {
    return one.distance < other.distance || (one.distance == other.distance && one.id < other.id);
  }
};

/// The nearest few, in order.
class Nearest {
 public:
  Nearest(std::uint64_t reach, std::uint32_t wanted) noexcept : bound_(reach), wanted_(wanted) {}
  [[nodiscard]] bool hopeless(std::uint64_t distance, std::uint32_t lowest_id) const noexcept {
    if (distance > bound_) return true;
    return full() && distance == found_[wanted_ - 1].distance && lowest_id > found_[wanted_ - 1].id;
  }
  void offer(const Ground& one) noexcept {
    if (one.distance > bound_ || (full() && !(one < found_[wanted_ - 1]))) return;
    std::size_t at = full() ? count_ - 1 : count_++;
    for (; at > 0 && one < found_[at - 1]; --at) found_[at] = found_[at - 1];
    found_[at] = one;
    if (full()) bound_ = found_[wanted_ - 1].distance;
  }
  [[nodiscard]] bool full() const noexcept { return count_ == wanted_; }
  [[nodiscard]] std::span<const Ground> found() const noexcept { return {found_.data(), count_}; }

 private:
  std::uint64_t bound_;
  std::size_t wanted_, count_ = 0;
  std::array<Ground, GroundSearch::most_count> found_{};
};

}  // namespace

std::uint64_t ground_reach_squared(double reach, double unit) noexcept {
  const double steps = std::floor(reach / unit);
  return steps < 3e9 ? static_cast<std::uint64_t>(steps * steps) : std::uint64_t{1} << 63;
}

GroundHeight::GroundHeight(const Tree& tree, const std::uint8_t* classes, double unit, const GroundSearch& search,
                           Team& team)
    : tree_(tree),
      unit_(unit),
      reach_squared_(ground_reach_squared(search.reach, unit)),
      wanted_(search.count),
      by_class_(classes != nullptr) {
  if (!by_class_) return;
  const auto is_ground = [&](std::uint32_t input) { return classes[input] == ground_class; };
  std::vector<std::uint32_t> before(team.size() + 1);  // ground points of each range, then of all ranges before it
  team.in_ranges(tree.points, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
    before[part + 1] = static_cast<std::uint32_t>(std::count_if(tree.input + first, tree.input + last, is_ground));
  });
  for (std::size_t part = 0; part < team.size(); ++part) before[part + 1] += before[part];
  const std::size_t count = before.back(), room = count + Tree::slack;
  const auto points = std::make_unique_for_overwrite<Point[]>(count);
  z_ = std::make_unique_for_overwrite<std::int32_t[]>(count);
  team.in_ranges(tree.points, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
    std::uint32_t at = before[part];
    for (std::uint32_t p = first; p < last; ++p) {
      if (!is_ground(tree.input[p])) continue;
      points[at] = {tree.x[p], tree.y[p], 0, tree.id[p]};
      z_[at++] = tree.z[p];
    }
  });
  coordinates_ = std::make_unique_for_overwrite<std::int32_t[]>(3 * room);
  numbers_ = std::make_unique_for_overwrite<std::uint32_t[]>(3 * room);
  codes_ = std::make_unique_for_overwrite<std::uint64_t[]>(2 * room);
  nodes_ = std::make_unique_for_overwrite<Node[]>(most_nodes(count));
  std::int32_t* const c = coordinates_.get();
  std::uint32_t* const n = numbers_.get();
  ground_ = build_tree(
      {points.get(), count}, 0, team,
      {c, c + room, c + 2 * room, n, n + room, n + 2 * room, codes_.get(), codes_.get() + room, nodes_.get()});
}

float GroundHeight::above_class(std::uint32_t position, std::uint64_t& hint) const {
  const std::int64_t x = tree_.x[position], y = tree_.y[position];
  Nearest nearest(std::min(reach_squared_, hint), wanted_);
  const auto end = static_cast<std::uint32_t>(ground_.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const Node& node = ground_.nodes[i];
    if (nearest.hopeless(flat_distance(node, x, y), node.lowest_id)) {
      i = node.skip;
      continue;
    }
    for (std::uint32_t p = node.first; node.leaf && p < node.first + node.count; ++p) {
      nearest.offer({square(ground_.x[p] - x, ground_.y[p] - y), ground_.id[p], ground_.input[p]});
    }
    ++i;
  }
  const std::span<const Ground> found = nearest.found();
  if (found.empty()) return std::numeric_limits<float>::quiet_NaN();
  hint = nearest.full() ? found.back().distance : UINT64_MAX;
  // In order of distance and id, so the sum is the same however the points were found; weights relative to
  // the nearest. Ground right below counts alone.
  double weights = 0, sum = 0;
  for (const Ground& each : found) {
    const auto distance = static_cast<double>(each.distance);
    if (found.front().distance == 0 && each.distance != 0) break;
    const double weight = each.distance == 0 ? 1.0 : std::sqrt(static_cast<double>(found.front().distance) / distance);
    weights += weight;
    sum += weight * static_cast<double>(std::int64_t{tree_.z[position]} - z_[each.input]);
  }
  return static_cast<float>(sum / weights * unit_);
}

float GroundHeight::above_lowest(std::uint32_t position, std::uint32_t& hint) const {
  const std::int64_t x = tree_.x[position], y = tree_.y[position];
  const auto reached = [&](std::uint32_t p) { return square(tree_.x[p] - x, tree_.y[p] - y) <= reach_squared_; };
  std::uint32_t lowest = position;
  if (tree_.z[hint] < tree_.z[lowest] && reached(hint)) lowest = hint;
  const auto end = static_cast<std::uint32_t>(tree_.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const Node& node = tree_.nodes[i];
    if (node.low[2] >= tree_.z[lowest] || flat_distance(node, x, y) > reach_squared_) {
      i = node.skip;
      continue;
    }
    for (std::uint32_t p = node.first; node.leaf && p < node.first + node.count; ++p) {
      if (tree_.z[p] < tree_.z[lowest] && reached(p)) lowest = p;
    }
    ++i;
  }
  hint = lowest;
  return static_cast<float>(static_cast<double>(std::int64_t{tree_.z[position]} - tree_.z[lowest]) * unit_);
}

void GroundHeight::fill(std::uint32_t first, std::uint32_t last, float* heights) const {
  std::uint32_t low = first;
  std::int64_t last_x = 0, last_y = 0;
  double last_root = -1;  // of the query before, which is near: a bound for this one
  for (std::uint32_t p = first; p < last; ++p) {
    if (!tree_.is_query(p)) continue;
    if (!by_class_) {
      heights[tree_.rank[p]] = above_lowest(p, low);
      continue;
    }
    std::uint64_t hint = UINT64_MAX;
    if (last_root >= 0) {
      const double apart = std::sqrt(static_cast<double>(square(tree_.x[p] - last_x, tree_.y[p] - last_y)));
      const double bound = (last_root + apart) * (last_root + apart) + 2;
      if (bound < 1e18) hint = static_cast<std::uint64_t>(bound);
    }
    heights[tree_.rank[p]] = above_class(p, hint);
    last_x = tree_.x[p];
    last_y = tree_.y[p];
    const bool known = hint != UINT64_MAX;
    last_root = known ? std::sqrt(static_cast<double>(hint)) : -1;
  }
}

}  // namespace weir::lidar
