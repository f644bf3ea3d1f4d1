// What spilling costs: a working set of one and a half devices beside one that fits. Each round is a fresh process, in
// which both run in turn.
#pragma once

#include "buffers.hpp"

namespace bench {

/// Throws ChildFailed.
[[nodiscard]] BuffersReport run_spill(unsigned rounds);

}  // namespace bench
