// The LiDAR workload beside nanoflann and Eigen. Each round is a fresh process, in which both run in turn.
#pragma once

#include "buffers.hpp"

namespace bench {

/// `tile` is a LAS file that is measured too where it is there. `full` adds 10 and 50 million points, which take
/// several minutes, once each. Throws ChildFailed.
[[nodiscard]] BuffersReport run_lidar(unsigned rounds, const std::string& tile, bool full);

}  // namespace bench
