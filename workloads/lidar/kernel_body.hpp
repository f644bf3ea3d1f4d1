// The search for groups of queries, and the kernel itself. The points of a leaf are searched together: a bound
// from the group's centre gives one list of candidates, on which each query then selects its own. Where the
// coordinates are too far apart for 32-bit squares, or the list grows too long, groups are halved, and single
// queries end in nearest_one.hpp. Included by the kernel_*.cpp, once each, with WEIR_LIDAR_KERNEL.
#include "feature_batch.hpp"
#include "lanes.hpp"
#include "near_leaves.hpp"

namespace weir::lidar {
namespace {

class GroupSearch {
 public:
  GroupSearch(const KernelTask& task, KernelResult& result) noexcept
      : task_(task), tree_(task.tree), result_(result), batch_(task, result) {}

  void run(const Node& top) noexcept {
    const Node* const all = tree_.nodes.data();
    for (const Node* node = &top; node < all + top.skip;) {
      if (node->count > block_points) {
        ++node;
        continue;
      }
      if (task_.search.k == 0 || task_.search.k > tree_.points) {
        for (std::uint32_t p = node->first; p < node->first + node->count; ++p) single(p);
      } else if (tree_.rank[node->first] != tree_.rank[node->first + node->count]) {
        block(*node);
      }
      node = all + node->skip;
    }
    batch_.flush();
  }

 private:
  static constexpr std::uint32_t most_candidates = 1024;
  static constexpr std::int32_t most_local = (1 << 14) - 1;  // so that differences stay below 2^15

  static constexpr std::uint32_t block_points = 96;

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

  /// Candidates in coordinates round the group's centre.
  struct List {
    std::uint32_t count = 0;
    alignas(64) std::uint32_t xy[most_candidates + Tree::slack];  ///< as pack() makes them
    alignas(64) std::uint32_t z[most_candidates + Tree::slack];
    alignas(64) std::uint32_t position[most_candidates + Tree::slack];
  };

  /// All queries of a node of few points: its leaves are groups.
  void block(const Node& top) noexcept {
    const Node* const end = tree_.nodes.data() + top.skip;
    const Node* sample = &top;
    for (const Node* node = &top; node < end; ++node) {
      if (!node->leaf) continue;
      sample = node;
      if (node->first + node->count > top.first + top.count / 2) break;
    }
    // Twice what a leaf in the middle may need is enough for most; the others look for themselves.
    const Group middle = open(sample->first, sample->first + sample->count);
    std::uint32_t bound = 0;
    if (middle.fits && first_bound(middle, bound)) {
      const Box box{{top.low[0], top.low[1], top.low[2]}, {top.high[0], top.high[1], top.high[2]}};
      leaves_.gather(tree_, box, 2 * middle.reach(bound), 8 * most_candidates);
    }
    for (const Node* node = &top; node < end; ++node) {
      if (!node->leaf || tree_.rank[node->first] == tree_.rank[node->first + node->count]) continue;
      if (!together(open(node->first, node->first + node->count))) halve(node->first, node->first + node->count);
    }
  }

  void halve(std::uint32_t first, std::uint32_t last) noexcept {
    if (last - first == 1) return single(first);
    const std::uint32_t middle = first + (last - first) / 2;
    const std::uint32_t ends[3] = {first, middle, last};
    for (int side = 0; side < 2; ++side) {
      if (tree_.rank[ends[side]] == tree_.rank[ends[side + 1]]) continue;
      if (!together(open(ends[side], ends[side + 1]))) halve(ends[side], ends[side + 1]);
    }
  }

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
    const std::uint32_t at = list_.count;  // arrays have room behind them
    pack(tree_.x + first, tree_.y + first, tree_.z + first, centre_, list_.xy + at, list_.z + at);
    number(first, list_.position + at);
    list_.count += count;
  }

  /// Adds the leaves with at most that measure; false where they do not fit.
  [[nodiscard]] bool append_leaves(std::uint32_t measure) noexcept {
    const std::uint32_t found = leaves_.find(measure, places_);
    for (std::uint32_t i = 0; i < found; ++i) {
      const std::uint32_t place = places_[i], count = leaves_.size(place);
      if (list_.count + count > most_candidates || !leaves_.within(place, centre_, most_local)) return false;
      append(leaves_.first(place), count);
    }
    return true;
  }

  /// The group of [first, last).
  [[nodiscard]] Group open(std::uint32_t first, std::uint32_t last) noexcept {
    Group one{.first = first, .last = last, .box = box_of(first, last), .centre = {}, .widest = 0, .fits = false};
    for (int axis = 0; axis < 3; ++axis) {
      const std::int32_t extent = one.box.high[axis] - one.box.low[axis];
      if (extent > most_local) return one;
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

  /// At least the k-th smallest squared distance to the centre among the list, by a few points at most.
  [[nodiscard]] std::uint32_t bound_of_list() noexcept {
    distances(list_.xy, list_.z, list_.count, {}, far_);
    const std::uint32_t most = largest_up_to(far_, list_.count, UINT32_MAX - 1), k = task_.search.k;
    return select(far_, list_.count, k, most, most / 2, k / 8).bound;
  }

  /// A bound on the k-th smallest squared distance to the centre, from the points round the group in Morton order.
  [[nodiscard]] bool first_bound(const Group& group, std::uint32_t& bound) noexcept {
    for (int axis = 0; axis < 3; ++axis) centre_[axis] = group.centre[axis];
    const std::uint32_t k = task_.search.k;
    const std::uint32_t around = (k + k / 2 + 8) / 2;
    std::uint32_t from = group.first > around ? group.first - around : 0;
    std::uint32_t to = group.last + around < tree_.points ? group.last + around : tree_.points;
    if (to - from < k) {  // at an end of the order
      from = to > k ? to - k : 0;
      to = from + k;
    }
    list_.count = 0;
    const Box box = box_of(from, to);
    for (int axis = 0; axis < 3; ++axis) {
      if (centre_[axis] - box.low[axis] > most_local || box.high[axis] - centre_[axis] > most_local) return false;
    }
    for (std::uint32_t p = from; p < to; p += lanes) append(p, to - p < lanes ? to - p : lanes);
    bound = bound_of_list();
    return true;
  }

  /// The list of all points that may be neighbours of the group's, and more, with a bound on the k-th smallest squared
  /// distance to the centre; false where it does not fit. The nearest leaves give the bound that says which others.
  [[nodiscard]] bool collect(const Group& group, std::uint32_t& bound) noexcept {
    const std::uint32_t k = task_.search.k;
    std::uint32_t done = 0;
    list_.count = 0;
    leaves_.measure(group.box);
    if (leaves_.points() >= k) {
      done = leaves_.nearest(3 * k);
      if (!append_leaves(done)) return false;
    }
    if (list_.count >= k) {
      bound = bound_of_list();
    } else {
      if (!first_bound(group, bound)) return false;
      list_.count = done = 0;
      leaves_.measure(group.box);
    }
    const std::uint64_t reach = group.reach(bound);
    if (!leaves_.know(group.box, reach)) {
      leaves_.gather(tree_, group.box, reach, most_candidates);
      if (!leaves_.know(group.box, reach)) return false;
      leaves_.measure(group.box);
      list_.count = done = 0;
    }
    if (list_.count != 0) leaves_.leave_out(done);
    return append_leaves(NearLeaves::measure_of(reach));
  }

  /// Tightens the list to what may be a neighbour of the group's; gives the k-th distance to the centre, or a little
  /// more than that.
  [[nodiscard]] double tighten(const Group& group, std::uint32_t bound) noexcept {
    distances(list_.xy, list_.z, list_.count, {}, far_);
    const double root =
        std::sqrt(static_cast<double>(select(far_, list_.count, task_.search.k, bound, bound, 1).bound));
    const double reach = (root + 2 * group.widest) * (root + 2 * group.widest) + 1;
    if (reach < 4294967294.0) keep(static_cast<std::uint32_t>(reach));
    return root;
  }

  /// Keeps those candidates whose distance in `far_` is at most that.
  void keep(std::uint32_t bound) noexcept {
    keep_up_to(far_, list_.count, bound, list_.xy);
    keep_up_to(far_, list_.count, bound, list_.z);
    list_.count = keep_up_to(far_, list_.count, bound, list_.position);
  }

  /// Searches for all of the group at once; false, with nothing done, where that is not possible.
  [[nodiscard]] bool together(const Group& group) noexcept {
    if (!group.fits) return false;
    for (int axis = 0; axis < 3; ++axis) centre_[axis] = group.centre[axis];
    std::uint32_t bound = 0;
    if (!collect(group, bound)) return false;
    const double root = tighten(group, bound);
    const double widest = (root + group.widest) * (root + group.widest) + 1;
    // Sums of k products fit 32 bits below this, and all else with them.
    narrow_ = widest * task_.search.k < 2147483647.0;
    guess_ = static_cast<std::uint32_t>(root * root);
    const std::uint64_t sure = sure_distance(group.box);
    for (std::uint32_t p = group.first; p < group.last; ++p) {
      if (tree_.is_query(p)) query(p, root, sure);
    }
    return true;
  }

  /// The squared distance within which everything round the box is known.
  [[nodiscard]] std::uint64_t sure_distance(const Box& box) const noexcept {
    const std::uint64_t one = known_distance(task_.known, box.low[0], box.low[1]);
    const std::uint64_t other = known_distance(task_.known, box.high[0], box.high[1]);
    return one < other ? one : other;
  }

  void query(std::uint32_t position, double root, std::uint64_t sure) noexcept {
    const std::int32_t x = tree_.x[position] - centre_[0];
    const std::int32_t y = tree_.y[position] - centre_[1];
    const std::int32_t z = tree_.z[position] - centre_[2];
    const std::uint32_t k = task_.search.k;
    const Packed at = packed(x, y, z);
    distances(list_.xy, list_.z, list_.count, at, far_);
    const double own = std::sqrt(static_cast<double>(x * x + y * y + z * z));
    const double high = (root + own) * (root + own) + 1;
    const auto bound = high < 4294967294.0 ? static_cast<std::uint32_t>(high) : UINT32_MAX - 1;
    const Selection selection = select(far_, list_.count, k, bound, guess_);
    guess_ = selection.bound;  // the next query is near, and likely to be alike
    if (narrow_ && selection.ties == 0 && !task_.needs_neighbours) {
      const std::uint32_t reach = offsets_up_to(list_.xy, list_.z, far_, list_.count, selection.bound, at, offsets_);
      if (reach >= sure) check(position, reach);
      batch_.add(tree_.rank[position], close(sums_of(offsets_.sums()), k, reach));
      return;
    }
    std::uint32_t count = places_up_to(far_, list_.count, selection.bound, places_);
    if (selection.ties != 0) count = break_ties(count, selection);
    std::uint32_t reach = 0;
    for (std::uint32_t i = 0; i < count; ++i) reach = far_[places_[i]] > reach ? far_[places_[i]] : reach;
    if (reach >= sure) check(position, reach);
    batch_.add(tree_.rank[position],
               narrow_ ? sums<std::int32_t>(count, x, y, z, reach) : sums<std::int64_t>(count, x, y, z, reach));
    if (task_.needs_neighbours) {
      MoreSums more;
      for (std::uint32_t i = 0; i < count; ++i) more.add(task_, list_.position[places_[i]], far_[places_[i]]);
      batch_.add_more(tree_.z[position], more);
    }
  }

  /// Of the places at the bound, keeps those of the lowest ids.
  [[nodiscard]] std::uint32_t break_ties(std::uint32_t count, const Selection& selection) noexcept {
    std::uint32_t kept = 0, tied = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (far_[places_[i]] < selection.bound) {
        places_[kept++] = places_[i];
      } else {
        ties_[tied++] = places_[i];
      }
    }
    for (std::uint32_t taken = 0; taken < selection.ties; ++taken) {
      std::uint32_t lowest = taken;
      for (std::uint32_t i = taken + 1; i < tied; ++i) {
        if (tree_.id[list_.position[ties_[i]]] < tree_.id[list_.position[ties_[lowest]]]) lowest = i;
      }
      const std::uint32_t place = ties_[lowest];
      ties_[lowest] = ties_[taken];
      places_[kept++] = place;
    }
    return kept;
  }

  [[nodiscard]] static Sums<std::int64_t> sums_of(const Products& of) noexcept {
    return {of.x, of.y, of.z, of.xx, of.xy, of.xz, of.yy, of.yz, of.zz};
  }

  template <class Number>
  [[nodiscard]] Neighbourhood sums(std::uint32_t count, std::int32_t x, std::int32_t y, std::int32_t z,
                                   std::uint32_t reach) const noexcept {
    Number sx = 0, sy = 0, sz = 0, xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t pair = list_.xy[places_[i]];
      const Number dx = low_half(pair) - x, dy = high_half(pair) - y, dz = low_half(list_.z[places_[i]]) - z;
      sx += dx;
      sy += dy;
      sz += dz;
      xx += dx * dx;
      xy += dx * dy;
      xz += dx * dz;
      yy += dy * dy;
      yz += dy * dz;
      zz += dz * dz;
    }
    return close(Sums<std::int64_t>{sx, sy, sz, xx, xy, xz, yy, yz, zz}, count, reach);
  }

  /// Reports a query whose farthest neighbour is no nearer than what is not known.
  void check(std::uint32_t position, std::uint64_t reach) noexcept {
    if (reach >= known_distance(task_.known, tree_.x[position], tree_.y[position])) {
      task_.report(result_, {tree_.input[position], reach});
    }
  }

  void single(std::uint32_t position) noexcept {
    if (!tree_.is_query(position)) return;
    const std::int64_t x = tree_.x[position], y = tree_.y[position], z = tree_.z[position];
    Sums<Wide> sums;
    MoreSums more;
    std::uint64_t count = 0, reach = 0;
    const auto add = [&](std::uint32_t p, std::uint64_t far) {
      sums.add(tree_.x[p] - x, tree_.y[p] - y, tree_.z[p] - z);
      reach = far > reach ? far : reach;
      ++count;
      if (task_.needs_neighbours) more.add(task_, p, far);
    };
    if (task_.search.k == 0) {
      find_within(tree_, position, task_.search.radius_squared, add);
      check(position, task_.search.radius_squared);
    } else {
      BestHeap best(task_.search.k);
      find_nearest(tree_, position, best);
      for (std::uint32_t i = 0; i < best.count(); ++i) add(best[i].position, best[i].distance);
      check(position, best.full() ? reach : UINT64_MAX - 1);
    }
    batch_.add(tree_.rank[position], close(sums, count, reach));
    if (task_.needs_neighbours) batch_.add_more(tree_.z[position], more);
  }

  const KernelTask& task_;
  const Tree& tree_;
  KernelResult& result_;
  FeatureBatch batch_;
  bool narrow_ = false;
  std::uint32_t guess_ = 0;
  NearLeaves leaves_;
  Offsets offsets_;
  std::int32_t centre_[3] = {};
  List list_;
  alignas(64) std::uint32_t far_[most_candidates + Tree::slack];
  alignas(64) std::uint32_t places_[most_candidates + Tree::slack];
  alignas(64) std::uint32_t ties_[most_candidates + Tree::slack];
};

}  // namespace

namespace WEIR_LIDAR_KERNEL {
void run(const KernelTask& task, const Node& node, KernelResult& result);
void run(const KernelTask& task, const Node& node, KernelResult& result) {
  GroupSearch search(task, result);
  search.run(node);
}
}  // namespace WEIR_LIDAR_KERNEL

}  // namespace weir::lidar
