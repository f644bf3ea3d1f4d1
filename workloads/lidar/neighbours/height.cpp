#include "workloads/lidar/neighbours/height.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "workloads/lidar/neighbours/box.hpp"

namespace weir::lidar {
namespace {

constexpr std::uint8_t class_of_ground = 2;

template <class Square>
Square square(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<Square>(a) * static_cast<Square>(a) + static_cast<Square>(b) * static_cast<Square>(b);
}

template <class Square, class Coordinate>
Square flat_distance(const BasicNode<Coordinate>& node, std::int64_t x, std::int64_t y) noexcept {
  return square<Square>(outside(x, node.low[0], node.high[0]), outside(y, node.low[1], node.high[1]));
}

template <class Square>
struct Ground {
  Square distance;
  std::uint32_t id, input;
  friend bool operator<(const Ground& one, const Ground& other) noexcept {
    return one.distance < other.distance || (one.distance == other.distance && one.id < other.id);
  }
};

/// The nearest few, in order.
template <class Square>
class Nearest {
 public:
  using Ground = lidar::Ground<Square>;

  Nearest(Square reach, std::uint32_t wanted) noexcept : bound_(reach), wanted_(wanted) {}
  [[nodiscard]] bool hopeless(Square distance, std::uint32_t lowest_id) const noexcept {
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
  Square bound_;
  std::size_t wanted_, count_ = 0;
  std::array<Ground, GroundSearch::max_count> found_{};
};

/// In the squares of a tree.
template <class Square>
Square reach_squared(double reach, double unit) noexcept {
  if constexpr (sizeof(Square) == sizeof(std::uint64_t)) {
    return ground_reach_squared(reach, unit);
  } else {
    const auto steps = static_cast<Square>(std::floor(std::min(reach / unit, 0x1p60)));
    return steps * steps;
  }
}

}  // namespace

std::uint64_t ground_reach_squared(double reach, double unit) noexcept {
  const double steps = std::floor(reach / unit);
  return steps < 3e9 ? static_cast<std::uint64_t>(steps * steps) : std::uint64_t{1} << 63;
}

template <class Coordinate>
GroundHeight<Coordinate>::GroundHeight(const Tree& tree, const std::uint8_t* classes, double unit,
                                       const GroundSearch& search, compute::Team& team)
    : tree_(tree),
      unit_(unit),
      reach_squared_(lidar::reach_squared<Square>(search.reach, unit)),
      wanted_(search.count),
      by_class_(classes != nullptr) {
  if (!by_class_) return;
  const auto is_ground = [&](std::uint32_t input) { return classes[input] == class_of_ground; };
  std::vector<std::uint32_t> before(team.size() + 1);  // ground points of each range, then of all ranges before it
  team.in_ranges(tree.points, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
    before[part + 1] = static_cast<std::uint32_t>(std::count_if(tree.input + first, tree.input + last, is_ground));
  });
  for (std::size_t part = 0; part < team.size(); ++part) before[part + 1] += before[part];
  const std::size_t count = before.back(), length = count + Tree::slack;
  const auto points = std::make_unique_for_overwrite<BasicPoint<Coordinate>[]>(count);
  z_ = std::make_unique_for_overwrite<Coordinate[]>(count);
  team.in_ranges(tree.points, [&](std::size_t part, std::uint32_t first, std::uint32_t last) {
    std::uint32_t at = before[part];
    for (std::uint32_t p = first; p < last; ++p) {
      if (!is_ground(tree.input[p])) continue;
      points[at] = {tree.x[p], tree.y[p], 0, tree.id[p]};
      z_[at++] = tree.z[p];
    }
  });
  coordinates_ = std::make_unique_for_overwrite<Coordinate[]>(3 * length);
  numbers_ = std::make_unique_for_overwrite<std::uint32_t[]>(3 * length);
  codes_ = std::make_unique_for_overwrite<std::uint64_t[]>(2 * length);
  nodes_ = std::make_unique_for_overwrite<BasicNode<Coordinate>[]>(max_nodes(count));
  Coordinate* const c = coordinates_.get();
  std::uint32_t* const n = numbers_.get();
  const BasicTreeMemory<Coordinate> memory{
      c, c + length, c + 2 * length, n, n + length, n + 2 * length, codes_.get(), codes_.get() + length, nodes_.get()};
  ground_ = build_tree(std::span<const BasicPoint<Coordinate>>(points.get(), count), 0, team, memory);
}

template <class Coordinate>
float GroundHeight<Coordinate>::above_class(std::uint32_t position, Square& hint) const {
  const std::int64_t x = tree_.x[position], y = tree_.y[position];
  Nearest<Square> nearest(std::min(reach_squared_, hint), wanted_);
  const auto end = static_cast<std::uint32_t>(ground_.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const BasicNode<Coordinate>& node = ground_.nodes[i];
    if (nearest.hopeless(flat_distance<Square>(node, x, y), node.lowest_id)) {
      i = node.skip;
      continue;
    }
    for (std::uint32_t p = node.first; node.leaf && p < node.first + node.count; ++p) {
      nearest.offer({square<Square>(ground_.x[p] - x, ground_.y[p] - y), ground_.id[p], ground_.input[p]});
    }
    ++i;
  }
  const std::span<const Ground<Square>> found = nearest.found();
  if (found.empty()) return std::numeric_limits<float>::quiet_NaN();
  hint = nearest.full() ? found.back().distance : ~Square{0};
  // In order of distance and id, so the sum is the same however the points were found; weights relative to
  // the nearest. Ground right below counts alone.
  double weights = 0, sum = 0;
  for (const Ground<Square>& each : found) {
    const auto distance = static_cast<double>(each.distance);
    if (found.front().distance == 0 && each.distance != 0) break;
    const double weight = each.distance == 0 ? 1.0 : std::sqrt(static_cast<double>(found.front().distance) / distance);
    weights += weight;
    sum += weight * static_cast<double>(std::int64_t{tree_.z[position]} - z_[each.input]);
  }
  return static_cast<float>(sum / weights * unit_);
}

template <class Coordinate>
float GroundHeight<Coordinate>::above_lowest(std::uint32_t position, std::uint32_t& hint) const {
  const std::int64_t x = tree_.x[position], y = tree_.y[position];
  const auto reached = [&](std::uint32_t p) {
    return square<Square>(tree_.x[p] - x, tree_.y[p] - y) <= reach_squared_;
  };
  std::uint32_t lowest = position;
  if (tree_.z[hint] < tree_.z[lowest] && reached(hint)) lowest = hint;
  const auto end = static_cast<std::uint32_t>(tree_.nodes.size());
  for (std::uint32_t i = 0; i < end;) {
    const BasicNode<Coordinate>& node = tree_.nodes[i];
    if (node.low[2] >= tree_.z[lowest] || flat_distance<Square>(node, x, y) > reach_squared_) {
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

template <class Coordinate>
void GroundHeight<Coordinate>::fill(std::uint32_t first, std::uint32_t last, float* heights) const {
  constexpr bool narrow = sizeof(Square) == sizeof(std::uint64_t);
  std::uint32_t low = first;
  std::int64_t last_x = 0, last_y = 0;
  double last_root = -1;  // of the query before, which is near: a bound for this one
  for (std::uint32_t p = first; p < last; ++p) {
    if (!tree_.is_query(p)) continue;
    if (!by_class_) {
      heights[tree_.rank[p]] = above_lowest(p, low);
      continue;
    }
    Square hint = ~Square{0};
    if (last_root >= 0) {
      const double apart = std::sqrt(static_cast<double>(square<Square>(tree_.x[p] - last_x, tree_.y[p] - last_y)));
      const double bound = (last_root + apart) * (last_root + apart) * (1 + 1e-14) + 2;  // and what was rounded
      if (bound < (narrow ? 1e18 : 1e36)) hint = static_cast<Square>(bound);
    }
    heights[tree_.rank[p]] = above_class(p, hint);
    last_x = tree_.x[p];
    last_y = tree_.y[p];
    const bool known = hint != ~Square{0};
    last_root = known ? std::sqrt(static_cast<double>(hint)) : -1;
  }
}

template class GroundHeight<std::int32_t>;
template class GroundHeight<std::int64_t>;

}  // namespace weir::lidar
