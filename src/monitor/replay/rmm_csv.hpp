// Reads the log of RMM's logging_resource_adaptor:
// `Thread,Time,Action,Pointer,Size,Stream`, one operation a row, in the order of
// the file. Called by read_trace.
#pragma once

#include <string_view>

#include "monitor/replay/trace.hpp"

namespace weir::replay {

/// Actions are `allocate`, `free` (or `deallocate`) and `allocate failure`.
/// Failures, and frees of what was allocated before the log began, are left out
/// and counted in `skipped`. Without a column Stream there is one stream. A block
/// of zero bytes has no address of its own: several may live at one pointer.
/// Throws ParseError with the line's number, also for an allocation at a pointer
/// that is still live: then a free is missing, or several devices' logs are mixed.
[[nodiscard]] Trace read_rmm_csv(std::string_view text);

}  // namespace weir::replay
