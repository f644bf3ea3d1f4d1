// The search for groups of queries, and the kernel itself. The points of a leaf are searched together: a bound
// from the group's centre gives one list of candidates, on which each query then selects its own. The list is what is
// likely to do: a query whose neighbours end farther out than the list is complete has it widened. Where the
// coordinates are too far apart for 32-bit squares, or the list grows too long, groups are halved, and single
// queries end in single_search.hpp. Included by the kernel_*.cpp, once each, with WEIR_LIDAR_KERNEL.
#include "workloads/lidar/features/single_search.hpp"
#include "workloads/lidar/neighbours/candidates.hpp"

namespace weir::lidar {
namespace {

class GroupSearch {
 public:
  GroupSearch(const KernelTask& task, KernelResult& result) noexcept
      : task_(task),
        tree_(task.tree),
        result_(result),
        batch_(task, result),
        single_(task, result, batch_),
        candidates_(task.tree, task.search.k) {}

  void run(const Node& top) noexcept {
    const Node* const all = tree_.nodes.data();
    for (const Node* node = &top; node < all + top.skip;) {
      if (node->count > block_points) {
        ++node;
        continue;
      }
      if (task_.search.k == 0 || task_.search.k > tree_.points) {
        for (std::uint32_t p = node->first; p < node->first + node->count; ++p) single_.run(p);
      } else if (tree_.rank[node->first] != tree_.rank[node->first + node->count]) {
        block(*node);
      }
      node = all + node->skip;
    }
    batch_.flush();
  }

 private:
  static constexpr std::uint32_t block_points = 128;

  /// All queries of a node of few points: its leaves are groups.
  void block(const Node& top) noexcept {
    const Node* const end = tree_.nodes.data() + top.skip;
    candidates_.look_round(top);
    for (const Node* node = &top; node < end; ++node) {
      if (!node->leaf || tree_.rank[node->first] == tree_.rank[node->first + node->count]) continue;
      const std::uint32_t first = node->first, last = first + node->count;
      if (node->count > 1 && at_one_place(*node)) {  // one search serves all
        for (std::uint32_t p = first; p < last; ++p) single_.run(p);
      } else if (!together(candidates_.open(first, last))) {
        halve(first, last);
      }
    }
  }

  void halve(std::uint32_t first, std::uint32_t last) noexcept {
    if (last - first == 1) return single_.run(first);
    const std::uint32_t middle = first + (last - first) / 2;
    const std::uint32_t ends[3] = {first, middle, last};
    for (int side = 0; side < 2; ++side) {
      if (tree_.rank[ends[side]] == tree_.rank[ends[side + 1]]) continue;
      if (!together(candidates_.open(ends[side], ends[side + 1]))) halve(ends[side], ends[side + 1]);
    }
  }

  /// Searches for all of the group at once; false, with nothing done, where that is not possible.
  [[nodiscard]] bool together(const Group& group) noexcept {
    if (!group.fits) return false;
    std::uint32_t bound = 0;
    if (!candidates_.collect(group, bound)) return false;
    lost_ = false;
    const double root = std::sqrt(static_cast<double>(bound));
    const double widest = (root + group.widest) * (root + group.widest) + 1;
    // Sums of k products fit 32 bits below this, and all else with them.
    narrow_ = widest * task_.search.k < 2147483647.0;
    guess_ = static_cast<std::uint32_t>(root * root);
    const std::uint64_t sure = sure_distance(group.box);
    for (std::uint32_t p = group.first; p < group.last; ++p) {
      if (tree_.is_query(p)) query(group, p, root, sure);
    }
    return true;
  }

  /// The squared distance within which everything round the box is known.
  [[nodiscard]] std::uint64_t sure_distance(const Box& box) const noexcept {
    const std::uint64_t one = known_distance<std::uint64_t>(task_.known, box.low[0], box.low[1]);
    const std::uint64_t other = known_distance<std::uint64_t>(task_.known, box.high[0], box.high[1]);
    return one < other ? one : other;
  }

  void query(const Group& group, std::uint32_t position, double root, std::uint64_t sure) noexcept {
    if (lost_) return single_.run(position);
    const std::int32_t x = tree_.x[position] - group.centre[0];
    const std::int32_t y = tree_.y[position] - group.centre[1];
    const std::int32_t z = tree_.z[position] - group.centre[2];
    const std::uint32_t k = task_.search.k;
    const Packed at = packed(x, y, z);
    const double own = std::sqrt(static_cast<double>(x * x + y * y + z * z));
    const double high = (root + own) * (root + own) + 1;
    const auto bound = high < 4294967294.0 ? static_cast<std::uint32_t>(high) : UINT32_MAX - 1;
    // The query before is near, and likely to be alike: somewhat more than its neighbours is a short list.
    std::uint32_t limit = guess_ < bound / 11 * 8 ? guess_ + guess_ / 8 * 3 : bound;
    find_near(at, limit);
    while (near_.count < k) {
      limit = limit < bound / 2 ? 2 * limit + 1 : bound;
      find_near(at, limit);
    }
    Selection selection = select(near_.far, near_.count, k, limit, guess_);
    if (selection.bound > candidates_.covered()) {
      lost_ = !candidates_.widen(group, selection.bound);
      if (lost_) return single_.run(position);
      find_near(at, selection.bound);
      selection = select(near_.far, near_.count, k, selection.bound, selection.bound);
    }
    guess_ = selection.bound;
    if (narrow_ && selection.ties == 0 && !task_.needs_neighbours) {
      const Products products = near_.sums(selection.bound);
      if (products.farthest >= sure) check(task_, result_, position, std::uint64_t{products.farthest});
      batch_.add(tree_.rank[position], close(sums_of(products), k, products.farthest));
      return;
    }
    distances(candidates_.xy(), candidates_.z(), candidates_.count(), at, far_);
    std::uint32_t count = places_up_to(far_, candidates_.count(), selection.bound, places_);
    if (selection.ties != 0) count = break_ties(count, selection);
    std::uint32_t reach = 0;
    for (std::uint32_t i = 0; i < count; ++i) reach = far_[places_[i]] > reach ? far_[places_[i]] : reach;
    if (reach >= sure) check(task_, result_, position, std::uint64_t{reach});
    batch_.add(tree_.rank[position],
               narrow_ ? sums<std::int32_t>(count, x, y, z, reach) : sums<std::int64_t>(count, x, y, z, reach));
    if (task_.needs_neighbours) {
      MoreSums<std::int32_t> more;
      for (std::uint32_t i = 0; i < count; ++i) more.add(task_, candidates_.position(places_[i]), far_[places_[i]]);
      batch_.add_more(tree_.z[position], more);
    }
  }

  void find_near(Packed at, std::uint32_t limit) noexcept {
    near_up_to(candidates_.xy(), candidates_.z(), candidates_.count(), at, limit, far_, near_);
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
        if (tree_.id[candidates_.position(ties_[i])] < tree_.id[candidates_.position(ties_[lowest])]) lowest = i;
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
      const std::uint32_t pair = candidates_.xy()[places_[i]];
      const Number dx = low_half(pair) - x, dy = high_half(pair) - y, dz = low_half(candidates_.z()[places_[i]]) - z;
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

  const KernelTask& task_;
  const Tree& tree_;
  KernelResult& result_;
  FeatureBatch batch_;
  bool narrow_ = false;
  bool lost_ = false;  ///< the group's candidates, where they could not be widened
  std::uint32_t guess_ = 0;
  SingleSearch<std::int32_t> single_;
  Candidates candidates_;
  Near near_;
  alignas(64) std::uint32_t far_[Candidates::padded_length];
  alignas(64) std::uint32_t places_[Candidates::padded_length];
  alignas(64) std::uint32_t ties_[Candidates::padded_length];
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
