// The way in for every recorded trace: reads a file, tells its format by its
// content and hands it to that format's reader. Called by the tools and by replay.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "replay/recording.hpp"
#include "replay/trace.hpp"

namespace weir::replay {

/// Reads a recording of weir, a PyTorch memory snapshot, an RMM log or an interval CSV, packed by gzip or not. Throws
/// NotFound (no such file), InvalidArgument (a directory or device), DriverError
/// (the system could not read it; native_code is errno), OutOfMemory, or
/// ParseError (what it holds). Each message is one line that starts with the path.
[[nodiscard]] Trace read_trace(const std::filesystem::path& path);

/// The same as a recording: weir's own with all that it has, others' with their blocks (recording_of). `notes` gets
/// what is missing or odd, a line each.
[[nodiscard]] Recording read_any_recording(const std::filesystem::path& path, std::vector<std::string>& notes);

/// The same from memory; messages name the offset, line or record, not a file.
[[nodiscard]] Trace read_trace(std::span<const std::byte> file);

}  // namespace weir::replay
