// All pairs by tiles, each pair once for both of its nodes, in vectors of sixteen nodes of the first tile with one node
// of the second at a time. Sums have the order of the bodies in forces/pairs.hpp. A pair at one place, or at a distance
// whose inverse is no float, makes a sum endless or not a number: then the two tiles are computed again by the bodies.
// Included by loops.hpp.

/// Adds up on both sides what two tiles do to each other.
struct TileSums {
  alignas(64) float row[3][tile_nodes];             // on the first
  alignas(64) float column[3][tile_nodes * lanes];  // on the second, in lanes
};

/// What the laws' factors are made of, as constants of a loop.
template <uint law, uint dimensions, bool weighted>
struct Pairs {
  static constexpr uint block = dimensions == 2 ? 8 : 4;  // vectors whose sums stay in registers

  explicit Pairs(const Bodies& bodies) : all(bodies) {
    for (uint c = 0; c < 4; ++c) from[c] = all.points + std::size_t{c} * all.stride;
  }

  Lanes factor(Lanes square, Lanes masses) const {
    if constexpr (law != law_springs) return masses / square;
    const Lanes soft = square + all.softening, distance = root_of(square);
    const Flags capped = all_of(all.repulsion) > all.max_force * soft;
    const Lanes push = (capped ? all_of(all.max_force) : all_of(all.repulsion)) / (capped ? distance : soft * distance);
    return square < all_of(all.cutoff_square) ? push : Lanes{};
  }

  /// Of sixteen points from i on: coordinate c, or masses for 3.
  Lanes column(uint c, uint i) const { return lanes_at(from[c] + i); }

  /// What node j does to sixteen nodes from i on, into `push`.
  void push_lanes(uint i, uint j, Lanes (&push)[dimensions]) const {
    Lanes square;
    for (uint c = 0; c < dimensions; ++c) {
      push[c] = lanes_at(from[c] + i) - from[c][j];
      square = c == 0 ? push[c] * push[c] : square + push[c] * push[c];
    }
    const Lanes masses = weighted ? lanes_at(from[3] + i) * from[3][j] : all_of(1.0F);
    const Lanes f = factor(square, masses);
    for (uint c = 0; c < dimensions; ++c) push[c] = push[c] * f;
  }

  /// A block of vectors of the first tile, from node i on, with the second tile's nodes.
  template <bool first_block>
  void meet_block(uint i, uint row, uint j_first, uint j_count, TileSums& sums) const {
    Lanes on_row[block][dimensions] = {};
    for (uint j = 0; j < j_count; ++j) {
      Lanes on_column[dimensions];
      for (uint c = 0; c < dimensions; ++c) {
        on_column[c] = first_block ? Lanes{} : lanes_at(sums.column[c] + std::size_t{j} * lanes);
      }
#pragma GCC unroll 8
      for (uint v = 0; v < block; ++v) {
        Lanes push[dimensions];
        push_lanes(i + v * lanes, j_first + j, push);
        for (uint c = 0; c < dimensions; ++c) {
          on_row[v][c] = on_row[v][c] + push[c];
          on_column[c] = on_column[c] + push[c];
        }
      }
      for (uint c = 0; c < dimensions; ++c) put_lanes(sums.column[c] + std::size_t{j} * lanes, on_column[c]);
    }
    for (uint v = 0; v < block; ++v) {
      for (uint c = 0; c < dimensions; ++c) put_lanes(sums.row[c] + row + v * lanes, on_row[v][c]);
    }
  }

  /// Two tiles, a before b, and so whole.
  void meet(uint a, uint b, TileSums& sums) const {
    const uint i = a * tile_nodes, j = b * tile_nodes;
    const uint count = all.count - j < tile_nodes ? all.count - j : tile_nodes;
    meet_block<true>(i, 0, j, count, sums);
    for (uint row = block * lanes; row < tile_nodes; row += block * lanes) {
      meet_block<false>(i + row, row, j, count, sums);
    }
    bool finite = true;
    float column[3][tile_nodes] = {};
    for (uint c = 0; c < dimensions; ++c) {
      for (uint k = 0; k < count; ++k) column[c][k] = sum_of_lanes(sums.column[c] + std::size_t{k} * lanes);
      finite = finite && all_finite(sums.row[c], tile_nodes) && all_finite(column[c], count);
    }
    for (uint k = 0; k < tile_nodes; ++k) {
      add_force(i + k, finite ? at(sums.row, k) : all_bodies().push_of_row(i + k, b), 1);
    }
    for (uint k = 0; k < count; ++k) {
      add_force(j + k, finite ? at(column, k) : all_bodies().push_on_column(j + k, a), -1);
    }
  }

  /// A tile's own pairs, each twice.
  void meet_own(uint a, TileSums& sums) const {
    const uint first = a * tile_nodes;
    const uint count = all.count - first < tile_nodes ? all.count - first : tile_nodes;
    const Flags numbers = lane_numbers();
    for (uint row = 0; row < count; row += 2 * lanes) {
      Lanes sum[2][dimensions] = {};
      for (uint j = 0; j < count; ++j) {
#pragma GCC unroll 2
        for (uint v = 0; v < 2; ++v) {
          Lanes push[dimensions];
          push_lanes(first + row + v * lanes, first + j, push);
          const Flags itself = numbers == static_cast<int>(j - row - v * lanes);
          for (uint c = 0; c < dimensions; ++c) sum[v][c] = sum[v][c] + (itself ? Lanes{} : push[c]);
        }
      }
      for (uint c = 0; c < dimensions; ++c) {
        put_lanes(sums.row[c] + row, sum[0][c]);
        put_lanes(sums.row[c] + row + lanes, sum[1][c]);
      }
    }
    bool finite = true;
    for (uint c = 0; c < dimensions; ++c) finite = finite && all_finite(sums.row[c], count);
    for (uint k = 0; k < count; ++k) {
      const Vector push = finite ? at(sums.row, k) : all_bodies().push_of_row(first + k, a);
      set_force(first + k, push);
    }
  }

  /// Ends the sums of a tile's nodes.
  void scale(uint a) const {
    if (law == law_springs) return;
    const uint end = (a + 1) * tile_nodes < all.count ? (a + 1) * tile_nodes : all.count;
    for (uint i = 3 * a * tile_nodes; i < 3 * end; ++i) all.forces[i] = all.repulsion * all.forces[i];
  }

 private:
  static Vector at(const float (&sums)[3][tile_nodes], uint k) {
    return vector_of(sums[0][k], sums[1][k], dimensions == 3 ? sums[2][k] : 0.0F);
  }
  /// Calls of bodies are no more than reads here.
  Bodies all_bodies() const { return all; }
  void set_force(uint i, Vector force) const {
    all.forces[3 * i] = force.x;
    all.forces[3 * i + 1] = force.y;
    all.forces[3 * i + 2] = force.z;
  }
  void add_force(uint i, Vector force, float sign) const {
    all.forces[3 * i] = all.forces[3 * i] + sign * force.x;
    all.forces[3 * i + 1] = all.forces[3 * i + 1] + sign * force.y;
    all.forces[3 * i + 2] = all.forces[3 * i + 2] + sign * force.z;
  }

  Bodies all;
  const float* from[4];
};

template <uint law, uint dimensions, bool weighted>
void repel_round(Bodies& bodies, uint round, uint part, uint parts) {
  const Pairs<law, dimensions, weighted> pairs(bodies);
  const uint tiles = (bodies.count + tile_nodes - 1) / tile_nodes, seats = tiles + (tiles & 1);
  TileSums sums;
  if (round == 0) {
    const Share share(tiles, part, parts);
    for (uint a = share.first; a < share.last; ++a) pairs.meet_own(a, sums);
    return;
  }
  const Share share(seats / 2, part, parts);
  for (uint k = share.first; k < share.last; ++k) {
    const uint circle = seats - 1, turn = round - 1;
    uint a = k == 0 ? circle : (turn + k) % circle;
    uint b = bodies.partner_of(a, turn, seats);
    if (a > b) {
      const uint first = b;
      b = a;
      a = first;
    }
    if (b < tiles) pairs.meet(a, b, sums);
    if (round + 1 == seats) pairs.scale(a);
    if (round + 1 == seats && b < tiles) pairs.scale(b);
  }
}

/// Calls `call` with the law, the dimensions and whether masses differ as constants.
template <class Call>
void with_law(const Parameters& told, const Call& call) {
  const auto in_dimensions = [&]<uint law, bool weighted>() {
    return told.dimensions == 2 ? call.template operator()<law, 2U, weighted>()
                                : call.template operator()<law, 3U, weighted>();
  };
  if (told.law == law_springs) return in_dimensions.template operator()<law_springs, false>();
  if (told.weighted != 0) return in_dimensions.template operator()<law_fa2, true>();
  return in_dimensions.template operator()<law_fr, false>();
}
