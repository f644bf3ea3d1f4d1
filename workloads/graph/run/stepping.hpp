// Steps of one level of a layout, until it has settled or is to end: each is queued while the device computes the one
// before it, and its figures are looked at two steps later, on every device and in every mode of frames, so that all
// take the same steps. From time to time the level is kept on the host, from where it goes on after a loss of the
// device. Used by runs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include <weir/weir.hpp>

#include "compute/losses.hpp"
#include "workloads/graph/frames/feed.hpp"
#include "workloads/graph/layout/schedule.hpp"
#include "workloads/graph/memory/graph_memory.hpp"
#include "workloads/graph/run/node_order.hpp"
#include "workloads/graph/run/run.hpp"
#include "workloads/graph/run/steadiness.hpp"

namespace weir::graph {

/// What the graph itself has beside its coarser levels.
struct Finest {
  Steadiness& steadiness;
  std::chrono::steady_clock::duration for_the_end{};  ///< of the time limit, what follows the steps
  /// The approximation of a graph of so many nodes.
  std::function<std::optional<float>(std::uint64_t nodes)> theta_for;
};

/// A level on the host after some of its steps, at first after none: what a device goes on from.
struct KeptLevel {
  Workload workload;
  std::shared_ptr<const Adjacency> rows;
  GraphMemory::Motion motion;  ///< before the first step the positions alone
  std::uint64_t steps = 0;
  std::uint64_t looked = 0;                       ///< steps whose figures were looked at
  std::uint64_t at_rest = 0;                      ///< of these, the last ones, at which nodes were at rest
  std::deque<Figures> figures = {};               ///< of those that were not
  std::uint64_t asked = 0;                        ///< steps after which the run's change was called last
  std::map<std::uint64_t, Changes> changes = {};  ///< that it made since, by the steps before them
};

/// What steps are queued on.
struct Stage {
  Device& device;
  StreamId compute;
  GraphMemory& layout;  ///< loaded with what was kept
  Feed* feed = nullptr;
  std::uint64_t first_frame = 1;  ///< the step from which on the feed takes frames
};

class Stepping {
 public:
  using Clock = std::chrono::steady_clock;
  struct Ending {
    std::uint64_t steps = 0;
    bool settled = false;
  };

  /// Tells `losses` of each state that is kept.
  Stepping(const RunSettings& settings, compute::Losses& losses);

  /// Steps what is loaded, from where it was kept on; all are done when it returns, but for what the feed still gives
  /// to its sink. `finest` is null for a coarser level. Throws what the driver, the feed and the change throw,
  /// InvalidArgument where positions are not finite any more. After a loss of the device it may be called again.
  Ending lay_out(const Stage& stage, const Schedule& schedule, KeptLevel& kept, const Finest* finest);

  /// Whether the run was stopped or its time has passed, or will have before what takes so long is done; of a coarser
  /// graph, half of its time. Any thread may ask.
  [[nodiscard]] bool is_over(bool is_finest, Clock::duration work = {});
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  void keep(const Stage& stage, std::uint64_t steps, std::uint64_t looked, KeptLevel& kept);
  void renew_order(const KeptLevel& kept);
  void change(const Stage& stage, std::uint64_t steps, KeptLevel& kept, const Finest& finest);
  void queue(const Stage& stage, StepParameters told, std::uint64_t step);
  [[nodiscard]] Figures look(GraphMemory& layout, std::uint64_t step, bool is_finest);

  const RunSettings& settings_;
  compute::Losses& losses_;
  const Clock::time_point coarse_end_, end_;
  std::atomic<bool> stopped_ = false;
  NodeOrder order_;
  std::deque<Figures> figures_;  // of steps that were awaited before they are looked at
  std::uint64_t told_ = 0;       // steps of the graph itself that progress was told of
};

}  // namespace weir::graph
