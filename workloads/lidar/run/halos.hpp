// How far around each chunk its points are read: enough that nearly all of its queries have their neighbours there.
// Called by the pipeline, which finishes the others at the end.
#pragma once

#include <cstddef>
#include <vector>

#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/partition.hpp"

namespace weir::lidar {

struct Halos {
  std::vector<KnownRegion> regions;  ///< of each chunk: it and what is read around it
  std::size_t max_points = 0;        ///< in one of them
};

[[nodiscard]] Halos find_halos(const Cloud& cloud, const Partition& partition, const ComputeSettings& compute);
/// Adds the regions of the chunks that have none yet, which are parts of ones that had: none has more points than
/// max_points.
void add_halos(const Cloud& cloud, const Partition& partition, const ComputeSettings& compute, Halos& halos);
/// What the time of a chunk's kernels grows with, in a unit of a run: its points with those around it, and where all
/// neighbours within a radius are looked at, how many those are if points are spread evenly over it.
[[nodiscard]] double expected_work(const Cloud& cloud, const ComputeSettings& compute, const Chunk& chunk,
                                   std::size_t points);

}  // namespace weir::lidar
