// When the nodes are to be sorted anew, which the approximation's leaves are made of: a leaf is nodes next to each
// other in the order, gets wide as they part, and wide leaves see most others from near by. Known to the host two steps
// late, so that no step waits for it. Used by stepping.
#pragma once

#include <cstdint>
#include <limits>

namespace weir::graph {

class NodeOrder {
 public:
  /// Steps that one order serves at most.
  static constexpr std::uint64_t max_steps = 4;
  /// The mean way of a node in them, as a share of the distance of nodes next to each other; a leaf is four of these
  /// wide.
  static constexpr double max_way = 0.25;

  /// The next step sorts. `spacing` is that distance, `way` the mean way of a node in the last step: endless where it
  /// is not known yet.
  void renew(double spacing, double way) noexcept {
    spacing_ = spacing;
    way_ = way;
    served_ = 0;
  }
  void renew() noexcept { served_ = 0; }
  void moved(double way) noexcept { way_ = way; }

  /// Whether the next step sorts; counts it.
  [[nodiscard]] bool next_sorts() noexcept {
    const bool sorts = served_ == 0 || served_ >= max_steps || static_cast<double>(served_) * way_ > max_way * spacing_;
    served_ = sorts ? 1 : served_ + 1;
    return sorts;
  }

 private:
  std::uint64_t served_ = 0;
  double spacing_ = 0;
  double way_ = std::numeric_limits<double>::infinity();
};

}  // namespace weir::graph
