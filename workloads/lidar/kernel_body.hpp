// The search for groups of queries, and the kernel itself. The points of a leaf are searched together: a bound
// from the group's centre gives one list of candidates, on which each query then selects its own. Where the
// coordinates are too far apart for 32-bit squares, or the list grows too long, groups are halved, and single
// queries end in nearest_one.hpp. Included by the kernel_*.cpp, once each, with WEIR_LIDAR_KERNEL.
#include "feature_batch.hpp"
#include "lanes.hpp"
#include "nearest_one.hpp"

namespace weir::lidar {
namespace {

class GroupSearch {
 public:
  GroupSearch(const KernelTask& task, KernelResult& result) noexcept
      : task_(task), tree_(task.tree), result_(result), batch_(task, result) {}

  void run(const Node& top) noexcept {
    const Node* const all = tree_.nodes.data();
    for (const Node* node = &top; node < all + top.skip; ++node) {
      if (!node->leaf || tree_.rank[node->first] == tree_.rank[node->first + node->count]) continue;
      if (task_.search.k == 0 || task_.search.k > tree_.points) {
        for (std::uint32_t p = node->first; p < node->first + node->count; ++p) single(p);
      } else {
        group(node->first, node->first + node->count);
      }
    }
    batch_.flush();
  }

 private:
  static constexpr std::uint32_t most_candidates = 1024;
  static constexpr std::int32_t most_local = (1 << 14) - 1;  // so that differences stay below 2^15

  struct Box {
    std::int32_t low[3], high[3];
  };

  /// Candidates in coordinates round the group's centre.
  struct List {
    std::uint32_t count = 0;
    alignas(64) std::int32_t x[most_candidates + Tree::slack];
    alignas(64) std::int32_t y[most_candidates + Tree::slack];
    alignas(64) std::int32_t z[most_candidates + Tree::slack];
    alignas(64) std::uint32_t position[most_candidates + Tree::slack];
  };

  void group(std::uint32_t first, std::uint32_t last) noexcept {
    if (tree_.rank[first] == tree_.rank[last]) return;
    if (last - first > 1 && !together(first, last)) {
      const std::uint32_t middle = first + (last - first) / 2;
      group(first, middle);
      group(middle, last);
    } else if (last - first == 1 && !together(first, last)) {
      single(first);
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

  /// Adds [first, last) to the list, round `centre_`; false where a coordinate is too far away.
  void append(std::uint32_t first, std::uint32_t count) noexcept {
    const std::uint32_t at = list_.count;
    for (std::uint32_t i = 0; i < lanes; ++i) {  // arrays have room behind them; points of a leaf are fewer
      list_.x[at + i] = tree_.x[first + i] - centre_[0];
      list_.y[at + i] = tree_.y[first + i] - centre_[1];
      list_.z[at + i] = tree_.z[first + i] - centre_[2];
      list_.position[at + i] = first + i;
    }
    list_.count += count;
  }

  [[nodiscard]] bool near(const std::int32_t* low, const std::int32_t* high) const noexcept {
    bool fits = true;
    for (int axis = 0; axis < 3; ++axis) {
      fits &= std::int64_t{low[axis]} - centre_[axis] >= -most_local &&
              std::int64_t{high[axis]} - centre_[axis] <= most_local;
    }
    return fits;
  }

  /// The list of all points up to √`reach` from the box; false where it does not fit.
  [[nodiscard]] bool collect(const Box& box, std::uint64_t reach) noexcept {
    list_.count = 0;
    const auto end = static_cast<std::uint32_t>(tree_.nodes.size());
    const Node* const nodes = tree_.nodes.data();
    for (std::uint32_t i = 0; i < end;) {
      const Node& node = nodes[i];
      std::int64_t far[3];
      for (int axis = 0; axis < 3; ++axis) {
        const std::int64_t below = std::int64_t{box.low[axis]} - node.high[axis];
        const std::int64_t above = std::int64_t{node.low[axis]} - box.high[axis];
        const std::int64_t most = below > above ? below : above;
        far[axis] = most > 0 ? most : 0;
      }
      if (squared(far[0], far[1], far[2]) > reach) {
        i = node.skip;
        continue;
      }
      if (node.leaf) {
        if (list_.count + node.count > most_candidates || !near(node.low, node.high)) return false;
        append(node.first, node.count);
      }
      ++i;
    }
    return true;
  }

  /// The k-th smallest squared distance to the centre among the points round the group in Morton order.
  [[nodiscard]] bool first_bound(std::uint32_t first, std::uint32_t last, std::uint32_t& bound) noexcept {
    const std::uint32_t k = task_.search.k;
    const std::uint32_t wanted = k + k / 2 + 8;
    std::uint32_t from = first > wanted / 2 ? first - wanted / 2 : 0;
    std::uint32_t to = last + wanted / 2 < tree_.points ? last + wanted / 2 : tree_.points;
    if (to - from < k) {  // at an end of the order
      from = to > k ? to - k : 0;
      to = from + k;
    }
    list_.count = 0;
    for (std::uint32_t p = from; p < to; p += lanes) {
      append(p, to - p < lanes ? to - p : lanes);
    }
    for (std::uint32_t i = 0; i < list_.count; ++i) {
      const std::int32_t far[3] = {list_.x[i], list_.y[i], list_.z[i]};
      if (far[0] < -most_local || far[0] > most_local || far[1] < -most_local || far[1] > most_local ||
          far[2] < -most_local || far[2] > most_local) {
        return false;
      }
    }
    distances(list_.x, list_.y, list_.z, list_.count, 0, 0, 0, far_);
    bound = largest_up_to(far_, list_.count, UINT32_MAX - 1);
    bound = select(far_, list_.count, k, bound).bound;
    return true;
  }

  /// Tightens the list to what lies within √T + half of the box, T being the k-th distance to the centre.
  [[nodiscard]] double tighten(double half) noexcept {
    distances(list_.x, list_.y, list_.z, list_.count, 0, 0, 0, far_);
    const std::uint32_t most = largest_up_to(far_, list_.count, UINT32_MAX - 1);
    const std::uint32_t bound = select(far_, list_.count, task_.search.k, most).bound;
    const double root = std::sqrt(static_cast<double>(bound));
    const double reach = (root + 2 * half) * (root + 2 * half) + 1;
    if (reach < 4294967294.0) {
      const std::uint32_t kept = places_up_to(far_, list_.count, static_cast<std::uint32_t>(reach), places_);
      for (std::uint32_t i = 0; i < kept; ++i) {
        list_.x[i] = list_.x[places_[i]];
        list_.y[i] = list_.y[places_[i]];
        list_.z[i] = list_.z[places_[i]];
        list_.position[i] = list_.position[places_[i]];
      }
      list_.count = kept;
    }
    return root;
  }

  /// Searches for all of [first, last) at once; false, with nothing done, where that is not possible.
  [[nodiscard]] bool together(std::uint32_t first, std::uint32_t last) noexcept {
    const Box box = box_of(first, last);
    double half_squared = 0;
    for (int axis = 0; axis < 3; ++axis) {
      const std::int64_t extent = std::int64_t{box.high[axis]} - box.low[axis];
      if (extent > most_local) return false;
      centre_[axis] = static_cast<std::int32_t>(box.low[axis] + extent / 2);
      const auto half = static_cast<double>(extent - extent / 2);
      half_squared += half * half;
    }
    const double half = std::sqrt(half_squared);
    std::uint32_t bound = 0;
    if (!first_bound(first, last, bound)) return false;
    const double loose = std::sqrt(static_cast<double>(bound)) + half;
    if (!collect(box, static_cast<std::uint64_t>(loose * loose) + 1)) return false;
    const double root = tighten(half);
    const double widest = (root + half) * (root + half) + 1;
    // Sums of k products fit 32 bits below this, and all else with them.
    narrow_ = widest * task_.search.k < 2147483647.0;
    const std::uint64_t sure = sure_distance(box);
    for (std::uint32_t p = first; p < last; ++p) {
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
    distances(list_.x, list_.y, list_.z, list_.count, x, y, z, far_);
    const double own = std::sqrt(static_cast<double>(x * x + y * y + z * z));
    const double high = (root + own) * (root + own) + 1;
    const auto bound = high < 4294967294.0 ? static_cast<std::uint32_t>(high) : UINT32_MAX - 1;
    const Selection selection = select(far_, list_.count, k, bound);
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

  template <class Number>
  [[nodiscard]] Neighbourhood sums(std::uint32_t count, std::int32_t x, std::int32_t y, std::int32_t z,
                                   std::uint32_t reach) const noexcept {
    Number sx = 0, sy = 0, sz = 0, xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Number dx = list_.x[places_[i]] - x, dy = list_.y[places_[i]] - y, dz = list_.z[places_[i]] - z;
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
