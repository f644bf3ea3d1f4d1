#include "workloads/graph/layout/schedule.hpp"

#include <algorithm>
#include <cmath>

#include "workloads/graph/layout/place.hpp"

namespace weir::graph {
namespace {

/// Springs are damped for so long, and lose what the start has given them.
constexpr std::uint64_t warm_up_steps = 200;
constexpr double spring_rest = 1e-3;  // kinetic energy of a node
/// From a stop on, a mean force of 0.035 brings springs to that energy in so many steps.
constexpr std::uint64_t calm_spring_steps = 20;

/// Shares of an edge's length: of the bounds, and of the mean way of nodes at rest. ForceAtlas2 slows down while nodes
/// swing, so that a short way of its says less.
constexpr double first_share = 0.5, last_share = 0.01, last_force_atlas_share = 0.002;
constexpr double rest_share = 0.01, rest_force_atlas_share = 0.004;
/// A step whose mean way is above this share of its bound was ended by the bound, and not by nodes that rest.
constexpr double unbounded_share = 0.3;

/// Fewer steps for larger graphs, whose coarser levels have found the shape. Springs need eight times as many, and
/// small graphs have the time for more.
std::uint64_t usual_steps(LawKind kind, std::uint32_t nodes, Start start) {
  const double worth = 40 * std::sqrt(1e5 / std::max(nodes, 1U));
  const bool random = start == Start::random_places;
  if (kind == LawKind::springs)
    return static_cast<std::uint64_t>(std::clamp(8 * worth, random ? 2400.0 : 320.0, 6000.0));
  return static_cast<std::uint64_t>(random ? 300 : std::clamp(worth, 40.0, 300.0));
}

}  // namespace

Schedule::Schedule(const Law& law, const Graph& graph, std::span<const Position> positions, Start start,
                   std::uint64_t max_steps)
    : kind_(law.kind), max_steps_(max_steps != 0 ? max_steps : usual_steps(law.kind, graph.nodes, start)) {
  const double edge = mean_length(graph, positions);
  last_ = edge * (law.kind == LawKind::force_atlas_2 ? last_force_atlas_share : last_share);
  rest_ = edge * (law.kind == LawKind::force_atlas_2 ? rest_force_atlas_share : rest_share);
  first_ =
      edge * (start == Start::random_places ? std::max(1.0, std::sqrt(static_cast<double>(graph.nodes))) : first_share);
}

float Schedule::max_movement(std::uint64_t step) const {
  if (max_steps_ < 2 || first_ <= 0) return static_cast<float>(first_);
  const double share = std::min(1.0, static_cast<double>(step) / static_cast<double>(max_steps_ - 1));
  return static_cast<float>(first_ * std::pow(last_ / first_, share));
}

bool Schedule::moves_freely(std::uint64_t step) const noexcept {
  return kind_ == LawKind::springs && step >= warm_up_steps;
}

std::uint64_t Schedule::steps_at_rest() const noexcept { return kind_ == LawKind::springs ? calm_spring_steps : 1; }

bool Schedule::at_rest(std::uint64_t steps, double mean_energy, double mean_movement) const {
  if (kind_ == LawKind::springs) return steps > warm_up_steps && mean_energy < spring_rest;
  return steps > 0 && mean_movement <= rest_ && mean_movement <= unbounded_share * double{max_movement(steps - 1)};
}

}  // namespace weir::graph
