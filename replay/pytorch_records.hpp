// The parts of a PyTorch memory snapshot that a trace needs, taken out of the
// pickle with every field checked: per device, the events in order, the blocks
// live at the end and the bytes reserved at the end. Called by pytorch_snapshot.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "replay/pickle.hpp"
#include "replay/text_table.hpp"

namespace weir::replay {

struct SnapshotEvent {
  enum class Kind : std::uint8_t {
    allocate,  ///< alloc
    free,      ///< free_completed; free_requested comes before it and ends nothing
    reserve,   ///< segment_alloc, segment_map
    release    ///< segment_free, segment_unmap
  };
  std::uint64_t address = 0;  ///< of a segment 0 where none is told
  std::uint64_t bytes = 0;    ///< as requested for blocks, as reserved for segments
  std::uint64_t stream = 0;   ///< the recorder's stream handle
  Kind kind = Kind::allocate;
  std::uint32_t frame = 0;                             ///< number of a text of SnapshotDevice::frames
  std::optional<std::chrono::microseconds> time = {};  ///< of the recorder's clock; older files tell none
};

struct SnapshotBlock {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;  ///< requested
  std::uint64_t stream = 0;
  std::uint32_t frame = 0;
};

/// Memory from the driver at the end.
struct SnapshotSegment {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
};

struct SnapshotDevice {
  std::uint32_t number = 0;
  std::vector<SnapshotEvent> events;
  std::vector<SnapshotBlock> live_at_end;
  std::vector<SnapshotSegment> segments_at_end;
  TextTable frames;  ///< "train.py:7 step"; number 0 where none was recorded
  std::uint64_t reserved_at_end = 0;
  std::uint64_t failures = 0;  ///< allocations that ran out of memory (oom)
  bool has_segments = false;   ///< the snapshot tells about segments at all
};

/// The devices that have at least one event, by number. Throws ParseError that
/// names the field and the event, segment or block it is missing from.
[[nodiscard]] std::vector<SnapshotDevice> read_snapshot_records(const Pickle& pickle);

}  // namespace weir::replay
