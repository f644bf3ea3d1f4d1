// What a recording costs: an event of it, of the thread that allocates and of all threads; and the tool's workloads,
// run whole with WEIR_RECORD and without, in turn, by the time of all their threads.
#pragma once

#include <string>

#include "buffers.hpp"

namespace bench {

/// `tile` is the point cloud for `weir lidar`, which is left out where it is not there. Throws ChildFailed.
[[nodiscard]] BuffersReport run_recording(unsigned rounds, const std::string& tile);

}  // namespace bench
