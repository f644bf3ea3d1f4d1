// Queries one at a time, each with a walk of the tree of its own: what groups fall back to, and all that a wide tree
// has. Part of the kernels.
#pragma once

#include "workloads/lidar/features/feature_batch.hpp"
#include "workloads/lidar/neighbours/nearest_one.hpp"

namespace weir::lidar {
namespace {

/// Reports a query whose farthest neighbour is no nearer than what is not known.
template <class Coordinate>
void check(const BasicTask<Coordinate>& task, KernelResult& result, std::uint32_t position,
           typename BasicTree<Coordinate>::Square reach) noexcept {
  using Square = typename BasicTree<Coordinate>::Square;
  if (reach >= known_distance<Square>(task.known, task.tree.x[position], task.tree.y[position])) {
    task.report(result, {task.tree.input[position], widened(reach)});
  }
}

/// What the last query found is kept. Others at its place find the same, and come right after it: so many points at one
/// place within a radius, which are all neighbours of each other, do not take the square of their number.
template <class Coordinate>
class SingleSearch {
 public:
  SingleSearch(const BasicTask<Coordinate>& task, KernelResult& result, FeatureBatch& batch) noexcept
      : task_(task), tree_(task.tree), result_(result), batch_(batch) {}

  /// Adds the neighbourhood of what is at `position` to the batch, if it is a query.
  void run(std::uint32_t position) noexcept {
    if (!tree_.is_query(position)) return;
    if (!found_.is_of(tree_, position)) search(position);
    check(task_, result_, position, found_.sure);
    batch_.add(tree_.rank[position], close(found_.sums, found_.count, found_.reach));
    if (task_.needs_neighbours) batch_.add_more(tree_.z[position], found_.more);
  }

 private:
  using Square = typename BasicTree<Coordinate>::Square;

  struct Found {
    bool any = false;
    Coordinate x = 0, y = 0, z = 0;
    Sums<Wide> sums;
    MoreSums<Coordinate> more;
    std::uint64_t count = 0;
    Square reach = 0;  ///< squared distance of the farthest
    Square sure = 0;   ///< what is within it has to be known

    [[nodiscard]] bool is_of(const BasicTree<Coordinate>& tree, std::uint32_t position) const noexcept {
      return any && x == tree.x[position] && y == tree.y[position] && z == tree.z[position];
    }
  };

  void search(std::uint32_t position) noexcept {
    found_ = Found();
    found_.any = true;
    found_.x = tree_.x[position];
    found_.y = tree_.y[position];
    found_.z = tree_.z[position];
    if (task_.search.k == 0) {
      found_.more.wide_step = task_.search.distance_step;
      const auto radius_squared = static_cast<Square>(task_.search.radius_squared);
      find_within(tree_, position, radius_squared,
                  [&](std::uint32_t first, std::uint32_t points, Square far) { add(first, points, far); });
      found_.sure = radius_squared;
      return;
    }
    BestHeap<Square> best(task_.search.k);
    find_nearest(tree_, position, best);
    if (best.count() != 0) found_.more.wide_step = step_up_to(best.worst().distance);
    for (std::uint32_t i = 0; i < best.count(); ++i) add(best[i].position, 1, best[i].distance);
    found_.sure = best.full() ? found_.reach : ~Square{0} - 1;
  }

  void add(std::uint32_t first, std::uint32_t points, Square far) noexcept {
    found_.sums.add(tree_.x[first] - std::int64_t{found_.x}, tree_.y[first] - std::int64_t{found_.y},
                    tree_.z[first] - std::int64_t{found_.z}, points);
    found_.reach = far > found_.reach ? far : found_.reach;
    found_.count += points;
    if (task_.needs_neighbours) found_.more.add(task_, first, points, far);
  }

  /// The step that brings distances up to √`far` below 2^52, so that sums of their squares fit; a finer one than is
  /// used elsewhere would be of no use. It depends on the neighbours alone, so chunks change nothing.
  [[nodiscard]] static double step_up_to(Square far) noexcept {
    double step = Search::finest_distance_step;
    for (auto more = static_cast<std::uint64_t>(WideSquare{far} >> 64); more != 0; more >>= 2) step /= 2;
    return step;
  }

  const BasicTask<Coordinate>& task_;
  const BasicTree<Coordinate>& tree_;
  KernelResult& result_;
  FeatureBatch& batch_;
  Found found_;
};

}  // namespace
}  // namespace weir::lidar
