// A layout from the graph to the last positions: coarse levels first, then the graph itself, step by step in pooled
// memory of the device, with a frame of positions and velocities that downloads while the next step computes. The
// device and its memory are the caller's. Called by the tool, the bench and tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/forces/law.hpp"
#include "workloads/graph/frames/frame.hpp"
#include "workloads/graph/memory/changes.hpp"

namespace weir::graph {

struct RunSettings {
  LawKind law = LawKind::fruchterman_reingold;
  unsigned dimensions = 2;      ///< 2 or 3
  std::uint64_t max_steps = 0;  ///< of the graph itself; 0: until it is settled, at most as many as the law needs
  /// Half of it at most is for coarser graphs. Once it has passed, or a run is stopped, what follows takes short ways:
  /// components lie on plain shelves, and few sources give the stress.
  double max_seconds = std::numeric_limits<double>::infinity();
  std::optional<double> theta = {};  ///< opening of the approximation, 0.1 to 2; empty: the law's
  bool exact = false;                ///< all pairs, whatever the size
  unsigned threads = 0;              ///< of the host; 0: one a core
  std::string kernels = {};          ///< of the host: "x86-64", "x86-64-v3", "x86-64-v4"; empty: the best
  FrameMode frames = FrameMode::latest;
  std::uint64_t seed = 1;                   ///< of the first positions
  bool coarsen = true;                      ///< lay coarser graphs out first
  bool measure = true;                      ///< stress and edge lengths, by a search from each of 200 nodes
  const std::atomic<bool>* stop = nullptr;  ///< ends the run after the step under way, as max_seconds does
  /// Called before each step of the graph itself but the first, after `steps` of them were queued; what it puts into
  /// `changes` comes before the next. A change that a limit or the graph refuses ends the run.
  std::function<void(std::uint64_t steps, Changes& changes)> change = {};
  std::function<void(std::uint64_t steps, double movement)> progress = {};
};

struct RunReport {
  std::uint64_t nodes = 0, edges = 0, self_loops = 0, duplicates = 0;
  std::uint64_t steps = 0;         ///< of the graph itself
  std::uint64_t coarse_steps = 0;  ///< of all coarser graphs
  bool settled = false, stopped = false;
  double seconds = 0, step_seconds = 0;  ///< of all, and of the steps of the graph itself
  std::string device, kernels;
  double stress = 0, edge_length_spread = 0;  ///< as layout/quality.hpp has them
  std::uint64_t frames = 0, frames_dropped = 0;
  /// Share of the downloads' time in which a step was computing too; 0 to 1. Since the last loss of the device.
  double overlap = 0;
  double recovery_seconds = 0;  ///< of `seconds`: until lost devices were opened again
  // --- Memory, of this run ---
  std::uint64_t requests = 0, hits = 0, driver_calls = 0;
  /// Of those, past the first ten steps of the graph and of each change; empty where no step came after ten.
  std::optional<std::uint64_t> driver_calls_after_warm_up;
  std::uint64_t resizes = 0, resizes_in_place = 0, bytes_moved_by_growth = 0;
  std::uint64_t memory_high_water = 0, pinned_high_water = 0;  ///< reserved; bytes; of the manager's whole life
  std::uint64_t recoveries = 0, lost_bytes = 0;                ///< of losses of the device; what did not come back
  std::uint64_t spilled_bytes = 0;                             ///< moved to the host for want of device memory
  std::uint64_t checksum = 0;                                  ///< of the final positions' bytes
};

struct Layout {
  std::vector<Position> positions;
  RunReport report;
};

/// Throws what run() would of any graph for settings out of range and for kernels that the host does not have: for
/// before a large graph is read.
void check_settings(const RunSettings& settings, const Device& device);

/// Lays `graph` out. `sink` may be null. Survives losses of the device as compute::Losses does: a level goes on
/// from the last steps that were kept on the host, 64 back at most but for the order of nodes, and ends with the same
/// bits; the sink gets no frame twice, `change` and `progress` are called once for a step. Throws InvalidArgument for
/// settings out of range and graphs past max_nodes and max_edges, LimitExceeded and OutOfMemory, and what the sink
/// throws.
[[nodiscard]] Layout run(const Graph& graph, const RunSettings& settings, MemoryManager& memory, FrameSink* sink);

}  // namespace weir::graph
