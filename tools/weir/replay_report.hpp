// A replay's report as one line of JSON, as text for people, or as one answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "replay/options.hpp"
#include "replay/report.hpp"
#include "replay/trace.hpp"

namespace weir::tool {

/// What was replayed, a file's path or the generator, and how.
struct Subject {
  std::string file;
  const replay::Trace& trace;
  const replay::ReplayOptions& options;
  std::optional<replay::Tightest> tightest = {};
};

[[nodiscard]] std::string to_json(const Subject& subject, const replay::ReplayReport& report);
[[nodiscard]] std::string to_text(const Subject& subject, const replay::ReplayReport& report);
/// Whether it fits, and what time it loses, in a line.
[[nodiscard]] std::string to_answer(const Subject& subject, const replay::ReplayReport& report);

/// A part of a whole; all of nothing.
[[nodiscard]] inline double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 1.0 : static_cast<double>(part) / static_cast<double>(whole);
}
[[nodiscard]] inline bool names_owners(const Subject& subject) {
  return subject.trace.format == replay::TraceFormat::weir_recording ||
         subject.trace.format == replay::TraceFormat::generated;
}
[[nodiscard]] inline bool is_snapshot(const Subject& subject) {
  return subject.trace.format == replay::TraceFormat::pytorch_snapshot;
}

}  // namespace weir::tool
