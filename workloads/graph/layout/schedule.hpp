// How long the steps of one level may be and when it has settled. Movement is bounded by a length that shrinks from a
// share of an edge to a hundredth of one or less; a level that starts from random places has it shrink from the whole
// extent. Springs are damped as their law says, then move freely from one stop to the next. Called by runs, for each
// level.
#pragma once

#include <cstdint>
#include <span>

#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/forces/law.hpp"

namespace weir::graph {

enum class Start : std::uint8_t { random_places, coarser_level };

class Schedule {
 public:
  /// For a level that starts at `positions`, which fit() has scaled. `max_steps` replaces the law's own number, and the
  /// bound then shrinks over as many; 0 keeps it.
  Schedule(const Law& law, const Graph& graph, std::span<const Position> positions, Start start,
           std::uint64_t max_steps = 0);

  [[nodiscard]] std::uint64_t max_steps() const noexcept { return max_steps_; }
  /// Of step `step`, from 0; for StepParameters.
  [[nodiscard]] float max_movement(std::uint64_t step) const;
  /// Whether springs move freely in step `step`, from 0; for StepParameters.
  [[nodiscard]] bool moves_freely(std::uint64_t step) const noexcept;
  /// Whether nodes rest in step `steps`, from 1, by the mean of a node's kinetic energy and of its way in it. Ways that
  /// are as short as the bound makes them are no rest.
  [[nodiscard]] bool at_rest(std::uint64_t steps, double mean_energy, double mean_movement) const;
  /// A level has settled after so many steps at rest in a row: springs that move freely start from rest time and again.
  [[nodiscard]] std::uint64_t steps_at_rest() const noexcept;

 private:
  LawKind kind_;
  std::uint64_t max_steps_;
  double first_, last_;  // bounds of the movement
  double rest_;
};

}  // namespace weir::graph
