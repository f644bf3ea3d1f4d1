// A trace: the allocations and frees of one recorded program, whatever file it
// came from. Invariant: every block is allocated once, before it is freed, and
// freed at most once. Written by the readers and the generator; read by replay.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::replay {

enum class TraceFormat : std::uint8_t { pytorch_snapshot, rmm_csv, interval_csv, weir_recording, generated };

/// The name that reports use, e.g. "pytorch-snapshot".
[[nodiscard]] std::string_view to_string(TraceFormat format) noexcept;

struct TraceEvent {
  enum class Kind : std::uint8_t { allocate, free };
  std::uint32_t block = 0;   ///< index into DeviceTrace::block_bytes
  std::uint32_t stream = 0;  ///< index of the stream, in order of first appearance
  Kind kind = Kind::allocate;
  std::uint32_t thread = 0;  ///< index of the thread, in order of first appearance
};

/// How the recording itself names a block, so that who made it can find it there.
struct BlockOrigin {
  std::optional<std::uint64_t> address = {};
  std::uint64_t line = 0;   ///< of a CSV, from 1; 0 where there are no lines
  std::uint32_t label = 0;  ///< index into DeviceTrace::labels; 0 = none
};

/// Memory that the recorder's allocator took from its driver, or gave back.
struct SegmentEvent {
  std::size_t before = 0;  ///< how many of DeviceTrace::events came before it
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  bool taken = false;
};

/// What one device saw, in order.
struct DeviceTrace {
  std::vector<std::uint64_t> block_bytes;  ///< requested bytes of every block
  std::vector<BlockOrigin> origins;        ///< of every block
  std::vector<std::string> labels;  ///< foreign text, each once: a CSV's ids, a snapshot's frames; the first is empty
  std::vector<std::uint64_t> stream_keys;  ///< the recorder's own key of every stream
  std::vector<TraceEvent> events;
  std::vector<std::chrono::nanoseconds> times;          ///< of every event, never falling; empty where none are told
  std::uint32_t device = 0;                             ///< the recorder's device number
  std::uint32_t streams = 0;                            ///< distinct streams
  std::uint32_t threads = 1;                            ///< distinct threads; one where the recording tells of none
  std::optional<std::uint64_t> recorded_peak_reserved;  ///< bytes, where the file tells
  std::vector<SegmentEvent> segments;                   ///< in order, where the file tells; for reports
};

struct Trace {
  TraceFormat format = TraceFormat::generated;
  std::vector<DeviceTrace> devices;  ///< at least one; each with its own address space
  // What the record lacks or bends; none of it stops a replay, all of it is reported.
  std::uint64_t failures = 0;           ///< failed allocations that the log tells of; left out
  std::uint64_t unmatched_frees = 0;    ///< frees of what was never seen to be allocated; left out
  std::uint64_t late_frees = 0;         ///< frees told after their address was allocated again; moved to before that
  std::uint64_t incomplete_blocks = 0;  ///< blocks left out, or ended, where their beginning or end is not told
  std::uint64_t cut_lines = 0;          ///< lines without an end, behind all others; left out
  std::uint64_t resizes = 0;            ///< changes of a block's size, each told as a free and an allocation
  bool is_cut = false;                  ///< the file ends early, in a line or in its gzip data: what came after is lost
  std::vector<std::string> notes;       ///< what else is to be known of a recording of weir's own, a line each

  [[nodiscard]] std::uint64_t skipped() const noexcept {
    return failures + unmatched_frees + incomplete_blocks + cut_lines;
  }
};

}  // namespace weir::replay
