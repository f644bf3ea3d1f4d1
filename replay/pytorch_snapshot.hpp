// Reads what torch.cuda.memory._dump_snapshot writes into a trace. The file is a
// pickle; nothing in it is executed. Called by read_trace.
#pragma once

#include <cstddef>
#include <span>

#include "replay/trace.hpp"

namespace weir::replay {

/// One DeviceTrace for each device with allocations. Blocks that were live when
/// recording began come first, in the order of their addresses. Where the history
/// has holes (a ring that overflowed loses its oldest part, recording that was
/// paused a middle one), blocks never overlap: a free without its block is left out,
/// a block whose place is taken ends there, and both are counted. Throws ParseError.
[[nodiscard]] Trace read_pytorch_snapshot(std::span<const std::byte> file);

}  // namespace weir::replay
