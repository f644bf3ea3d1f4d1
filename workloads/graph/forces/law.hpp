// The laws by which a layout moves: what pushes nodes apart, what pulls those of an edge together, and how a force
// becomes a movement. Units are the layout's own; `length` says what they are. Filled by whoever lays a graph out, read
// by the plan.
#pragma once

#include <cstdint>

namespace weir::graph {

enum class LawKind : std::uint8_t {
  fruchterman_reingold,  ///< "fr"
  force_atlas_2,         ///< "fa2"
  springs,               ///< "app": springs of a length, repulsion below a cutoff, damping
};

/// p is a node's position, d a distance, w an edge's weight, m a node's mass, g its number of edges.
struct Law {
  LawKind kind = LawKind::fruchterman_reingold;
  /// fr: the ideal distance k, by which repulsion is k²/d and attraction a·w·d²/k. app: the springs' length. 1e-3 to
  /// 1e6.
  float length = 1;
  /// fa2: k_r of k_r·m·m/d. app: k of k/(d² + softening). 1e-6 to 1e9.
  float repulsion = 1;
  /// app: k of k·(d − length)·w. fa2: of k·d·w, or of k·log(1 + d)·w. fr: the a of above. 0 to 1e18; a run divides it
  /// by the mean weight of the graph, so that weights say what is between edges, and not how large a layout is.
  float attraction = 1;
  bool logarithmic = false;  ///< fa2: LinLog
  /// fa2: of gravity·m towards the origin. app: of gravity·log(1 + g)·p. fr: of gravity·p. 0 to 1e6.
  float gravity = 0;
  // --- app alone ---
  float centring = 0.05F;    ///< of centring·p; 0 to 1e6
  float cutoff = 200;        ///< of the repulsion; 1e-3 to 1e9
  float softening = 1e-3F;   ///< 0 to 1e6
  float max_force = 50;      ///< of the repulsion of two nodes; 1e-6 to 1e9
  float time_step = 0.016F;  ///< 1e-6 to 10
  float damping = 0.85F;     ///< of the velocity, a step; 0 to 1
  float max_velocity = 200;  ///< 1e-6 to 1e9
  float boundary = 1200;     ///< from 80 % of it on, a node is pulled back by what it is past that; 1 to 1e9
  // --- fa2 alone ---
  float tolerance = 1;  ///< of swinging; the speed grows with it; 1e-3 to 100

  /// Throws InvalidArgument that names the value and its range.
  void check() const;
};

/// The law with its usual numbers.
[[nodiscard]] Law usual_law(LawKind kind);

}  // namespace weir::graph
