// Repulsion by the tree, a leaf's sixteen nodes side by side: what forces/tree.hpp's body does for one of them, in the
// same order. Where a sum is endless or not a number, the body computes the leaf again. Included by loops.hpp.
template <uint law, uint dimensions, bool weighted>
class Walks {
 public:
  explicit Walks(const Bodies& bodies) : all_(bodies), pairs_(bodies), cells_(bodies.cells) {}

  void walk(uint leaf) {
    const uint first = leaf * leaf_nodes;
    const uint nodes = all_.count - first < leaf_nodes ? all_.count - first : leaf_nodes;
    for (uint c = 0; c < dimensions; ++c) sum_[c] = Lanes{};
    visit_all(leaf);
    alignas(64) float sums[3][lanes] = {};
    bool finite = true;
    for (uint c = 0; c < dimensions; ++c) {
      put_lanes(sums[c], sum_[c]);
      finite = finite && all_finite(sums[c], nodes);
    }
    for (uint l = 0; l < nodes; ++l) {
      if (finite) {
        all_.put_push(all_.order[first + l], vector_of(sums[0][l], sums[1][l], sums[2][l]));
      } else {
        all_.repel_by_tree(first + l);
      }
    }
  }

 private:
  void visit_all(uint leaf) {
    uint level = all_.root_level, begin = all_.root_begin, at = 0;
    for (;;) {
      const uint fate = fate_of(leaf, level, begin + at);
      if (fate == fate_open && level != 0) {
        --level;
        begin -= all_.level_size(level);
        at <<= fan_bits;
        continue;
      }
      if (fate == fate_point) add_cell(leaf, begin + at);
      if (fate == fate_open) add_leaf(leaf, at);
      while (level < all_.root_level && ((at & 3) == 3 || at + 1 == all_.level_size(level))) {
        begin += all_.level_size(level);
        ++level;
        at >>= fan_bits;
      }
      if (level == all_.root_level) return;
      ++at;
    }
  }

  static float higher(float a, float b) { return a > b ? a : b; }
  uint fate_of(uint leaf, uint level, uint cell) const {
    if (level == 0 && cell == leaf) return fate_open;
    const float* const own = cells_ + cell_floats * std::size_t{leaf};
    const float* const its = cells_ + cell_floats * std::size_t{cell};
    float square = 0, gap_square = 0, span_square = 0;
    for (uint c = 0; c < dimensions; ++c) {
      const float low = own[cell_low + c], high = own[cell_high + c], centre = its[cell_centre + c];
      const float way = higher(higher(centre - high, low - centre), 0);
      square = c == 0 ? way * way : square + way * way;
      if constexpr (law == law_springs) {
        const float its_low = its[cell_low + c], its_high = its[cell_high + c];
        const float gap = higher(higher(its_low - high, low - its_high), 0);
        const float span = higher(high, its_high) - (low < its_low ? low : its_low);
        gap_square = c == 0 ? gap * gap : gap_square + gap * gap;
        span_square = c == 0 ? span * span : span_square + span * span;
      }
    }
    const bool is_point = its[cell_square] <= all_.theta_square * square;
    if constexpr (law == law_springs) {
      if (gap_square >= all_.cutoff_square) return fate_pass;
      return is_point && (span_square < all_.cutoff_square || its[cell_square] == 0) ? fate_point : fate_open;
    }
    return is_point ? fate_point : fate_open;
  }

  void add_cell(uint leaf, uint cell) {
    const float* const its = cells_ + cell_floats * std::size_t{cell};
    Lanes push[dimensions];
    Lanes square;
    for (uint c = 0; c < dimensions; ++c) {
      push[c] = pairs_.column(c, leaf * leaf_nodes) - its[cell_centre + c];
      square = c == 0 ? push[c] * push[c] : square + push[c] * push[c];
    }
    const float whole = its[cell_mass];
    Lanes factor = pairs_.factor(square, weighted ? pairs_.column(3, leaf * leaf_nodes) * whole : all_of(whole));
    if constexpr (law == law_springs) factor = factor * whole;
    for (uint c = 0; c < dimensions; ++c) sum_[c] = sum_[c] + push[c] * factor;
  }

  void add_leaf(uint leaf, uint other) {
    const uint first = other * leaf_nodes;
    const uint nodes = all_.count - first < leaf_nodes ? all_.count - first : leaf_nodes;
    if (other == leaf) {
      for (uint j = 0; j < nodes; ++j) {
        Lanes push[dimensions];
        pairs_.push_lanes(first, first + j, push);
        const Flags itself = lane_numbers() == static_cast<int>(j);
        for (uint c = 0; c < dimensions; ++c) sum_[c] = sum_[c] + (itself ? Lanes{} : push[c]);
      }
      return;
    }
    for (uint j = 0; j < nodes; ++j) {
      Lanes push[dimensions];
      pairs_.push_lanes(leaf * leaf_nodes, first + j, push);
      for (uint c = 0; c < dimensions; ++c) sum_[c] = sum_[c] + push[c];
    }
  }

  Bodies all_;
  const Pairs<law, dimensions, weighted> pairs_;
  const float* const cells_;
  Lanes sum_[dimensions];
};

/// Leaves by turns of some, as those of a part of the layout may have more to do than those of another.
template <uint law, uint dimensions, bool weighted>
void walk_share(const Bodies& bodies, uint part, uint parts) {
  constexpr uint turn = 16;
  Walks<law, dimensions, weighted> walks(bodies);
  const uint leaves = (bodies.count + leaf_nodes - 1) / leaf_nodes;
  for (uint from = part * turn; from < leaves; from += parts * turn) {
    const uint end = from + turn < leaves ? from + turn : leaves;
    for (uint leaf = from; leaf < end; ++leaf) walks.walk(leaf);
  }
}
