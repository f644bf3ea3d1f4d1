// Frames of a graph's layout that overlap with its steps, and growth while it runs. Each round is a fresh process, in
// which both ways run in turn.
#pragma once

#include <string>

#include "buffers.hpp"

namespace bench {

/// On a device, "host" or another that DeviceRequest names; bars are the host's. Throws ChildFailed.
[[nodiscard]] BuffersReport run_frames(unsigned rounds, const std::string& device);

}  // namespace bench
