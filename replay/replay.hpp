// Replays a trace through a real pool, block by block, stream by stream and thread
// by thread, and measures what came of it. Called by the tools and by benches.
#pragma once

#include "replay/options.hpp"
#include "replay/report.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// Throws what open_device throws, InvalidArgument for options that make no sense with this trace, DriverError where
/// the device fails, OutOfMemory that names the block where a request is refused and no capacity was given, or none
/// would do, and Interrupted. Where the capacity was too small, `needed` was tried.
[[nodiscard]] ReplayReport replay(const Trace& trace, const ReplayOptions& options);

}  // namespace weir::replay
