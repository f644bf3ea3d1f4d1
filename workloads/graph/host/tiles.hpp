// All pairs by tiles, each pair once for both of its nodes, in vectors of nodes of the first tile with one node of the
// second at a time. Sums have the order of the bodies in forces/pairs.hpp. A pair at one place, or at a distance whose
// inverse is no float, makes a sum endless or not a number: then the two tiles are computed again by the bodies.
// Included by loops.hpp.

/// What two tiles do to each other.
struct TileSums {
  alignas(64) float row[3][tile_nodes];             // on the first
  alignas(64) float column[3][tile_nodes * lanes];  // on the second, in lanes
};

template <uint law, uint dimensions, bool weighted>
class Tiles {
 public:
  explicit Tiles(const Bodies& bodies) : all_(bodies), pairs_(bodies) {}

  /// Two tiles, a before b, and so whole.
  void meet(uint a, uint b) {
    const uint i = a * tile_nodes, j = b * tile_nodes;
    const uint nodes = all_.count - j < tile_nodes ? all_.count - j : tile_nodes;
    for (uint lane = 0; lane < lanes; lane += width) {
      meet_block<true>(i, 0, lane, j, nodes);
      for (uint row = block * lanes; row < tile_nodes; row += block * lanes) meet_block<false>(i, row, lane, j, nodes);
    }
    bool finite = true;
    float column[3][tile_nodes] = {};
    for (uint c = 0; c < dimensions; ++c) {
      for (uint k = 0; k < nodes; ++k) column[c][k] = sum_of_lanes(sums_.column[c] + std::size_t{k} * lanes);
      finite = finite && all_finite(sums_.row[c], tile_nodes) && all_finite(column[c], nodes);
    }
    for (uint k = 0; k < tile_nodes; ++k) add_force(i + k, finite ? at(sums_.row, k) : all_.push_of_row(i + k, b), 1);
    for (uint k = 0; k < nodes; ++k) add_force(j + k, finite ? at(column, k) : all_.push_on_column(j + k, a), -1);
  }

  /// A tile's own pairs, each twice.
  void meet_own(uint a) {
    const uint first = a * tile_nodes;
    const uint nodes = all_.count - first < tile_nodes ? all_.count - first : tile_nodes;
    for (uint row = 0; row < nodes; row += lanes) {
      Wide own[4], sum[dimensions] = {};
      pairs_.load(first + row, own);
      for (uint j = 0; j < nodes; ++j) {
        Wide push[dimensions];
        pairs_.push_by(own, first + j, push);
        const WideFlags itself = lane_numbers() == static_cast<int>(j - row);
        for (uint c = 0; c < dimensions; ++c) sum[c] = sum[c] + (itself ? Wide{} : push[c]);
      }
      for (uint c = 0; c < dimensions; ++c) put_lanes(sums_.row[c] + row, sum[c]);
    }
    bool finite = true;
    for (uint c = 0; c < dimensions; ++c) finite = finite && all_finite(sums_.row[c], nodes);
    for (uint k = 0; k < nodes; ++k) {
      const Vector push = finite ? at(sums_.row, k) : all_.push_of_row(first + k, a);
      all_.forces[3 * (first + k)] = push.x;
      all_.forces[3 * (first + k) + 1] = push.y;
      all_.forces[3 * (first + k) + 2] = push.z;
    }
  }

  /// Ends the sums of a tile's nodes.
  void scale(uint a) {
    if (law == law_springs) return;
    const uint end = (a + 1) * tile_nodes < all_.count ? (a + 1) * tile_nodes : all_.count;
    for (uint i = 3 * a * tile_nodes; i < 3 * end; ++i) all_.forces[i] = all_.repulsion * all_.forces[i];
  }

 private:
  /// Vectors whose sums stay in registers.
  static constexpr uint block = (width == 16 ? 8 : 4) / (dimensions - 1);

  /// Some lanes of a block of the first tile, from its `row` on, with the second tile's nodes.
  template <bool first_block>
  void meet_block(uint i, uint row, uint lane, uint j_first, uint j_count) {
    Lanes on_row[block][dimensions] = {};
    for (uint j = 0; j < j_count; ++j) {
      Lanes on_column[dimensions];
      for (uint c = 0; c < dimensions; ++c) {
        on_column[c] = first_block ? Lanes{} : lanes_at<Lanes>(sums_.column[c] + std::size_t{j} * lanes + lane);
      }
#pragma GCC unroll 8
      for (uint v = 0; v < block; ++v) {
        Lanes own[4], push[dimensions];
        pairs_.load(i + row + v * lanes + lane, own);
        pairs_.push_by(own, j_first + j, push);
        for (uint c = 0; c < dimensions; ++c) {
          on_row[v][c] = on_row[v][c] + push[c];
          on_column[c] = dimensions == 3 && c == 0 ? sum_by_product(on_column[c], push[c]) : on_column[c] + push[c];
        }
      }
      for (uint c = 0; c < dimensions; ++c) put_lanes(sums_.column[c] + std::size_t{j} * lanes + lane, on_column[c]);
    }
    for (uint v = 0; v < block; ++v) {
      for (uint c = 0; c < dimensions; ++c) put_lanes(sums_.row[c] + row + v * lanes + lane, on_row[v][c]);
    }
  }

  static Vector at(const float (&sums)[3][tile_nodes], uint k) {
    return vector_of(sums[0][k], sums[1][k], dimensions == 3 ? sums[2][k] : 0.0F);
  }
  void add_force(uint i, Vector force, float sign) {
    all_.forces[3 * i] = all_.forces[3 * i] + sign * force.x;
    all_.forces[3 * i + 1] = all_.forces[3 * i + 1] + sign * force.y;
    all_.forces[3 * i + 2] = all_.forces[3 * i + 2] + sign * force.z;
  }

  Bodies all_;
  const Pairs<law, dimensions, weighted> pairs_;
  TileSums sums_;
};

template <uint law, uint dimensions, bool weighted>
void repel_round(Bodies bodies, uint round, uint part, uint parts) {
  Tiles<law, dimensions, weighted> all(bodies);
  const uint tiles = (bodies.count + tile_nodes - 1) / tile_nodes, seats = tiles + (tiles & 1);
  if (round == 0) {
    const Share share(tiles, part, parts);
    for (uint a = share.first; a < share.last; ++a) all.meet_own(a);
    return;
  }
  const Share share(seats / 2, part, parts);
  const uint circle = seats - 1, turn = round - 1;
  for (uint k = share.first; k < share.last; ++k) {
    const uint one = k == 0 ? circle : (turn + k) % circle;
    const uint other = bodies.partner_of(one, turn, seats);
    const uint a = one < other ? one : other, b = one < other ? other : one;
    if (b < tiles) all.meet(a, b);
    if (round + 1 < seats) continue;
    all.scale(a);
    if (b < tiles) all.scale(b);
  }
}
