// The queries whose neighbours may lie outside their chunk's halo, finished at the end of a run: all points of the
// cloud that lie as near to one of them as its neighbours can be are gathered, and the same computer has
// those as one chunk. Few where halos are well chosen: the edges of gaps and points far off. Called by the pipeline.
#pragma once

#include <vector>

#include <weir/weir.hpp>

#include "workloads/lidar/features/sink.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/partition.hpp"

namespace weir::lidar {

struct FarQuery {
  Point point;          ///< its cell
  std::uint64_t reach;  ///< squared distance that its neighbours' cells are within
};

/// The run that they are of.
struct FarRun {
  const Cloud& cloud;
  const Partition& partition;
  const ComputeSettings& compute;
  ChunkComputer& computer;
  MemoryManager& memory;
  StreamId stream;
  std::size_t max_points;  ///< gathered at once, but where a single query needs more
};

/// Heights do not depend on neighbours and stay as they are; so do the other columns' rows of all other points.
/// Gives how many have all their neighbours at their own place.
[[nodiscard]] std::uint64_t finish_far_queries(const FarRun& run, std::vector<FarQuery> queries, Sink& sink);

}  // namespace weir::lidar
