// Driver models as a user names them: a preset, entries, or a file that was measured
// on a GPU. A file is one flat JSON object of every entry of a DriverModel, in
// microseconds, beside strings "about" and "machine". Called by the tools.
#pragma once

#include <cstddef>
#include <string_view>

#include "device/driver_model.hpp"

namespace weir::replay {

/// The most that a model's file may hold: some hundred times what one needs. Bytes.
inline constexpr std::size_t max_driver_file_bytes = std::size_t{64} << 10;

/// A file where `name` ends in ".json", has a slash, or is neither a preset nor has a "=" and there is such a file;
/// else as device::driver_model(). Throws NotFound (no such file), DriverError (the system could not read it),
/// ParseError (no flat JSON object, or too large) and InvalidArgument (an entry is missing, unknown, given twice or out
/// of its limits, and what driver_model() throws). Each message is one line; those about a file start with its path.
[[nodiscard]] device::DriverModel read_driver_model(std::string_view name);

/// The same from what such a file holds.
[[nodiscard]] device::DriverModel parse_driver_model(std::string_view json);

}  // namespace weir::replay
