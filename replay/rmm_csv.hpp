// Reads the log of RMM's logging_resource_adaptor:
// `Thread,Time,Action,Pointer,Size,Stream`, one operation a row, in the order of
// the file. Called by read_trace.
#pragma once

#include <string_view>

#include "replay/csv.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// Actions are `allocate`, `free` (or `deallocate`) and `allocate failure`.
/// Failures, and frees of what was allocated before the log began, are left out
/// and counted. Without a column Stream there is one stream. A block of zero bytes
/// has no address of its own: several may live at one pointer.
///
/// Each of the column Thread's values is a thread; times are those of the column
/// Time, where every row has one ("14:03:01.000123").
///
/// RMM frees first and logs after, so another thread's allocation at the same
/// pointer can be told before the free. Then the old block ends at that allocation,
/// and the late free is counted. It must be the next record of its thread, for a
/// thread logs in order; where none comes, a free is missing or several devices'
/// logs are mixed: ParseError with the line's number, as for all else that is wrong.
/// At the end of a log that is cut, the free may be what is lost, where a thread told
/// nothing since; such blocks are counted as incomplete.
[[nodiscard]] Trace read_rmm_csv(CsvReader csv);
[[nodiscard]] inline Trace read_rmm_csv(std::string_view text) { return read_rmm_csv(CsvReader(text)); }

}  // namespace weir::replay
