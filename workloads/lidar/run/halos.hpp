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

}  // namespace weir::lidar
