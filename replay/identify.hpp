// Tells a trace's format from its first bytes, never from its name, and names
// what a file is where it is none of them. Called by read_trace.
#pragma once

#include <cstddef>
#include <span>

#include "replay/trace.hpp"

namespace weir::replay {

/// Throws ParseError that says what was seen and what is accepted.
[[nodiscard]] TraceFormat identify(std::span<const std::byte> file);

}  // namespace weir::replay
