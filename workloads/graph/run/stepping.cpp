#include "workloads/graph/run/stepping.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "workloads/graph/forces/plan.hpp"
#include "workloads/graph/layout/place.hpp"

namespace weir::graph {
namespace {

constexpr std::uint64_t figures_behind = 2;  // steps that are queued while one's figures are looked at
constexpr std::uint64_t first_keep = 4;      // the first is kept early, while the pool still learns what steps need
constexpr std::uint64_t keep_period = 64;    // steps that a loss of the device costs at most

Stepping::Clock::time_point end_of(double seconds) {
  constexpr double year = 3e7;
  if (!(seconds < year)) return Stepping::Clock::time_point::max();
  return Stepping::Clock::now() +
         std::chrono::duration_cast<Stepping::Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Stepping::Stepping(const RunSettings& settings, compute::Losses& losses)
    : settings_(settings),
      losses_(losses),
      coarse_end_(end_of(settings.max_seconds / 2)),
      end_(end_of(settings.max_seconds)) {}

bool Stepping::is_over(bool is_finest, Clock::duration work) {
  if (settings_.stop != nullptr && settings_.stop->load()) stopped_ = true;
  const Clock::time_point end = is_finest ? end_ : coarse_end_;
  return stopped_ || (end != Clock::time_point::max() && Clock::now() + work >= end);
}

Stepping::Ending Stepping::lay_out(const Stage& stage, const Schedule& schedule, KeptLevel& kept,
                                   const Finest* finest) {
  Ending ending{.steps = kept.steps};
  std::uint64_t looked = kept.looked, at_rest = kept.at_rest;
  figures_ = kept.figures;
  Clock::time_point last_look = Clock::now();
  Clock::duration step_time{};  // from one look to the next
  const auto look_at_next = [&] {
    const Figures figures = look(stage.layout, ++looked, finest != nullptr);
    step_time = Clock::now() - std::exchange(last_look, Clock::now());
    const bool rests = schedule.at_rest(looked, double{figures.mean_energy}, double{figures.mean_movement});
    at_rest = rests ? at_rest + 1 : 0;
    order_.moved(double{figures.mean_movement});
    ending.settled = ending.settled || at_rest >= schedule.steps_at_rest();
  };
  // What one more step would take, with those that are queued and what follows them.
  const auto work = [&] {
    const auto queued = static_cast<Clock::rep>(ending.steps - looked);
    return (queued + 1) * step_time + (finest == nullptr ? Clock::duration{} : finest->for_the_end);
  };
  renew_order(kept);
  while (ending.steps < schedule.max_steps() && !is_over(finest != nullptr, work())) {
    if (ending.steps >= kept.steps + (kept.steps == 0 ? first_keep : keep_period)) {
      keep(stage, ending.steps, looked, kept);
      kept.at_rest = at_rest;
    }
    if (finest != nullptr && ending.steps > 0) change(stage, ending.steps, kept, *finest);
    queue(stage, {.max_movement = schedule.max_movement(ending.steps), .free = schedule.moves_freely(ending.steps)},
          ending.steps + 1);
    ++ending.steps;
    if (finest != nullptr) finest->steadiness.stepped();
    if (ending.steps <= figures_behind) continue;
    look_at_next();
    if (ending.settled) break;
  }
  while (looked < ending.steps) look_at_next();
  return ending;
}

/// Waits for what is queued.
void Stepping::keep(const Stage& stage, std::uint64_t steps, std::uint64_t looked, KeptLevel& kept) {
  if (stage.feed != nullptr && settings_.frames == FrameMode::every) stage.feed->drain();  // no step comes again for it
  while (looked + figures_.size() < steps) figures_.push_back(stage.layout.await_figures(patience));
  GraphMemory::Motion motion = stage.layout.download_motion(patience);
  motion.figures = figures_.back();
  kept.workload = stage.layout.workload();
  kept.rows = stage.layout.shared_rows();
  kept.motion = std::move(motion);
  kept.steps = steps;
  kept.looked = looked;
  kept.figures = figures_;
  kept.changes.clear();
  renew_order(kept);
  losses_.step_forward();
}

/// The next step sorts, and those after it go by what is known after a loss as well: both take the same steps.
void Stepping::renew_order(const KeptLevel& kept) {
  const double way =
      kept.steps == 0 ? std::numeric_limits<double>::infinity() : double{kept.motion.figures.mean_movement};
  order_.renew(spacing_of(kept.motion.positions, kept.workload.dimensions), way);
}

void Stepping::change(const Stage& stage, std::uint64_t steps, KeptLevel& kept, const Finest& finest) {
  if (!settings_.change) return;
  if (steps > kept.asked) {
    Changes changes;
    settings_.change(steps, changes);
    kept.asked = steps;
    if (!changes.empty()) kept.changes[steps] = std::move(changes);
  }
  const auto made = kept.changes.find(steps);
  if (made == kept.changes.end()) return;
  const Changes& changes = made->second;
  finest.steadiness.interrupted();
  order_.renew();
  const std::uint64_t nodes = stage.layout.workload().nodes + changes.added_nodes.size();
  stage.layout.apply(changes, finest.theta_for(nodes - std::min<std::uint64_t>(nodes, changes.removed_nodes.size())));
}

void Stepping::queue(const Stage& stage, StepParameters told, std::uint64_t step) {
  told.sorts = order_.next_sorts();
  const std::vector<PlanStep> plan = plan_step(stage.layout.workload(), told);
  Feed* const feed = step < stage.first_frame ? nullptr : stage.feed;
  if (feed != nullptr) queue_stamp(stage.device, stage.compute, feed->timeline(), &Timeline::step_started);
  stage.layout.queue(plan);
  if (feed != nullptr) queue_stamp(stage.device, stage.compute, feed->timeline(), &Timeline::step_ended);
  stage.layout.start_figures();
  if (feed != nullptr) feed->take(step);
}

/// Waits for a step's figures.
Figures Stepping::look(GraphMemory& layout, std::uint64_t step, bool is_finest) {
  Figures figures{};
  if (figures_.empty()) {
    figures = layout.await_figures(patience);
  } else {
    figures = figures_.front();
    figures_.pop_front();
  }
  if (!std::isfinite(figures.mean_movement)) {
    throw InvalidArgument("graph: positions are not finite any more after step " + std::to_string(step) +
                              "; take another law, or a graph with smaller weights",
                          {.name = "positions"});
  }
  if (is_finest && settings_.progress && step > told_) settings_.progress(step, double{figures.mean_movement});
  if (is_finest) told_ = std::max(told_, step);
  return figures;
}

}  // namespace weir::graph
