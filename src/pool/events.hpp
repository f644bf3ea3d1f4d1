// Reports what happens to blocks: as an event while somebody reads events, into the ring of
// the calling thread; as a log line where the log wants every block, at once and with no lock
// held. Called where the books are written: by hits that are told, and by what is no hit. The
// page store reports what happens to pages, the journal reports refusals.
#pragma once

#include "pool/implementation.hpp"
#include "track/event_tap.hpp"

namespace weir {

inline track::Event Pool::Implementation::event_of(std::uint32_t id, track::EventKind kind, track::EventWay way,
                                                   StreamId stream) const noexcept {
  const track::Block& block = blocks_[id];
  return {.bytes = block.requested,
          .address = block.address(),
          .block = id,
          .generation = block.generation.load(std::memory_order_relaxed),
          .granules = block.size,
          .tag = block.tag,
          .stream = static_cast<std::uint32_t>(stream),
          .kind = kind,
          .way = way};
}

inline track::EventRing* Pool::Implementation::ring_of(Cache& cache) noexcept {
  if (!tap_.on()) return nullptr;
  if (cache.events == nullptr) [[unlikely]]
    cache.events = tap_.ring_of(cache.thread.load(std::memory_order_relaxed));
  return cache.events;
}

/// One of a hit, straight into the ring: of memory that this thread alone had, since its last event that was ordered at
/// least.
inline void Pool::Implementation::write_hit(track::EventRing& ring, std::uint32_t id, track::EventKind kind,
                                            track::EventWay way, StreamId stream) noexcept {
  const track::Block& block = blocks_[id];
  const std::uint64_t time = ring.now();
  track::Event* const slot = ring.begin(time);
  if (slot == nullptr) return;
  slot->time = time;
  slot->bytes = block.requested;
  slot->address = block.address();
  slot->block = id;
  slot->generation = block.generation.load(std::memory_order_relaxed);
  slot->granules = block.size;
  slot->tag = block.tag;
  slot->stream = static_cast<std::uint32_t>(stream);
  slot->thread = ring.thread();
  slot->kind = kind;
  slot->way = way;
  ring.commit();
}

/// An event that has its time.
inline void Pool::Implementation::write(track::EventRing* ring, track::Event& event) noexcept {
  event.thread = ring->thread();
  ring->push(event);
}

/// One of memory that came from others, or goes to them.
inline void Pool::Implementation::write_ordered(track::EventRing* ring, track::Event& event) noexcept {
  if (ring == nullptr) return;
  event.time = ring->ordered_now();
  write(ring, event);
}

/// Of a block that the caller has.
inline void Pool::Implementation::tell(Cache& cache, std::uint32_t id, track::EventKind kind, track::EventWay way,
                                       StreamId stream) noexcept {
  track::Event event = event_of(id, kind, way, stream);
  write_ordered(ring_of(cache), event);
  if (logs_ && kind == track::EventKind::allocate) journal_.log(event, blocks_[id].address());
}

inline void Pool::Implementation::tell_hit(Cache& cache, std::uint32_t id, StreamId stream) noexcept {
  constexpr auto kind = track::EventKind::allocate;
  constexpr auto way = track::EventWay::cache;
  if (track::EventRing* const ring = ring_of(cache)) write_hit(*ring, id, kind, way, stream);
  if (logs_) journal_.log(event_of(id, kind, way, stream), blocks_[id].address());
}

}  // namespace weir
