// Halves the chunks that a run has left, with the regions that are read around them, and undoes that. Called by the
// pipeline where a device became slow.
#pragma once

#include <cstddef>
#include <vector>

#include "workloads/lidar/run/halos.hpp"
#include "workloads/lidar/run/partition.hpp"

namespace weir::lidar {

class SmallerChunks {
 public:
  SmallerChunks(const Cloud& cloud, const ComputeSettings& compute, Partition& partition, Halos& halos)
      : cloud_(cloud), compute_(compute), partition_(partition), halos_(halos) {}

  /// For the chunks from `next` on; false where all are small already. Once a run.
  bool take(std::size_t next);
  /// The chunks from `next` on are as large as before; but a half whose other one is done stays one.
  void undo(std::size_t next);

 private:
  const Cloud& cloud_;
  const ComputeSettings& compute_;
  Partition& partition_;
  Halos& halos_;
  std::vector<Chunk> chunks_;  // as they were
  std::vector<KnownRegion> regions_;
};

}  // namespace weir::lidar
