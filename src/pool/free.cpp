// Frees that are no hit: of blocks from another thread's cache, of another stream,
// that other streams used too, or that were freed before; and how blocks are named
// by address and handle.
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include <weir/errors.hpp>

#include "core/elsewhere.hpp"
#include "pool/hit_path.hpp"

namespace weir {

using track::Block;
using track::BlockState;

namespace {

std::string hexadecimal(std::uint64_t address) {
  constexpr int base = 16;
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), address, base).ptr;
  return "0x" + std::string(digits.data(), end);
}

}  // namespace

// The live block that starts there; if there is none, one that did; or 0. Entries of the map outlive
// their blocks, so a stale one for long blocks may stand before that of a short one.
std::uint32_t Pool::Implementation::record_at(std::uint64_t address) const noexcept {
  std::uint32_t former = 0;
  for (const std::uint32_t id : {space_.addresses().find(address), space_.addresses().find_short(address)}) {
    if (id == 0 || blocks_[id].address() != address) continue;
    if (blocks_[id].is(BlockState::live)) return id;
    former = id;
  }
  return former;
}

// No hit that is not told. Of one that is, the record is known already.
void Pool::Implementation::free_otherwise(std::uint32_t id, std::uint64_t address, StreamId stream) {
  if (tells_hits() && blocks_[id].address() == address) {
    require_usable();
    if (free_hit<true>(id, stream)) return;
  }
  free_at(address, stream);
}

void Pool::Implementation::free_at(std::uint64_t address, StreamId stream) {
  if (address == 0) return;
  const std::uint32_t id = record_at(address);
  if (id == 0 || !blocks_[id].is(BlockState::live)) refuse_free(address, id);
  free(id, stream);
}

void Pool::Implementation::free(std::uint32_t id, StreamId stream) {
  require_usable();
  if (tells_hits() && free_hit<true>(id, stream)) return;
  Block& block = blocks_[id];
  Cache& cache = cache_of(stream, Purpose::give_back);
  Cache& owner = caches_[block.owner()];
  const std::uint64_t address = block.address();  // once freed, the block is anyone's
  track::Event event = event_of(id, track::EventKind::free, track::EventWay::none, stream);
  track::EventRing* const ring = ring_of(cache);  // made here, with no lock held
  // What used the memory before this life, and cleared it for this one, may still run on the stream of the
  // allocation, which the caller of a free on another need not wait for.
  const StreamIndex follows = block.stream_index.load(std::memory_order_relaxed);
  if (follows != cache.stream_index && follows != pool::clean_index && block.is(BlockState::live)) {
    note_use(id, order_.epochs().stream(follows));
  }
  if (!pool::is_own(owner)) {
    free_remotely(id, cache, owner, ring, event);
    if (mode_ == PoolMode::off) flush_all();  // nothing waits in a queue where each block is the driver's
  } else {
    free_own(id, cache, owner, ring, event);
  }
  if (logs_) journal_.log(event, address);
}

// The block came from a cache of this thread: this stream's or another's.
void Pool::Implementation::free_own(std::uint32_t id, Cache& cache, Cache& owner, track::EventRing* ring,
                                    track::Event& event) {
  Block& block = blocks_[id];
  caches_.enter(owner);
  const bool live = block.is(BlockState::live) && block.remote.load(std::memory_order_relaxed) == 0;
  if (live) block.become(BlockState::busy);
  owner.lock.leave();
  if (!live) refuse_free(block.address(), id);
  const bool shared = block.shared();
  caches_.enter(cache);
  const std::int64_t credit = end_life(block, cache);
  block.ownership.store(static_cast<std::uint16_t>(cache.id | (shared ? Block::shared_bit : 0)),
                        std::memory_order_relaxed);
  bool kept = false;
  if (shared) {
    cache.passed_by(block.bytes());
  } else {
    block.stream_index.store(cache.stream_index, std::memory_order_relaxed);
    kept = cache.push(block, id, credit);
  }
  event.way = shared ? track::EventWay::pending : (kept ? track::EventWay::cache : way_home());
  write_ordered(ring, event);
  cache.lock.leave();
  if (shared) {
    free_shared(id, cache.stream_index, cache.now);
  } else if (!kept) {
    release(id, cache.stream_index, cache.now);
  }
}

// Only the owner may touch the block's state, so another thread leaves it in the
// owner's queue. The exchange makes one thread the one that frees this life.
void Pool::Implementation::free_remotely(std::uint32_t id, Cache& cache, Cache& owner, track::EventRing* ring,
                                         track::Event& event) {
  Block& block = blocks_[id];
  const std::uint32_t generation = block.generation.load(std::memory_order_acquire);
  const std::int64_t requested = static_cast<std::int64_t>(block.requested);
  const std::uint32_t before = block.remote.exchange(generation, std::memory_order_acq_rel);
  if (before == generation) refuse_free(block.address(), id);
  if (before == 0 && !(block.is(BlockState::live) && block.generation.load(std::memory_order_acquire) == generation)) {
    // It was freed before, and its owner has taken it back since. Should the block's next life have been
    // freed meanwhile, counting on this entry in a queue, then the entry is made for that.
    std::uint32_t mine = generation;
    if (!block.remote.compare_exchange_strong(mine, 0)) queue_remote(id, caches_[block.owner()]);
    refuse_free(block.address(), id);
  }
  event.way = track::EventWay::queue;
  write_ordered(ring, event);
  cache.frees.add(1);
  cache.lent += block.bytes();
  credits_.give(requested, static_cast<std::int64_t>(block.bytes()));
  block.stream_index.store(cache.stream_index, std::memory_order_relaxed);
  if (before != 0) {  // an earlier life was freed twice and still waits; that entry now stands for this one
    ++errors_;
    journal_.note(LogLevel::error, LogEvent::misuse, "a block was freed twice, by two threads at once", block.bytes(),
                  block.address());
    return;
  }
  queue_remote(id, owner);
}

void Pool::Implementation::queue_remote(std::uint32_t id, Cache& owner) noexcept {
  Block& block = blocks_[id];
  owner.remote_bytes.fetch_add(block.bytes(), std::memory_order_relaxed);
  std::uint32_t head = owner.remote_head.load(std::memory_order_relaxed);
  do {
    block.remote_next = head;
  } while (!owner.remote_head.compare_exchange_weak(head, id, std::memory_order_seq_cst, std::memory_order_relaxed));
  // Either this sees it asleep, or who puts it to sleep sees the block.
  if (owner.lock.asleep()) caches_.wake(owner);
}

void Pool::Implementation::refuse_free(std::uint64_t address, std::uint32_t id) const {
  require_usable();
  ++errors_;
  std::string text = "pool \"" + options_.name + "\": deallocate(" + hexadecimal(address) + "): ";
  if (id == 0) {
    text += "no block starts at this address; pass the pointer that allocate returned, to the pool it came from";
  } else {
    text += "the block is free already; this is a second free";
  }
  throw InvalidArgument(text, {.name = options_.name});
}

// --- Names of blocks ---

std::uint32_t Pool::Implementation::live_at(std::uint64_t address) const {
  const std::uint32_t id = record_at(address);
  if (id != 0 && blocks_[id].remote.load() == 0 && blocks_[id].is(BlockState::live)) return id;
  ++errors_;
  throw InvalidArgument("pool \"" + options_.name + "\": no live block starts at " + hexadecimal(address),
                        {.name = options_.name});
}

bool Pool::Implementation::holds(BlockHandle handle) const noexcept {
  if (handle.id == 0 || handle.id >= space_.blocks().end()) return false;
  const Block& named = blocks_[handle.id];
  // In this order: a block leaves its queue after it stops being live, and lives again under a new generation.
  return named.remote.load() == 0 && named.is(BlockState::live) && handle_of(handle.id) == handle;
}

std::uint32_t Pool::Implementation::live_by(BlockHandle handle) const {
  if (handle == BlockHandle{}) return 0;
  if (holds(handle)) return handle.id;
  ++errors_;
  throw StaleHandle("pool \"" + options_.name + "\": the handle (" + std::to_string(handle.id) + ", " +
                        std::to_string(handle.generation) +
                        ") refers to no live block; the block was freed, or belongs to another pool",
                    {.name = options_.name});
}

void Pool::Implementation::used_on(std::uint32_t id, StreamId stream) {
  require_usable();
  if (id == 0) return;
  note_use(id, backend_.resolve(stream));
}

void Pool::Implementation::used_until(BlockHandle block, StreamId stream, device::SharedEvent end) noexcept {
  if (!forked() && holds(block)) order_.pending().note_end(block.id, stream, std::move(end));
}

void Pool::Implementation::note_use(std::uint32_t id, StreamId stream) {
  order_.pending().note_use(id, stream);
  blocks_[id].ownership.fetch_or(Block::shared_bit, std::memory_order_relaxed);
}

// --- On to the arenas ---

void Pool::Implementation::release(std::uint32_t id, StreamIndex stream_index, std::uint32_t now) {
  const bool plain = mode_ == PoolMode::pages && blocks_[id].arena == pool::Space::segments_number;
  if (mode_ == PoolMode::off || plain) {
    free_directly(id, stream_index, now);
  } else {
    space_.release(id, stream_index, now);
  }
}

// Blocks that carry their stream with them; their stamps tell when they were freed.
void Pool::Implementation::release_freed(std::uint32_t chain) {
  while (chain != 0) {
    const std::uint32_t id = std::exchange(chain, blocks_[chain].list_next);
    const Block& block = blocks_[id];
    const StreamIndex stream_index = block.stream_index.load(std::memory_order_relaxed);
    if (block.shared()) {
      free_shared(id, stream_index, block.stamp);
    } else {
      release(id, stream_index, block.stamp);
    }
  }
}

void Pool::Implementation::release_taken(const std::vector<pool::Caches::Taken>& taken) {
  for (const pool::Caches::Taken& each : taken) {
    space_.release_chain(each.cached, each.stream_index);
    release_freed(each.freed);
  }
}

void Pool::Implementation::flush_all(std::uint32_t since) {
  const auto moving = motion_.begin();
  release_taken(caches_.flush(credits_, since));
}

// Giving back must not fail: what the driver refuses to record is recorded when the fence is looked at.
void Pool::Implementation::free_shared(std::uint32_t id, StreamIndex stream_index, std::uint32_t now) {
  // What a free can afford to look at, however many wait.
  constexpr std::size_t max_unfinished = 4;
  Block& block = blocks_[id];
  notes_.drop_max_granules(id);
  pool::PendingFree free{id, stream_index, block.size, order_.fence_of(id)};
  block.own(block.owner());
  block.become(BlockState::pending);
  block.stamp = now;
  order_.pending().add(std::move(free));
  reclaim_pending(max_unfinished);
}

bool Pool::Implementation::reclaim_pending(std::size_t max_unfinished) {
  return order_.pending().reclaim(max_unfinished, [&](const pool::PendingFree& free) {
    const auto moving = motion_.begin();
    Block& block = blocks_[free.id];
    block.become(BlockState::busy);
    release(free.id, free.stream_index, block.stamp);
  });
}

// With the pool off a free is the driver's: the memory must be unused, so its stream is waited for.
void Pool::Implementation::free_directly(std::uint32_t id, StreamIndex stream_index, std::uint32_t now) {
  const auto moving = motion_.begin();
  space_.release(id, stream_index, now);
  // On a thread that runs queued work it might be waited for by itself; then it is the driver's at the next look.
  const auto patience = core::in_queued_work() ? std::chrono::nanoseconds(0) : options_.reclaim_deadline;
  if (stream_index != pool::clean_index) order_.clean(space_, stream_index, core::Deadline(patience));
  space_.release_segments(UINT32_MAX, 0);
}

}  // namespace weir
