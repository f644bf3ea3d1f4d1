// A recording of weir's own, read whole: its pools, each with its events in order, the names
// of tags, what was live before the first event, and what all of it comes to. The format is
// docs/recording-format.md. Read by read_trace, the converters and the report.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weir/statistics.hpp>

#include "files/source.hpp"
#include "replay/trace.hpp"
#include "track/event.hpp"

namespace weir::replay {

struct RecordedPool {
  std::uint16_t number = 0;  ///< in the recording, from 1
  std::string name;
  std::string device;
  std::string backend;
  std::string mode;
  std::uint64_t limit = 0;       ///< bytes
  std::uint64_t page_bytes = 0;  ///< 0 where memory came in segments
  bool has_times = true;         ///< else each event has the place in the order, in microseconds
  bool has_addresses = true;     ///< else each block has one of its own
  /// The events; of an allocation, a spill and a return, `tag` is an index into Recording::names.
  std::vector<track::Event> events;
  std::vector<track::Event> live_before;  ///< allocations from before the first event, of a ring, by block
  Statistics before;                      ///< what came before the first event
  Statistics totals;                      ///< what it all comes to, as the pool counts
  std::optional<Statistics> at_end;       ///< what the pool counted itself, if it ended
  std::uint64_t lost = 0;                 ///< events that the recorder had no room for
  std::uint64_t unmatched = 0;            ///< frees and resizes of blocks that are not known
  std::uint64_t replaced = 0;             ///< blocks whose end is not told
};

struct Recording {
  std::uint64_t wall_time = 0;    ///< nanoseconds since 1970, when it began
  std::uint64_t steady_time = 0;  ///< the same moment by the events' clock
  std::uint32_t process = 0;
  bool from_ring = false;
  bool ended = false;                       ///< in order: nothing is missing behind it
  std::optional<std::uint64_t> damaged_at;  ///< the byte from which on it cannot be read; where it is cut, its end
  std::uint64_t unknown_blocks = 0;         ///< of kinds of a later version; left out
  std::uint64_t unknown_records = 0;
  std::vector<std::string> names;  ///< each once; the first is empty
  std::vector<RecordedPool> pools;
};

/// Whether it begins as a recording does.
[[nodiscard]] bool is_recording(std::span<const std::byte> start) noexcept;

/// Up to the last whole block. Throws ParseError for what is no recording of a version that is known.
[[nodiscard]] Recording read_recording(const files::Source& source);
[[nodiscard]] Recording read_recording(std::span<const std::byte> file);

/// What is missing or odd, a line each.
[[nodiscard]] std::vector<std::string> notes_on(const Recording& recording);

/// A device for each pool with allocations. A resize becomes a free and an allocation. Throws ParseError where there is
/// none.
[[nodiscard]] Trace trace_of(const Recording& recording);
/// A pool for each device of a trace, with its blocks and, of a snapshot, its segments. Without times, events are a
/// microsecond apart; without addresses, each block gets its own. A snapshot's times are microseconds since 1970, as
/// are then the events'.
[[nodiscard]] Recording recording_of(const Trace& trace);

}  // namespace weir::replay
