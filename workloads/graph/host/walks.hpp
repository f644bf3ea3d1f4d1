// Repulsion by the tree, a leaf's sixteen nodes side by side: what forces/tree.hpp's body does for one of them, in the
// same order. Where a sum is endless or not a number, the body computes the leaf again. Included by loops.hpp.
template <uint law, uint dimensions, bool weighted>
class Walks {
 public:
  explicit Walks(const Bodies& bodies) : all_(bodies), pairs_(bodies), cells_(bodies.cells) {
    uint begin = 0;
    for (uint level = 0; level <= all_.root_level; ++level) {
      begins_[level] = begin;
      sizes_[level] = all_.level_size(level);
      begin += sizes_[level];
    }
  }

  void walk(uint leaf) {
    const uint first = leaf * leaf_nodes;
    const uint nodes = all_.count - first < leaf_nodes ? all_.count - first : leaf_nodes;
    alignas(64) float sums[3][lanes] = {};
    visit_all(leaf, sums);
    bool finite = true;
    for (uint c = 0; c < dimensions; ++c) finite = finite && all_finite(sums[c], nodes);
    for (uint l = 0; l < nodes; ++l) {
      if (finite) {
        all_.put_push(all_.order[first + l], vector_of(sums[0][l], sums[1][l], sums[2][l]));
      } else {
        all_.repel_by_tree(first + l);
      }
    }
  }

 private:
  /// A leaf's nodes, its box and its sums, in registers as far as they go.
  struct Visitor {
    Wide at[4];
    Wide sum[dimensions];
    float low[dimensions], high[dimensions];
  };

  void visit_all(uint leaf, float (&sums)[3][lanes]) const {
    Visitor own;
    pairs_.load(leaf * leaf_nodes, own.at);
    for (uint c = 0; c < dimensions; ++c) {
      own.sum[c] = Wide{};
      own.low[c] = cell(leaf)[cell_low + c];
      own.high[c] = cell(leaf)[cell_high + c];
    }
    uint level = all_.root_level, at = 0;
    for (;;) {
      const float* const its = cell(begins_[level] + at);
      const uint fate = level == 0 && at == leaf ? fate_open : fate_of(own, its);
      if (fate == fate_open && level != 0) {
        --level;
        at <<= fan_bits;
        continue;
      }
      if (fate == fate_point) add_cell(own, its);
      if (fate == fate_open) add_leaf(own, leaf, at);
      while (level < all_.root_level && ((at & 3) == 3 || at + 1 == sizes_[level])) {
        ++level;
        at >>= fan_bits;
      }
      if (level == all_.root_level) break;
      ++at;
    }
    for (uint c = 0; c < dimensions; ++c) put_lanes(sums[c], own.sum[c]);
  }

  [[nodiscard]] const float* cell(uint number) const { return cells_ + cell_floats * std::size_t{number}; }
  static float higher(float a, float b) { return a > b ? a : b; }

  [[gnu::always_inline]] uint fate_of(const Visitor& own, const float* its) const {
    float square = 0, gap_square = 0, span_square = 0;
    for (uint c = 0; c < dimensions; ++c) {
      const float centre = its[cell_centre + c];
      const float way = higher(higher(centre - own.high[c], own.low[c] - centre), 0);
      square = c == 0 ? way * way : square + way * way;
      if constexpr (law == law_springs) {
        const float low = its[cell_low + c], high = its[cell_high + c];
        const float gap = higher(higher(low - own.high[c], own.low[c] - high), 0);
        const float span = higher(own.high[c], high) - (own.low[c] < low ? own.low[c] : low);
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

  [[gnu::always_inline]] void add_cell(Visitor& own, const float* its) const {
    Wide push[dimensions];
    Wide square;
    for (uint c = 0; c < dimensions; ++c) {
      push[c] = own.at[c] - its[cell_centre + c];
      square = c == 0 ? push[c] * push[c] : square + push[c] * push[c];
    }
    const float whole = its[cell_mass];
    Wide factor = pairs_.factor(square, weighted ? own.at[3] * whole : all_of<Wide>(whole));
    if constexpr (law == law_springs) factor = factor * whole;
    for (uint c = 0; c < dimensions; ++c) own.sum[c] = own.sum[c] + push[c] * factor;
  }

  [[gnu::always_inline]] void add_leaf(Visitor& own, uint leaf, uint other) const {
    const uint first = other * leaf_nodes;
    const uint nodes = all_.count - first < leaf_nodes ? all_.count - first : leaf_nodes;
    if (other != leaf) {
      for (uint j = first; j < first + nodes; ++j) {
        Wide push[dimensions];
        pairs_.push_by(own.at, j, push);
        for (uint c = 0; c < dimensions; ++c) own.sum[c] = own.sum[c] + push[c];
      }
      return;
    }
    for (uint j = 0; j < nodes; ++j) {
      Wide push[dimensions];
      pairs_.push_by(own.at, first + j, push);
      const WideFlags itself = lane_numbers() == static_cast<int>(j);
      for (uint c = 0; c < dimensions; ++c) own.sum[c] = own.sum[c] + (itself ? Wide{} : push[c]);
    }
  }

  static constexpr uint max_levels = 16;  // of four cells each: more nodes than there may be

  Bodies all_;
  const Pairs<law, dimensions, weighted> pairs_;
  const float* const cells_;
  uint begins_[max_levels], sizes_[max_levels];
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
