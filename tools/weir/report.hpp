// A replay's report as one line of JSON, or as text for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "monitor/replay/replay.hpp"
#include "monitor/replay/trace.hpp"

namespace weir::tool {

/// What was replayed: a file's path, or the generator.
struct Subject {
  std::string file;
  const replay::Trace& trace;
  std::optional<std::uint64_t> capacity;  ///< bytes; given: say whether it fits
  bool named_device = false;              ///< not the replay's own dry one, and so with limits of its own
};

[[nodiscard]] std::string to_json(const Subject& subject, const replay::ReplayReport& report);
[[nodiscard]] std::string to_text(const Subject& subject, const replay::ReplayReport& report);

}  // namespace weir::tool
