// Steps of one level of a layout, until it has settled or is to end: each is queued while the device computes the one
// before it, and its figures are looked at two steps later, on every device and in every mode of frames, so that all
// take the same steps. Used by runs.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include <weir/weir.hpp>

#include "workloads/graph/frames/feed.hpp"
#include "workloads/graph/layout/schedule.hpp"
#include "workloads/graph/memory/graph_memory.hpp"
#include "workloads/graph/run/run.hpp"
#include "workloads/graph/run/steadiness.hpp"

namespace weir::graph {

/// What the graph itself has beside its coarser levels.
struct Finest {
  Feed* feed = nullptr;  ///< may be null
  Steadiness& steadiness;
  std::chrono::steady_clock::duration for_the_end{};  ///< of the time limit, what follows the steps
  /// The approximation of a graph of so many nodes.
  std::function<std::optional<float>(std::uint64_t nodes)> theta_for;
};

class Stepping {
 public:
  using Clock = std::chrono::steady_clock;
  struct Ending {
    std::uint64_t steps = 0;
    bool settled = false;
  };

  Stepping(const Device& device, StreamId compute, const RunSettings& settings);

  /// Steps what is loaded; all are done when it returns, but for what the feed still gives to its sink. Throws what the
  /// driver, the feed and the change throw, InvalidArgument where positions are not finite any more.
  Ending lay_out(GraphMemory& layout, const Schedule& schedule, const Finest* finest);

  /// Whether the run was stopped or its time has passed, or will have before what takes so long is done; of a coarser
  /// graph, half of its time. Any thread may ask.
  [[nodiscard]] bool is_over(bool is_finest, Clock::duration work = {});
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  void change(GraphMemory& layout, std::uint64_t steps, const Finest& finest);
  void queue(GraphMemory& layout, StepParameters told, std::uint64_t step, Feed* feed);
  [[nodiscard]] Figures look(GraphMemory& layout, std::uint64_t step, bool is_finest);

  Device device_;
  const StreamId compute_;
  const RunSettings& settings_;
  const Clock::time_point coarse_end_, end_;
  std::atomic<bool> stopped_ = false;
  std::uint64_t since_sort_ = 0;  // steps with the nodes in one order
};

}  // namespace weir::graph
