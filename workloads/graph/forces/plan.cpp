#include "workloads/graph/forces/plan.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <weir/errors.hpp>

#include "compute/range.hpp"

namespace weir::graph {
namespace {

using forces::Body;

/// As far apart, of the law's length, as nodes at one place are taken to be.
constexpr float near_share = 1e-3F;
constexpr float boundary_share = 0.8F;

std::uint32_t parts_of(std::uint32_t items, std::uint32_t size) { return (items + size - 1) / size; }

/// The length of a column of points: whole tiles.
std::uint32_t stride_of(std::uint32_t nodes) { return parts_of(nodes, forces::tile_nodes) * forces::tile_nodes; }

std::uint32_t law_number(LawKind kind) {
  switch (kind) {
    case LawKind::fruchterman_reingold: return forces::law_fr;
    case LawKind::force_atlas_2: return forces::law_fa2;
    case LawKind::springs: return forces::law_springs;
  }
  return forces::law_fr;
}

forces::Parameters common(const Workload& workload) {
  const Law& law = workload.law;
  forces::Parameters told{};
  told.nodes = workload.nodes;
  told.stride = stride_of(workload.nodes);
  told.dimensions = workload.dimensions;
  told.law = law_number(law.kind);
  told.weighted = law.kind == LawKind::force_atlas_2 ? 1 : 0;
  told.flags = law.logarithmic ? forces::flag_logarithmic : 0;
  told.repulsion = law.kind == LawKind::fruchterman_reingold ? law.length * law.length : law.repulsion;
  told.cutoff_square = law.cutoff * law.cutoff;
  told.softening = law.softening;
  told.max_force = law.max_force;
  told.attraction = law.kind == LawKind::fruchterman_reingold ? 1 / law.length : law.attraction;
  told.rest_length = law.length;
  told.gravity = law.gravity;
  told.centring = law.centring;
  told.time_step = law.time_step;
  told.damping = law.damping;
  told.boundary = boundary_share * law.boundary;
  told.tolerance = law.tolerance;
  told.near_distance = near_share * law.length;
  return told;
}

/// Makes the plan of one step.
class Planner {
 public:
  Planner(const Workload& workload, const StepParameters& step) : workload_(workload), told_(common(workload)) {
    told_.limit = workload.law.kind == LawKind::springs ? workload.law.max_velocity : step.max_movement;
  }

  std::vector<PlanStep> steps() {
    add(Body::gather_point, told_.stride);
    add(Body::repel_all, told_.nodes);
    add(Body::attract, told_.nodes);
    if (workload_.law.kind == LawKind::force_atlas_2) add_sums(Body::sum_swinging, Body::adapt_speed);
    add(Body::move, told_.nodes);
    add_sums(Body::sum_movement, Body::tell_movement);
    return std::move(steps_);
  }

 private:
  void add(Body body, std::uint32_t items) { steps_.push_back({body, items, told_}); }

  /// Sums of nodes, of sums, and what becomes of the last.
  void add_sums(Body first, Body last) {
    told_.level_begin = forces::figures;
    told_.level_count = parts_of(told_.nodes, forces::sum_items);
    add(first, told_.level_count);
    while (told_.level_count > 1) {
      lower();
      told_.level_count = parts_of(told_.below_count, forces::sum_items);
      add(Body::sum_sums, told_.level_count);
    }
    lower();
    add(last, 1);
  }
  void lower() {
    told_.below_begin = told_.level_begin;
    told_.below_count = told_.level_count;
    told_.level_begin += forces::sums * told_.level_count;
  }

  const Workload& workload_;
  forces::Parameters told_;
  std::vector<PlanStep> steps_;
};

}  // namespace

void Workload::check() const {
  const auto require = [](const char* what, double value, compute::Range allowed) {
    compute::require_range("layout", what, "", value, allowed);
  };
  require("number of nodes", nodes, {1, max_nodes});
  require("number of edges", edges, {0, max_edges});
  require("number of dimensions", dimensions, {2, 3});
  if (theta) require("opening of the approximation", double{*theta}, {0.1F, 2});
  law.check();
}

Needs needs_of(const Workload& workload) {
  workload.check();
  const std::uint64_t nodes = workload.nodes, ends = std::max<std::uint64_t>(2 * std::uint64_t{workload.edges}, 1);
  std::uint64_t sums = 0;
  for (std::uint32_t count = workload.nodes; count > 1 || sums == 0;) {
    count = parts_of(count, forces::sum_items);
    sums += count;
  }
  Needs needs{};
  needs.fill(1);
  const auto need = [&](Memory memory, std::uint64_t elements) { needs[static_cast<std::size_t>(memory)] = elements; };
  for (const Memory each : {Memory::positions, Memory::velocities, Memory::forces, Memory::previous_forces}) {
    need(each, 3 * nodes);
  }
  need(Memory::mass, nodes);
  need(Memory::degree, nodes);
  need(Memory::offsets, nodes + 1);
  need(Memory::columns, ends);
  need(Memory::weights, ends);
  need(Memory::points, 4 * std::uint64_t{stride_of(workload.nodes)});
  need(Memory::scratch, forces::figures + forces::sums * sums);
  return needs;
}

std::vector<PlanStep> plan_start(const Workload& workload, bool keeps_motion) {
  workload.check();
  forces::Parameters told = common(workload);
  if (keeps_motion) told.flags |= forces::flag_keeps_motion;
  std::vector<PlanStep> steps{{Body::prepare, workload.nodes, told}};
  if (!keeps_motion) steps.push_back({Body::reset_figures, forces::figures, told});
  return steps;
}

std::vector<PlanStep> plan_moves(const Workload& workload, std::uint32_t count) {
  workload.check();
  return {{Body::take_place, count, common(workload)}};
}

std::vector<PlanStep> plan_step(const Workload& workload, const StepParameters& told) {
  workload.check();
  compute::require_range("layout", "longest way of a step", "", double{told.max_movement}, {0, 1e9F});
  return Planner(workload, told).steps();
}

void require_finite(std::span<const Position> positions) {
  constexpr float largest = 1e9F;
  for (std::size_t i = 0; i < positions.size(); ++i) {
    for (const float each : {positions[i].x, positions[i].y, positions[i].z}) {
      if (std::abs(each) <= largest) continue;
      throw InvalidArgument("layout: node " + std::to_string(i) + " is at " + std::to_string(each) +
                                " in a coordinate, and has to be from -1e9 to 1e9",
                            {.name = "positions"});
    }
  }
}

}  // namespace weir::graph
