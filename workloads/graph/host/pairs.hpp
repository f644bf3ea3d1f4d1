// What points do to points side by side, by a law, dimensions and masses that are constants of each loop: the bodies'
// formulas on vectors. Included by loops.hpp.
template <uint law, uint dimensions, bool weighted>
class Pairs {
 public:
  explicit Pairs(const Bodies& bodies)
      : repulsion_(bodies.repulsion),
        softening_(bodies.softening),
        max_force_(bodies.max_force),
        cutoff_square_(bodies.cutoff_square) {
    for (uint c = 0; c < 4; ++c) from_[c] = bodies.points + std::size_t{c} * bodies.stride;
  }

  /// Of points from i on, as many as V has: coordinate c, or masses for 3.
  template <class V>
  [[gnu::always_inline]] V column(uint c, uint i) const {
    return lanes_at<V>(from_[c] + i);
  }
  [[nodiscard]] float value(uint c, uint i) const { return from_[c][i]; }

  template <class V>
  [[gnu::always_inline]] V factor(V square, V masses) const {
    if constexpr (law != law_springs) return masses / square;
    const V soft = square + softening_, distance = root_of(square);
    const auto capped = all_of<V>(repulsion_) > max_force_ * soft;
    const V push = (capped ? all_of<V>(max_force_) : all_of<V>(repulsion_)) / (capped ? distance : soft * distance);
    return square < all_of<V>(cutoff_square_) ? push : V{};
  }

  /// What node j does to points at `at`, whose masses are the fourth, into `push`.
  template <class V>
  [[gnu::always_inline]] void push_by(const V (&at)[4], uint j, V (&push)[dimensions]) const {
    V square;
    for (uint c = 0; c < dimensions; ++c) {
      push[c] = at[c] - from_[c][j];
      square = c == 0 ? push[c] * push[c] : square + push[c] * push[c];
    }
    const V f = factor(square, weighted ? at[3] * from_[3][j] : all_of<V>(1.0F));
    for (uint c = 0; c < dimensions; ++c) push[c] = push[c] * f;
  }
  /// Points from i on, for push_by.
  template <class V>
  [[gnu::always_inline]] void load(uint i, V (&at)[4]) const {
    for (uint c = 0; c < dimensions; ++c) at[c] = column<V>(c, i);
    if constexpr (weighted) at[3] = column<V>(3, i);
  }

 private:
  const float* from_[4];
  const float repulsion_, softening_, max_force_, cutoff_square_;
};

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
