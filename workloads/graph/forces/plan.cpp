#include "workloads/graph/forces/plan.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <weir/errors.hpp>

#include "compute/range.hpp"
#include "compute/sort_plan.hpp"

namespace weir::graph {
namespace {

using forces::Body;

/// As far apart, of the law's length, as nodes at one place are taken to be.
constexpr float near_share = 1e-3F;
constexpr float boundary_share = 0.8F;

constexpr std::uint32_t parts_of(std::uint32_t items, std::uint32_t size) { return (items + size - 1) / size; }

/// The length of a column of points: whole tiles.
std::uint32_t stride_of(std::uint32_t nodes) { return parts_of(nodes, forces::tile_nodes) * forces::tile_nodes; }

/// Of all levels of the tree.
std::uint32_t cells_of(std::uint32_t nodes) {
  std::uint32_t level = parts_of(nodes, forces::leaf_nodes), all = level;
  while (level > 1) {
    level = parts_of(level, 1U << forces::fan_bits);
    all += level;
  }
  return all;
}

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
  told.count = workload.nodes;
  told.stride = stride_of(workload.nodes);
  told.dimensions = workload.dimensions;
  told.law = law_number(law.kind);
  told.weighted = law.kind == LawKind::force_atlas_2 ? 1 : 0;
  told.flags = law.logarithmic ? forces::flag_logarithmic : 0;
  told.repulsion = law.kind == LawKind::fruchterman_reingold ? law.length * law.length : law.repulsion;
  told.cutoff_square = law.cutoff * law.cutoff;
  told.softening = law.softening;
  told.max_force = law.max_force;
  told.attraction = law.kind == LawKind::fruchterman_reingold ? law.attraction / law.length : law.attraction;
  told.rest_length = law.length;
  told.gravity = law.gravity;
  told.centring = law.centring;
  told.time_step = law.time_step;
  told.damping = law.damping;
  told.boundary = boundary_share * law.boundary;
  told.tolerance = law.tolerance;
  told.near_distance = near_share * law.length;
  told.theta_square = workload.theta ? *workload.theta * *workload.theta : 0;
  return told;
}

/// Makes the plan of one step.
class Planner {
 public:
  Planner(const Workload& workload, const StepParameters& step)
      : workload_(workload), told_(common(workload)), sorts_(step.sorts) {
    const bool springs = workload.law.kind == LawKind::springs;
    told_.limit = springs ? workload.law.max_velocity : step.max_movement;
    if (springs && step.free) {
      told_.flags |= forces::flag_free;
      told_.time_step *= forces::free_pace;
    }
  }

  std::vector<PlanStep> steps() {
    if (workload_.theta) {
      if (sorts_) sort();
      add(Body::gather_sorted, told_.stride);
      make_tree();
      add(Body::repel_by_tree, told_.count);
    } else {
      add(Body::gather_point, told_.stride);
      add(Body::repel_all, told_.count);
    }
    add(Body::attract, told_.count);
    if (workload_.law.kind == LawKind::force_atlas_2) add_sums(Body::sum_swinging, Body::adapt_speed);
    add(Body::move, told_.count);
    add_sums(Body::sum_movement, Body::tell_movement);
    return std::move(steps_);
  }

 private:
  void add(Body body, std::uint32_t items) { steps_.push_back({body, items, told_}); }

  /// Nodes by their codes. The last pass ends on the side that the first began on.
  void sort() {
    told_.level_begin = 0;
    told_.level_count = parts_of(told_.count, forces::sum_items);
    add(Body::bound_nodes, told_.level_count);
    while (told_.level_count > 1) {
      lower(forces::bounds);
      told_.level_count = parts_of(told_.below_count, forces::sum_items);
      add(Body::bound_bounds, told_.level_count);
    }
    lower(forces::bounds);
    add(Body::make_code, told_.count);
    const std::uint32_t bits = told_.dimensions == 3 ? 3 * forces::code_bits_3d : 2 * forces::code_bits_2d;
    static_assert(parts_of(2 * forces::code_bits_2d, 4) % 2 == 0 && parts_of(3 * forces::code_bits_3d, 4) % 2 == 0);
    for (std::uint32_t digit = 0; digit < parts_of(bits, 4); ++digit) compute::add_sort_pass(steps_, told_, digit);
  }

  void make_tree() {
    told_.level_begin = 0;
    told_.level_count = parts_of(told_.count, forces::leaf_nodes);
    told_.root_level = 0;
    add(Body::make_leaf, told_.level_count);
    while (told_.level_count > 1) {
      lower(1);
      told_.level_count = parts_of(told_.below_count, 1U << forces::fan_bits);
      ++told_.root_level;
      add(Body::make_cell, told_.level_count);
    }
    told_.root_begin = told_.level_begin;
  }

  /// Sums of nodes, of sums, and what becomes of the last.
  void add_sums(Body first, Body last) {
    told_.level_begin = 0;
    told_.level_count = parts_of(told_.count, forces::sum_items);
    add(first, told_.level_count);
    while (told_.level_count > 1) {
      lower(forces::sums);
      told_.level_count = parts_of(told_.below_count, forces::sum_items);
      add(Body::sum_sums, told_.level_count);
    }
    lower(forces::sums);
    add(last, 1);
  }
  /// The level that was made is now the one below; each of its items has so many numbers.
  void lower(std::uint32_t numbers) {
    told_.below_begin = told_.level_begin;
    told_.below_count = told_.level_count;
    told_.level_begin += numbers * told_.level_count;
  }

  const Workload& workload_;
  forces::Parameters told_;
  const bool sorts_;
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
  if (workload.theta) {
    need(Memory::cell_keys, 4 * nodes);
    need(Memory::sorted_indices, 2 * nodes);
    need(Memory::cells, forces::cell_floats * std::uint64_t{cells_of(workload.nodes)});
    need(Memory::counters, compute::sort_counters(workload.nodes));
  }
  need(Memory::points, 4 * std::uint64_t{stride_of(workload.nodes)});
  need(Memory::figures, forces::figures);
  need(Memory::scratch, std::uint64_t{workload.theta ? forces::bounds : forces::sums} * sums);
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
