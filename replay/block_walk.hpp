// Goes through the events of a recorded pool with the blocks known: what is freed or resized
// comes with its allocation, whatever was lost between. Used by whatever turns a recording
// into something else.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "replay/recording.hpp"

namespace weir::replay {

/// What a walk calls. An allocation is an event with the block's present size, address and tag.
class BlockVisitor {
 public:
  virtual ~BlockVisitor() = default;
  /// A block is live from now on; it has `allocation.time`.
  virtual void allocated(const track::Event& allocation) = 0;
  /// It is not any more. `end` is its free, or where that is not told the next allocation under its number.
  virtual void freed(const track::Event& allocation, const track::Event& end) = 0;
  /// It has another size or address: by itself an end and a beginning.
  virtual void resized(const track::Event& before, const track::Event& after) {
    freed(before, after);
    allocated(after);
  }
  /// A buffer that grew has its contents in this block now, which was allocated for it.
  virtual void moved_in(const track::Event&) {}
  /// A free or resize of a block that is not known.
  virtual void unmatched(const track::Event&) {}
  /// Every event that is not of a block.
  virtual void other(const track::Event&) {}
};

/// What was live before comes first, with the time of the first event.
inline void walk(const RecordedPool& pool, BlockVisitor& visitor) {
  std::unordered_map<std::uint32_t, track::Event> live;
  const auto begin = [&](const track::Event& event) {
    const auto [place, fresh] = live.try_emplace(event.block, event);
    if (!fresh) {
      visitor.freed(place->second, event);
      place->second = event;
    }
    visitor.allocated(event);
  };
  for (track::Event event : pool.live_before) {
    if (!pool.events.empty()) event.time = pool.events.front().time;
    begin(event);
  }
  for (const track::Event& event : pool.events) {
    const bool end = event.kind == track::EventKind::free;
    if (event.kind == track::EventKind::allocate) {
      begin(event);
    } else if (end || event.kind == track::EventKind::resize) {
      const auto found = live.find(event.block);
      if (found == live.end()) {
        visitor.unmatched(event);
      } else if (end) {
        visitor.freed(found->second, event);
        live.erase(found);
      } else {
        const track::Event before = found->second;
        found->second = event;
        found->second.tag = before.tag;
        if (before.bytes != event.bytes || before.address != event.address) {
          visitor.resized(before, found->second);
        } else {
          visitor.moved_in(found->second);
        }
      }
    } else {
      visitor.other(event);
    }
  }
}

}  // namespace weir::replay
