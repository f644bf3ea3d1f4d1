// The numbers of the recording's format: docs/recording-format.md says what they mean.
// Shared by what writes recordings and what reads them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "track/event.hpp"

namespace weir::monitor {

inline constexpr std::string_view file_magic{"\x89WEIR\r\n\x1a", 8};
inline constexpr std::uint16_t format_major = 1;
inline constexpr std::uint16_t format_minor = 0;
inline constexpr std::size_t file_header_bytes = 48;
inline constexpr std::size_t max_file_header_bytes = 4096;

inline constexpr std::uint32_t block_magic = 0x4b4c4257;  // "WBLK"
inline constexpr std::size_t block_header_bytes = 32;
inline constexpr std::size_t usual_payload_bytes = std::size_t{64} << 10;  ///< a writer ends a block here
inline constexpr std::size_t max_payload_bytes = std::size_t{16} << 20;
inline constexpr std::size_t max_text_bytes = 1024;
inline constexpr std::uint64_t max_event_bytes = std::uint64_t{1} << 60;  ///< of any one thing

enum class FileFlag : std::uint32_t { from_ring = 1 };

enum class BlockKind : std::uint16_t {
  pool = 1,      ///< fields of text: a pool begins
  events = 2,    ///< records
  state = 3,     ///< counts, then records: what was live before the first event that is kept
  pool_end = 4,  ///< counts: a pool has ended
  file_end = 5,  ///< empty: the recording has ended in order
};

/// What a file's header says beside its version.
struct FileStart {
  std::uint64_t wall_time = 0;    ///< nanoseconds since 1970
  std::uint64_t steady_time = 0;  ///< the same moment by the clock of the events
  std::uint32_t process = 0;
  bool from_ring = false;
};

/// Kinds of records are those of events, and these.
inline constexpr std::uint8_t name_record = 64;
/// From here on a record says how long it is, so that a reader can skip it.
inline constexpr std::uint8_t first_long_record = 128;

/// In the upper bits of a record's second byte: what it has in common with the record before.
inline constexpr unsigned same_thread = 0x20;
inline constexpr unsigned same_stream = 0x40;
inline constexpr unsigned same_tag = 0x80;
inline constexpr std::uint8_t way_bits = 0x1f;

/// What a record has beyond its time, thread and stream.
enum class Layout : std::uint8_t { block, block_end, pages, transfer, bytes, tagged_bytes, unknown };

[[nodiscard]] constexpr Layout layout_of(std::uint8_t kind) noexcept {
  using track::EventKind;
  switch (static_cast<EventKind>(kind)) {
    case EventKind::allocate:
    case EventKind::resize: return Layout::block;
    case EventKind::free: return Layout::block_end;
    case EventKind::create:
    case EventKind::destroy:
    case EventKind::map:
    case EventKind::unmap: return Layout::pages;
    case EventKind::transfer_start:
    case EventKind::transfer_end: return Layout::transfer;
    case EventKind::refuse:
    case EventKind::fall_back:
    case EventKind::lost: return Layout::bytes;
    case EventKind::spill:
    case EventKind::restore: return Layout::tagged_bytes;
  }
  return Layout::unknown;
}

// The file has these numbers; a kind or way that is added comes behind them.
static_assert(static_cast<int>(track::EventKind::allocate) == 0 && static_cast<int>(track::EventKind::free) == 1);
static_assert(static_cast<int>(track::EventKind::lost) == 11 && static_cast<int>(track::EventKind::restore) == 13);
static_assert(static_cast<int>(track::EventWay::cache) == 1 && static_cast<int>(track::EventWay::download) == 12);

/// Fields of a pool block.
enum class PoolField : std::uint8_t { name = 1, device, backend, mode, limit, page_bytes, granule_bytes };

/// Counts of a pool_end or state block.
enum class Count : std::uint8_t {
  requested_live = 1,
  requested_peak,
  requested_cumulative,
  allocated_live,
  allocated_peak,
  allocated_cumulative,
  reserved_live,
  reserved_peak,
  reserved_cumulative,
  allocations,
  frees,
  cache_hits,
  arena_hits,
  misses,
  refusals,
  errors,
  driver_calls,
  page_maps,
  page_remaps,
  evictions,
  external,
  events_lost,
  names_lost,
  events_late,
  arena_latency,  ///< from here on five numbers each: count; p50, p99, longest and mean in nanoseconds
  growth_latency = arena_latency + 5,
  mapping_latency = growth_latency + 5,
  wait_latency = mapping_latency + 5,
  behind_latencies = wait_latency + 5,
};
inline constexpr std::size_t max_counts = 256;

}  // namespace weir::monitor
