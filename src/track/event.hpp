// One event of a pool's memory: what the log, a recorder and a live view are told of.
// A plain record of 48 bytes, so that writing one costs a hit next to nothing. Written
// where the books are written; read through track/event_reader.hpp.
#pragma once

#include <cstdint>
#include <type_traits>

namespace weir::track {

enum class EventKind : std::uint8_t {
  allocate,        ///< a block was handed out
  free,            ///< a block came back
  resize,          ///< a live block changed its size, or a buffer moved into another block
  create,          ///< memory was taken from the driver
  destroy,         ///< memory went back to the driver
  map,             ///< pages were mapped
  unmap,           ///< pages were unmapped
  transfer_start,  ///< a copy between host and device began
  transfer_end,    ///< its end was first seen; none for one that failed, or that nobody asks after
  refuse,          ///< a request failed; nothing changed
  fall_back,       ///< a slower way was taken
  lost,            ///< so many events of one ring were dropped here, for it was full
  spill,           ///< a buffer's contents moved to the host
  restore,         ///< they came back
};

/// How it was done.
enum class EventWay : std::uint8_t {
  none,
  cache,     ///< allocate: a cache hit; free: kept by a cache
  arena,     ///< allocate: an arena hit; free: back in its arena
  miss,      ///< allocate: the driver was asked
  queue,     ///< free: into the queue of the owner's cache, which another thread has
  pending,   ///< free: once work on other streams is done
  in_place,  ///< resize: same address
  remapped,  ///< resize: other addresses, the same pages
  copied,    ///< resize: other addresses, contents were copied
  page,      ///< create, destroy, map, unmap: pages
  segment,   ///< create, destroy: a segment; free: straight back to the driver
  upload,
  download,
};

struct Event {
  /// Nanoseconds of the steady clock, where a reader hands it out; ticks in a ring.
  std::uint64_t time = 0;
  /// Requested bytes of a block; bytes of pages, of a segment, of a transfer, of contents; how many events are `lost`.
  std::uint64_t bytes = 0;
  std::uint64_t address = 0;     ///< of a block, or where pages were mapped or unmapped; 0 where it does not apply
  std::uint32_t block = 0;       ///< record id; how many pages; the number of a transfer
  std::uint32_t generation = 0;  ///< of the block's lives; how many handles the pages have
  std::uint32_t granules = 0;    ///< what the block takes up
  std::uint32_t tag = 0;
  std::uint32_t stream = 0;  ///< id of the stream that was named; 0 where none is known
  std::uint16_t thread = 0;  ///< number of the thread, in the order of their first events; 0 past the 65,535th
  EventKind kind = EventKind::allocate;
  EventWay way = EventWay::none;
};

static_assert(sizeof(Event) == 48 && std::is_trivially_copyable_v<Event>);

}  // namespace weir::track
