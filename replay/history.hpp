// What happened to one recorded pool, laid out for looking at any moment of it: each block as one or
// more lives with a beginning and an end, the changes in their order, what was mapped, transfers, and
// what was rare. Times are nanoseconds from a base that is the caller's. Read by the report.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "replay/recording.hpp"
#include "track/event.hpp"

namespace weir::replay {

/// A stretch of a block in which its size and address stay: from an allocation or a resize to the next, or its end.
struct Life {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;      ///< requested
  std::uint64_t allocated = 0;  ///< bytes
  std::uint32_t tag = 0;        ///< index into Recording::names
  std::uint32_t stream = 0;
  std::uint32_t begin = 0;  ///< the change that begins it
  std::uint32_t end = 0;    ///< the one that ends it; History::never where it is live at the end
  std::uint32_t born = 0;   ///< the change that began its block's first life
  std::uint16_t thread = 0;
  track::EventWay way = track::EventWay::none;  ///< how its allocation was served; of a resize, none
};

/// One step of the books.
struct Change {
  enum class Kind : std::uint8_t { begin, end, take, give };
  std::uint64_t time = 0;  ///< never less than of the change before
  std::uint64_t what = 0;  ///< begin, end: the life; take, give: bytes from the driver, or back to it
  Kind kind = Kind::begin;
};

/// A range of addresses with memory behind it.
struct MappedRange {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint32_t begin = 0;  ///< how many changes came before it was mapped
  std::uint32_t end = 0;    ///< and before it was unmapped; History::never where it stays
};

struct RecordedTransfer {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  ///< History::no_time where none is told
  std::uint64_t bytes = 0;
  std::uint32_t stream = 0;
  std::uint16_t thread = 0;
  bool upload = false;
};

/// What happens seldom: a refusal, a fallback, a spill, a return from it, events lost.
struct Mark {
  std::uint64_t time = 0;
  std::uint64_t bytes = 0;
  std::uint32_t tag = 0;
  track::EventKind kind = track::EventKind::refuse;
};

struct History {
  static constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint64_t no_time = std::numeric_limits<std::uint64_t>::max();

  std::vector<Life> lives;  ///< in the order of their beginnings
  std::vector<Change> changes;
  std::vector<MappedRange> mapped;  ///< in the order of their ends; empty where the recording tells of no addresses
  std::vector<RecordedTransfer> transfers;  ///< by start
  std::vector<Mark> marks;
  std::uint64_t reserved_before = 0;  ///< bytes, before the first change
  std::uint64_t last_time = 0;
};

/// The first moment of any pool, by the recording's clock; 0 where there are no events.
[[nodiscard]] std::uint64_t first_time_of(const Recording& recording) noexcept;

/// Throws ParseError above 2^32 - 2 changes.
[[nodiscard]] History history_of(const RecordedPool& pool, std::uint64_t base);

}  // namespace weir::replay
