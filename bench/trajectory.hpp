// The trajectories' workload beside a plain loop over paths. Each round is a fresh process, in which both run in turn.
#pragma once

#include "buffers.hpp"

namespace bench {

/// Throws ChildFailed.
[[nodiscard]] BuffersReport run_trajectory(unsigned rounds);

}  // namespace bench
