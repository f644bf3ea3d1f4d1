#include "workloads/graph/run/stepping.hpp"

#include <cmath>
#include <string>
#include <utility>
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

bool Stepping::is_over(bool is_finest, Clock::duration work) {
  if (settings_.stop != nullptr && settings_.stop->load()) stopped_ = true;
  const Clock::time_point end = is_finest ? end_ : coarse_end_;
  return stopped_ || (end != Clock::time_point::max() && Clock::now() + work >= end);
}

Stepping::Ending Stepping::lay_out(GraphMemory& layout, const Schedule& schedule, const Finest* finest) {
  Ending ending;
  std::uint64_t looked = 0, at_rest = 0;
  Clock::time_point last_look = Clock::now();
  Clock::duration step_time{};  // from one look to the next
  const auto look_at_next = [&] {
    const Figures figures = look(layout, ++looked, finest != nullptr);
    step_time = Clock::now() - std::exchange(last_look, Clock::now());
    const bool rests = schedule.at_rest(looked, double{figures.mean_energy}, double{figures.mean_movement});
    at_rest = rests ? at_rest + 1 : 0;
    ending.settled = ending.settled || at_rest >= schedule.steps_at_rest();
  };
  // What one more step would take, with those that are queued and what follows them.
  const auto work = [&] {
    const auto queued = static_cast<Clock::rep>(ending.steps - looked);
    return (queued + 1) * step_time + (finest == nullptr ? Clock::duration{} : finest->for_the_end);
  };
  since_sort_ = 0;
  while (ending.steps < schedule.max_steps() && !is_over(finest != nullptr, work())) {
    if (finest != nullptr && ending.steps > 0) change(layout, ending.steps, *finest);
    queue(layout, {.max_movement = schedule.max_movement(ending.steps), .free = schedule.moves_freely(ending.steps)},
          ending.steps + 1, finest == nullptr ? nullptr : finest->feed);
    ++ending.steps;
    if (finest != nullptr) finest->steadiness.stepped();
    if (ending.steps <= figures_behind) continue;
    look_at_next();
    if (ending.settled) break;
  }
  while (looked < ending.steps) look_at_next();
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

void Stepping::queue(GraphMemory& layout, StepParameters told, std::uint64_t step, Feed* feed) {
  told.sorts = since_sort_ % sort_period == 0;
  const std::vector<PlanStep> plan = plan_step(layout.workload(), told);
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
