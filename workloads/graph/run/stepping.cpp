#include "workloads/graph/run/stepping.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "workloads/graph/forces/plan.hpp"

namespace weir::graph {
namespace {

constexpr std::chrono::hours patience{24};   // steps take what they take
constexpr std::uint64_t figures_behind = 2;  // steps that are queued while one's figures are looked at
constexpr std::uint64_t sort_period = 4;     // steps that one order of the nodes serves

Stepping::Clock::time_point end_of(double seconds) {
  constexpr double year = 3e7;
  if (!(seconds < year)) return Stepping::Clock::time_point::max();
  return Stepping::Clock::now() +
         std::chrono::duration_cast<Stepping::Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Stepping::Stepping(const Device& device, StreamId compute, const RunSettings& settings)
    : device_(device),
      compute_(compute),
      settings_(settings),
      coarse_end_(end_of(settings.max_seconds / 2)),
      end_(end_of(settings.max_seconds)) {}

bool Stepping::is_over(bool is_finest) {
  if (settings_.stop != nullptr && settings_.stop->load()) stopped_ = true;
  return stopped_ || Clock::now() >= (is_finest ? end_ : coarse_end_);
}

Stepping::Ending Stepping::lay_out(GraphMemory& layout, const Schedule& schedule, const Finest* finest) {
  Ending ending;
  std::uint64_t looked = 0;
  since_sort_ = 0;
  while (ending.steps < schedule.max_steps() && !is_over(finest != nullptr)) {
    if (finest != nullptr && ending.steps > 0) change(layout, ending.steps, *finest);
    queue(layout, schedule.max_movement(ending.steps), ending.steps + 1, finest == nullptr ? nullptr : finest->feed);
    ++ending.steps;
    if (finest != nullptr) finest->steadiness.stepped();
    if (ending.steps <= figures_behind) continue;
    const Figures figures = look(layout, ++looked, finest != nullptr);
    ending.settled = schedule.settled(looked, double{figures.mean_energy}, double{figures.mean_movement});
    if (ending.settled) break;
  }
  while (looked < ending.steps) {
    const Figures figures = look(layout, ++looked, finest != nullptr);
    ending.settled =
        ending.settled || schedule.settled(looked, double{figures.mean_energy}, double{figures.mean_movement});
  }
  return ending;
}

void Stepping::change(GraphMemory& layout, std::uint64_t steps, const Finest& finest) {
  if (!settings_.change) return;
  Changes changes;
  settings_.change(steps, changes);
  if (changes.empty()) return;
  finest.steadiness.interrupted();
  since_sort_ = 0;
  const std::uint64_t nodes = layout.workload().nodes + changes.added_nodes.size();
  layout.apply(changes, finest.theta_for(nodes - std::min<std::uint64_t>(nodes, changes.removed_nodes.size())));
}

void Stepping::queue(GraphMemory& layout, float max_movement, std::uint64_t step, Feed* feed) {
  const std::vector<PlanStep> plan =
      plan_step(layout.workload(), {.max_movement = max_movement, .sorts = since_sort_ % sort_period == 0});
  ++since_sort_;
  if (feed != nullptr) queue_stamp(device_, compute_, feed->timeline(), &Timeline::step_started);
  layout.queue(plan);
  if (feed != nullptr) queue_stamp(device_, compute_, feed->timeline(), &Timeline::step_ended);
  layout.start_figures();
  if (feed != nullptr) feed->take(step);
}

/// Waits for a step's figures.
Figures Stepping::look(GraphMemory& layout, std::uint64_t step, bool is_finest) {
  const Figures figures = layout.await_figures(patience);
  if (!std::isfinite(figures.mean_movement)) {
    throw InvalidArgument("graph: positions are not finite any more after step " + std::to_string(step) +
                              "; take another law, or a graph with smaller weights",
                          {.name = "positions"});
  }
  if (is_finest && settings_.progress) settings_.progress(step, double{figures.mean_movement});
  return figures;
}

}  // namespace weir::graph
