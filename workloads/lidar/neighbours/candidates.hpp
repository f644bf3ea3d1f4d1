// The points that the queries of a group select their neighbours from. A group is points next to each other in Morton
// order; its candidates lie in coordinates round its centre, so that squared distances fit 32 bits, and are complete up
// to a distance from its box that is likely to do. Part of the kernels.
#pragma once

#include <cmath>

#include "workloads/lidar/neighbours/lanes.hpp"
#include "workloads/lidar/neighbours/near_leaves.hpp"

namespace weir::lidar {
namespace {

/// Queries that are searched together: points next to each other in Morton order.
struct Group {
  std::uint32_t first, last;
  Box box;
  std::int32_t centre[3];
  double widest;  ///< from the centre to the farthest of the points
  bool fits;      ///< else the coordinates are too far apart

  /// Where k points are that near the centre, as a square: what is at most this far from the box, as a square,
  /// holds the neighbours of all of the group.
  [[nodiscard]] std::uint64_t reach(std::uint32_t bound) const noexcept {
    const double loose = std::sqrt(static_cast<double>(bound)) + widest;
    return static_cast<std::uint64_t>(loose * loose) + 1;
  }
};

class Candidates {
 public:
  static constexpr std::uint32_t most = Near::most;
  /// Length of arrays that are read and written by whole vectors.
  static constexpr std::uint32_t padded_length = most + Tree::slack;

  Candidates(const Tree& tree, std::uint32_t k) noexcept : tree_(tree), k_(k) {}

  /// Finds leaves for the groups of a block of points; what is there is enough for nearly all, the others look for
  /// themselves.
  void look_round(const Node& top) noexcept {
    const Node* const end = tree_.nodes.data() + top.skip;
    const Node* sample = &top;
    for (const Node* node = &top; node < end; ++node) {
      if (!node->leaf) continue;
      sample = node;
      if (node->first + node->count > top.first + top.count / 2) break;
    }
    const Group middle = open(sample->first, sample->first + sample->count);
    std::uint32_t bound = 0;
    if (middle.fits && first_bound(middle, bound)) {
      const Box box{{top.low[0], top.low[1], top.low[2]}, {top.high[0], top.high[1], top.high[2]}};
      leaves_.gather(tree_, box, middle.reach(bound), 8 * most);
    }
  }

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] const std::uint32_t* xy() const noexcept { return xy_; }  ///< as pack() makes them
  [[nodiscard]] const std::uint32_t* z() const noexcept { return z_; }
  [[nodiscard]] std::uint32_t position(std::uint32_t place) const noexcept { return position_[place]; }
  /// The squared distance from the group's box up to which all points are there.
  [[nodiscard]] std::uint64_t covered() const noexcept { return covered_; }

  /// The group of [first, last).
  [[nodiscard]] Group open(std::uint32_t first, std::uint32_t last) noexcept {
    Group one{.first = first, .last = last, .box = box_of(first, last), .centre = {}, .widest = 0, .fits = false};
    for (int axis = 0; axis < 3; ++axis) {
      const std::int32_t extent = one.box.high[axis] - one.box.low[axis];
      if (extent > max_local) return one;
      one.centre[axis] = one.box.low[axis] + extent / 2;
    }
    std::uint32_t widest = 0;
    for (std::uint32_t p = first; p < last; ++p) {
      const std::int32_t x = tree_.x[p] - one.centre[0], y = tree_.y[p] - one.centre[1], z = tree_.z[p] - one.centre[2];
      const auto far = static_cast<std::uint32_t>(x * x + y * y + z * z);
      widest = far > widest ? far : widest;
    }
    one.widest = std::sqrt(static_cast<double>(widest));
    one.fits = true;
    return one;
  }

  /// Lists all points up to √covered() from the group's box, and gives a bound on the k-th smallest squared distance to
  /// its centre; false where they do not fit. How far the group before had to look says which leaves to begin with;
  /// these give the bound that says which others.
  [[nodiscard]] bool collect(const Group& group, std::uint32_t& bound) noexcept {
    for (int axis = 0; axis < 3; ++axis) centre_[axis] = group.centre[axis];
    leaves_.measure(group.box);
    count_ = 0;
    std::uint64_t complete = likely_reach(bound_before_ + bound_before_ / 8);
    if (!leaves_.know(group.box, complete) || !list_up_to(group, complete) || count_ < k_) {
      complete = 0;
      count_ = 0;
      if (leaves_.points() >= k_ && !append_leaves(leaves_.nearest(3 * k_))) return false;
    }
    if (count_ >= k_) {
      bound = bound_of_list();
    } else if (!first_bound(group, bound)) {
      return false;
    }
    covered_ = likely_reach(bound);
    if (covered_ > complete) {
      if (!list_up_to(group, covered_)) return false;
      distances(xy_, z_, count_, {}, far_);
      // Where all that is nearer than the bound was there before, there is nothing to gain.
      if (bound > complete) bound = select(far_, count_, k_, bound, bound, k_ / 8).bound;
      const std::uint64_t enough = likely_reach(bound);
      covered_ = enough < covered_ ? enough : covered_;
    }
    bound_before_ = bound;
    tighten(group);
    return true;
  }

  /// Lists more, for a query that has k points up to √`reach` from it that are not all covered; false where they do not
  /// fit, and then the list is of no use.
  [[nodiscard]] bool widen(const Group& group, std::uint32_t reach) noexcept {
    if (!list_up_to(group, reach)) return false;
    covered_ = reach;
    distances(xy_, z_, count_, {}, far_);
    tighten(group);
    return true;
  }

 private:
  static constexpr std::int32_t max_local = (1 << 14) - 1;  // so that differences stay below 2^15

  [[nodiscard]] Box box_of(std::uint32_t first, std::uint32_t last) const noexcept {
    Box box{{INT32_MAX, INT32_MAX, INT32_MAX}, {INT32_MIN, INT32_MIN, INT32_MIN}};
    const std::int32_t* const axes[3] = {tree_.x, tree_.y, tree_.z};
    for (int axis = 0; axis < 3; ++axis) {
      for (std::uint32_t p = first; p < last; ++p) {
        const std::int32_t at = axes[axis][p];
        box.low[axis] = at < box.low[axis] ? at : box.low[axis];
        box.high[axis] = at > box.high[axis] ? at : box.high[axis];
      }
    }
    return box;
  }

  /// Adds [first, first + count) to the list, round `centre_`; at most `lanes` of them.
  void append(std::uint32_t first, std::uint32_t count) noexcept {
    const std::uint32_t at = count_;  // arrays are longer than that
    pack(tree_.x + first, tree_.y + first, tree_.z + first, centre_, xy_ + at, z_ + at);
    number(first, position_ + at);
    count_ += count;
  }

  /// Adds the leaves with at most that measure; false where they do not fit.
  [[nodiscard]] bool append_leaves(std::uint32_t measure) noexcept {
    const std::uint32_t found = leaves_.find(measure, places_);
    for (std::uint32_t i = 0; i < found; ++i) {
      const std::uint32_t place = places_[i], count = leaves_.size(place);
      if (count_ + count > most || !leaves_.within(place, centre_, max_local)) return false;
      append(leaves_.first(place), count);
    }
    return true;
  }

  /// At least the k-th smallest squared distance to the centre among the list, by a few points at most; leaves the
  /// distances in `far_`.
  [[nodiscard]] std::uint32_t bound_of_list() noexcept {
    distances(xy_, z_, count_, {}, far_);
    const std::uint32_t farthest = largest_up_to(far_, count_, UINT32_MAX - 1);
    return select(far_, count_, k_, farthest, bound_before_, k_ / 8).bound;
  }

  /// A bound on the k-th smallest squared distance to the centre, from the points round the group in Morton order.
  [[nodiscard]] bool first_bound(const Group& group, std::uint32_t& bound) noexcept {
    for (int axis = 0; axis < 3; ++axis) centre_[axis] = group.centre[axis];
    const std::uint32_t around = (k_ + k_ / 2 + 8) / 2;
    std::uint32_t from = group.first > around ? group.first - around : 0;
    std::uint32_t to = group.last + around < tree_.points ? group.last + around : tree_.points;
    if (to - from < k_) {  // at an end of the order
      from = to > k_ ? to - k_ : 0;
      to = from + k_;
    }
    count_ = 0;
    const Box box = box_of(from, to);
    for (int axis = 0; axis < 3; ++axis) {
      if (centre_[axis] - box.low[axis] > max_local || box.high[axis] - centre_[axis] > max_local) return false;
    }
    for (std::uint32_t p = from; p < to; p += lanes) append(p, to - p < lanes ? to - p : lanes);
    bound = bound_of_list();
    return true;
  }

  /// What is likely to hold the neighbours of a group's queries, as a squared distance from the group's box, where k
  /// points are that near the centre.
  [[nodiscard]] static std::uint64_t likely_reach(std::uint32_t bound) noexcept {
    return std::uint64_t{bound} + bound / 2 + 1;  // never 0, which is nothing
  }

  /// Lists all points up to √`reach` from the group's box, and more; false where they do not fit.
  [[nodiscard]] bool list_up_to(const Group& group, std::uint64_t reach) noexcept {
    if (!leaves_.know(group.box, reach)) {
      leaves_.gather(tree_, group.box, reach, most);
      if (!leaves_.know(group.box, reach)) return false;
      leaves_.measure(group.box);
    }
    count_ = 0;
    return append_leaves(NearLeaves::measure_of(reach));
  }

  /// Leaves out what is no neighbour of any query of the group whose k-th distance is covered.
  void tighten(const Group& group) noexcept {
    const double reach = std::sqrt(static_cast<double>(covered_)) + group.widest;
    const double square = reach * reach + 1;
    if (square < 4294967294.0) keep(static_cast<std::uint32_t>(square));
  }

  /// Keeps those candidates whose distance in `far_` is at most that.
  void keep(std::uint32_t bound) noexcept {
    keep_up_to(far_, count_, bound, xy_);
    keep_up_to(far_, count_, bound, z_);
    count_ = keep_up_to(far_, count_, bound, position_);
  }

  const Tree& tree_;
  const std::uint32_t k_;
  NearLeaves leaves_;
  std::int32_t centre_[3] = {};
  std::uint32_t count_ = 0;
  std::uint32_t bound_before_ = 0;  // of the group before
  std::uint64_t covered_ = 0;
  alignas(64) std::uint32_t xy_[padded_length];
  alignas(64) std::uint32_t z_[padded_length];
  alignas(64) std::uint32_t position_[padded_length];
  alignas(64) std::uint32_t far_[padded_length];  // squared distances to the centre
  alignas(64) std::uint32_t places_[NearLeaves::capacity + Tree::slack];
};

}  // namespace
}  // namespace weir::lidar
