// The LiDAR workload beside nanoflann and Eigen. Each round is a fresh process, in which both run in turn.
#pragma once

#include "buffers.hpp"

namespace bench {

/// `tile` is a LAS file that is measured too where it is there. Throws ChildFailed.
[[nodiscard]] BuffersReport run_lidar(unsigned rounds, const std::string& tile);

}  // namespace bench
