// One step of a layout as a plan of kernels over device memory: which kernels run, one after the other, over how many
// items each, and which memory they need. The same for every device. Called by whoever owns the memory and steps.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compute/step.hpp"
#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/forces/law.hpp"
#include "workloads/graph/forces/thread.hpp"

namespace weir::graph {

using PlanStep = compute::Step<forces::Body, forces::Parameters>;

/// The memory that kernels bind, in the order of the bindings. All elements have 4 bytes; f is a float, u a uint.
/// Before the first step the caller fills positions, offsets, columns and weights, and runs plan_start().
enum class Memory : std::uint8_t {
  positions,        ///< f, 3 a node; z is 0 in two dimensions
  velocities,       ///< f, 3 a node; ways a step, but for springs, where they are speeds
  forces,           ///< f, 3 a node
  previous_forces,  ///< f, 3 a node: of the step before; fa2 alone
  mass,             ///< f, 1 a node; of springs 1, but where they are too stiff together for the time step
  degree,           ///< u, 1 a node
  offsets,          ///< u, 1 a node and one more: where the node's neighbours begin in columns
  columns,          ///< u, 2 an edge: neighbours
  weights,          ///< f, 2 an edge: as columns
  cell_keys,        ///< u: what nodes are sorted by
  sorted_indices,   ///< u: nodes in that order
  points,           ///< f: positions and masses in columns, as pairs are computed from
  cells,            ///< f: boxes and masses of the tree's cells
  counters,         ///< u: of the sort
  scratch,          ///< f: partial sums
  figures,          ///< f: Figures
};
inline constexpr std::size_t memory_count = forces::Kernels::bindings;

/// What a layout is of.
struct Workload {
  std::uint32_t nodes = 0;  ///< 1 to max_nodes
  std::uint32_t edges = 0;  ///< 0 to max_edges; columns and weights have two elements an edge
  unsigned dimensions = 2;  ///< 2 or 3
  Law law = {};             ///< as usual_law() gives it, or changed
  /// Opening of the approximation, 0.1 to 2; empty: all pairs. Repulsion by it differs from that by all pairs by a
  /// share of the node's own force, or of the mean force where that is larger. For fr and fa2, of 0.5, 0.8 and 1.2: at
  /// most 0.5, 1.5 and 3.5 % on average, and for 99 of 100 nodes at most 1, 3 and 8 %; for springs 0.5, 2.5 and 5.5 %,
  /// and 2, 9 and 20 %. tests/unit/workloads/graph/host/error_test.cpp holds it to that.
  std::optional<float> theta = {};

  /// Throws InvalidArgument that names the value and its range.
  void check() const;
};

/// What changes from step to step.
struct StepParameters {
  /// fr: the longest way of a node in this step, which cooling makes shorter. fa2: likewise. Springs have their
  /// law's largest velocity instead. 0 to 1e9.
  float max_movement = 1;
  /// Whether nodes are sorted anew for the approximation: in the first step, and in the first after nodes were added or
  /// removed, they have to be. Else the order of before serves, and forces are as exact; but the farther
  /// nodes have moved since, as a share of the layout, the longer the walks take, up to all pairs.
  bool sorts = true;
  /// Springs: instead of being damped, nodes move freely until their kinetic energy falls, then stop and start anew;
  /// and steps are longer. So they come to rest where the law's damping would have them creep.
  bool free = false;
};

/// Elements of each memory, in the order of Memory; at least 1.
using Needs = std::array<std::uint64_t, memory_count>;
[[nodiscard]] Needs needs_of(const Workload& workload);

/// Degrees and masses from the edges; run before the first step, and again whenever nodes or edges have changed. Sets
/// velocities, forces and figures to those of a layout at rest, or leaves those of the nodes it had before as they are:
/// then the caller sets those of new nodes.
[[nodiscard]] std::vector<PlanStep> plan_start(const Workload& workload, bool keeps_motion = false);

/// Gives so many nodes other numbers; run before the nodes are fewer. cell_keys has the old ones and sorted_indices the
/// new ones, of which none is in both.
[[nodiscard]] std::vector<PlanStep> plan_moves(const Workload& workload, std::uint32_t count);

/// One step: forces from positions, movement, and its figures.
[[nodiscard]] std::vector<PlanStep> plan_step(const Workload& workload, const StepParameters& told);

/// What `figures` has after a step.
struct Figures {
  float mean_energy;  ///< kinetic, a node; of ways a step where they stand for velocities
  float
      mean_movement;  ///< the way of a node in this step; not a number or endless where a position is no longer finite
  float swinging, traction;  ///< fa2: sums over all nodes
  float speed, efficiency;   ///< fa2: of the next step; springs: a speed of 0 where they stop in it
  float reserved[2];
};
static_assert(sizeof(Figures) == forces::figures * sizeof(float));

/// Throws InvalidArgument that names the first of the positions that is not finite, or is past ±1e9 in a coordinate.
void require_finite(std::span<const Position> positions);

}  // namespace weir::graph
