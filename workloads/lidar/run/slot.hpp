// One of the two sets of buffers of a run, and the chunk that is in it. Called by the pipeline.
#pragma once

#include <cstddef>
#include <string>

#include <weir/weir.hpp>

#include "compute/stream_clock.hpp"
#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/run/chunk_computer.hpp"
#include "workloads/lidar/run/partition.hpp"

namespace weir::lidar {

struct Slot {
  std::string name;
  PoolingScope input, output;
  Pinned<std::byte> staging;
  Chunk chunk;
  std::size_t number = 0;  // of the chunk
  std::size_t index = 0;
  ChunkJob job;
  double work = 0;  // what the time of its kernels grows with
  compute::StreamClock kernels, uploads;
};

/// Bring what features need of a chunk's points, beside their places, into the staging memory; give its bytes.
[[nodiscard]] std::size_t stage_colours(Slot& slot, const Cloud& cloud);
[[nodiscard]] std::size_t stage_classes(Slot& slot, const Cloud& cloud);

}  // namespace weir::lidar
