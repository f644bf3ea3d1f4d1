// Reads interval CSVs, the format of the packing literature (idealloc,
// MiniMalloc): `id,lower,upper,size`, one buffer a row, live from `lower`
// inclusive to `upper` exclusive. Called by read_trace.
#pragma once

#include <string_view>

#include "replay/csv.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// Columns are found by name, in any order; others are ignored. At equal times
/// frees come before allocations, and otherwise rows keep their order. Times may
/// be any integers of 64 bits. Throws ParseError with the line's number.
[[nodiscard]] Trace read_interval_csv(CsvReader csv);
[[nodiscard]] inline Trace read_interval_csv(std::string_view text) { return read_interval_csv(CsvReader(text)); }

}  // namespace weir::replay
