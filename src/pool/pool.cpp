// The doors of the pool and the path of a hit: find the thread's cache, take the
// newest block of the size, note its new life. All else is in the other files.
#include <weir/pool.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/door.hpp"
#include "pool/hot_path.hpp"

namespace weir {

using pool::ThreadCache;
using track::Block;
using track::BlockState;

namespace {

std::string hexadecimal(std::uint64_t address) {
  constexpr int base = 16;
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), address, base).ptr;
  return "0x" + std::string(digits.data(), end);
}

void* pointer(std::uint64_t address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

}  // namespace

// --- Caches ---

ThreadCache& Pool::Implementation::cache_of(StreamId stream) {
  if (Cache* const known = quick_cache(key_base_, stream)) return *known;
  require_usable();
  const std::uint64_t key = key_base_ | static_cast<std::uint32_t>(stream);
  ThreadCache* cache = pool::find_own(key);
  if (cache == nullptr || cache->key != key || cache->thread != &pool::thread_slots) {
    const std::optional<StreamId> known = resolved(stream);
    const std::lock_guard lock(caches_mutex_);
    if (spare_caches_.empty()) make_cache();
    // Under the lock, under which retire() looks for the stream's caches: else one that it does not
    // find yet might go on with a lane that is given up.
    const Lane lane = known ? lanes_.of(*known) : pool::clean_lane;
    cache = spare_caches_.back();
    spare_caches_.pop_back();
    cache->lane = lane;
    cache->stream = stream;
    cache->home = static_cast<std::uint8_t>(pool::thread_ordinal() % arena_count_);
    cache->now = coarse_now();
    cache->thread = &pool::thread_slots;
    cache->key = key;
    serving_.emplace(key, cache);
  }
  pool::remember(key, *cache);
  pool::thread_slots.entry(key) = {key, cache};
  return *cache;
}

// Empty for a stream that was destroyed: what is freed on it is clean, for its work was finished then.
std::optional<StreamId> Pool::Implementation::resolved(StreamId stream) {
  try {
    return backend_.resolve(stream);
  } catch (const InvalidArgument&) {
    return std::nullopt;
  }
}

void Pool::Implementation::make_cache() {
  const std::uint32_t id = cache_count_.load() + 1;
  if (id > pool::most_caches) {
    throw Unsupported("pool \"" + options_.name + "\" serves at most " + std::to_string(pool::most_caches) +
                          " pairs of a thread and a stream at a time",
                      {.name = options_.name, .limit = pool::most_caches});
  }
  for (std::vector<Cache*>* list : {&spare_caches_, &awake_}) {  // so that a cache can always be put in
    if (list->capacity() < id) list->reserve(std::size_t{id} * 2);
  }
  auto made = std::make_unique<ThreadCache>();
  made->id = static_cast<std::uint16_t>(id);
  made->set_capacity(static_cast<std::int64_t>(std::min<std::uint64_t>(options_.thread_cache_bytes, INT64_MAX / 2)));
  spare_caches_.push_back(made.get());
  awake_.push_back(made.get());
  caches_[id].store(made.release(), std::memory_order_release);
  cache_count_.store(id, std::memory_order_release);
}

std::uint64_t Pool::Implementation::after_hit(Cache& cache, const Block& block, bool due) {
  settle_peaks(cache);
  if (due) tick(cache);
  return block.address();
}

void Pool::Implementation::tick(Cache& cache) {
  cache.slow_operations = 0;
  cache.now = coarse_now();
  if (cache.now >= next_maintenance_.load(std::memory_order_relaxed)) maintain();
}

// --- Less common ways to free ---

// The live block that starts there; if there is none, one that did; or 0. Entries of the map outlive
// their blocks, so a stale one for long blocks may stand before that of a short one.
std::uint32_t Pool::Implementation::record_at(std::uint64_t address) const noexcept {
  std::uint32_t former = 0;
  for (const std::uint32_t id : {addresses_.find(address), addresses_.find_short(address)}) {
    if (id == 0 || blocks_[id].address() != address) continue;
    if (blocks_[id].is(BlockState::live)) return id;
    former = id;
  }
  return former;
}

void Pool::Implementation::free_at(std::uint64_t address, StreamId stream) {
  const std::uint32_t id = record_at(address);
  if (id == 0 || !blocks_[id].is(BlockState::live)) refuse_free(address, id);
  free(id, stream);
}

void Pool::Implementation::free(std::uint32_t id, StreamId stream) {
  require_usable();
  Block& block = blocks_[id];
  Cache& cache = cache_of(stream);
  Cache& owner = *caches_[block.owner()].load(std::memory_order_acquire);
  const std::uint64_t address = block.address();  // once freed, the block is anyone's
  const std::uint64_t requested = block.requested;
  if (options_.zero) {
    // Clearing was the pool's own work on the stream of the allocation, which the caller need not wait for.
    const Lane cleared_in = block.lane.load(std::memory_order_relaxed);
    if (cleared_in != cache.lane && block.is(BlockState::live)) note_use(id, lanes_.stream(cleared_in));
  }
  if (owner.thread.load(std::memory_order_relaxed) != &pool::thread_slots) {
    free_remotely(id, cache, owner);
    if (mode_ == PoolMode::off) flush_all();  // nothing waits in a queue where each block is the driver's
  } else {
    free_own(id, cache, owner);
  }
  if (hooks_) log(LogLevel::debug, LogEvent::free, {}, requested, address, stream);
}

// The block came from a cache of this thread: this stream's or another's.
void Pool::Implementation::free_own(std::uint32_t id, Cache& cache, Cache& owner) {
  Block& block = blocks_[id];
  enter(owner);
  const bool live = block.is(BlockState::live) && block.remote.load(std::memory_order_relaxed) == 0;
  if (live) block.become(BlockState::busy);
  owner.lock.leave();
  if (!live) refuse_free(block.address(), id);
  const bool shared = block.shared();
  enter(cache);
  end_life(block, cache);
  block.claim.store(static_cast<std::uint16_t>(cache.id | (shared ? Block::shared_bit : 0)), std::memory_order_relaxed);
  bool kept = false;
  if (shared) {
    cache.passed_by(block.bytes());
  } else {
    kept = cache.push(block, id);
  }
  cache.lock.leave();
  if (shared) {
    free_shared(id, cache.lane, cache.now);
  } else if (!kept) {
    release(id, cache.lane, cache.now);
  }
}

// Only the owner may touch the block's state, so another thread leaves it in the
// owner's queue. The exchange makes one thread the one that frees this life.
void Pool::Implementation::free_remotely(std::uint32_t id, Cache& cache, Cache& owner) {
  Block& block = blocks_[id];
  const std::uint32_t generation = block.generation.load(std::memory_order_acquire);
  const std::int64_t requested = static_cast<std::int64_t>(block.requested);
  const std::uint32_t before = block.remote.exchange(generation, std::memory_order_acq_rel);
  if (before == generation) refuse_free(block.address(), id);
  if (before == 0 && !(block.is(BlockState::live) && block.generation.load(std::memory_order_acquire) == generation)) {
    // It was freed before, and its owner has taken it back since. Should the block's next life have been
    // freed meanwhile, counting on this entry in a queue, then the entry is made for that.
    std::uint32_t mine = generation;
    if (!block.remote.compare_exchange_strong(mine, 0)) queue_remote(id, *caches_[block.owner()].load());
    refuse_free(block.address(), id);
  }
  cache.frees.add(1);
  requested_.give(requested);
  allocated_.give(static_cast<std::int64_t>(block.bytes()));
  block.lane.store(cache.lane, std::memory_order_relaxed);
  if (before != 0) {  // an earlier life was freed twice and still waits; that entry now stands for this one
    ++errors_;
    log(LogLevel::error, LogEvent::misuse, "a block was freed twice, by two threads at once", block.bytes(),
        block.address(), StreamId{});
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
  if (owner.lock.asleep()) wake(owner);
}

void Pool::Implementation::refuse_free(std::uint64_t address, std::uint32_t id) const {
  require_usable();
  ++errors_;
  std::string text = "pool \"" + options_.name + "\": deallocate(" + hexadecimal(address) + "): ";
  if (id == 0) {
    text += "no block starts at this address; pass the pointer that allocate returned, to the pool it came from";
  } else {
    text += "this block is free already; it was freed twice";
  }
  throw InvalidArgument(text, {.name = options_.name});
}

void Pool::Implementation::after_allocation(std::uint32_t id, const Request& request, LogEvent event) {
  const Block& here = blocks_[id];
  if (options_.call_sites) {
    const std::lock_guard lock(notes_mutex_);
    call_sites_.insert_or_assign(id, request.where);
  }
  log(LogLevel::debug, event, {}, request.bytes, here.address(), request.stream);
}

void Pool::Implementation::log(LogLevel level, LogEvent event, std::string_view text, std::uint64_t bytes,
                               std::uint64_t address, StreamId stream) const noexcept {
  if (options_.log == nullptr || level < log_level_) return;
  options_.log->write({level, event, options_.name, text, bytes, address, static_cast<std::uint32_t>(stream)});
}

// --- Names of blocks ---

std::uint32_t Pool::Implementation::live_at(std::uint64_t address) const {
  const std::uint32_t id = record_at(address);
  if (id != 0 && blocks_[id].remote.load() == 0 && blocks_[id].is(BlockState::live)) return id;
  ++errors_;
  throw InvalidArgument("pool \"" + options_.name + "\": no live block starts at " + hexadecimal(address),
                        {.name = options_.name});
}

std::uint32_t Pool::Implementation::live_by(BlockHandle handle) const {
  if (handle == BlockHandle{}) return 0;
  if (handle.id != 0 && handle.id < blocks_.end()) {
    const Block& named = blocks_[handle.id];
    // In this order: a block leaves its queue after it stops being live, and lives again under a new generation.
    if (named.remote.load() == 0 && named.is(BlockState::live) && handle_of(handle.id) == handle) return handle.id;
  }
  ++errors_;
  throw StaleHandle("pool \"" + options_.name + "\": the handle (" + std::to_string(handle.id) + ", " +
                        std::to_string(handle.generation) + ") names no live block; it was freed, or is another pool's",
                    {.name = options_.name});
}

void Pool::Implementation::used_on(std::uint32_t id, StreamId stream) {
  require_usable();
  if (id == 0) return;
  note_use(id, backend_.resolve(stream));
}

void Pool::Implementation::note_use(std::uint32_t id, StreamId stream) {
  const std::lock_guard lock(pending_mutex_);
  uses_[id].push_back(stream);
  blocks_[id].claim.fetch_or(Block::shared_bit, std::memory_order_relaxed);
}

void Pool::Implementation::require_usable() const {
  if (!forked_.load(std::memory_order_relaxed)) return;
  throw Unsupported("pool \"" + options_.name +
                        "\" was made before fork(); a device does not survive it: open devices "
                        "and make pools in the child, after the fork",
                    {.name = options_.name});
}

// --- The public face ---

Pool::Pool(Device device, PoolOptions options)
    : implementation_(std::make_unique<Implementation>(std::move(device), std::move(options))) {}

Pool::~Pool() = default;

void* Pool::allocate(std::size_t bytes, std::size_t alignment, StreamId stream, Tag tag, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  return pointer(implementation_->hit_or_allocate(bytes, alignment, stream, tag, where));
}

std::optional<void*> Pool::try_allocate(std::size_t bytes, std::size_t alignment, StreamId stream, Tag tag,
                                        CallSite where) {
  try {
    return allocate(bytes, alignment, stream, tag, where);
  } catch (const std::bad_alloc&) {
    return std::nullopt;
  }
}

void Pool::deallocate(void* address, StreamId stream) {
  if (address == nullptr) return;
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->hit_or_free(reinterpret_cast<std::uint64_t>(address), stream);
}

BlockHandle Pool::acquire(std::size_t bytes, std::size_t alignment, StreamId stream, Tag tag, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->allocate({bytes, alignment, stream, tag, where});
  return id == 0 ? BlockHandle{} : implementation_->handle_of(id);
}

BlockHandle Pool::acquire_growable(std::size_t bytes, std::size_t most, StreamId stream, Tag tag, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->allocate_growable({bytes, granule, stream, tag, where}, most);
  return id == 0 ? BlockHandle{} : implementation_->handle_of(id);
}

BlockHandle Pool::acquire_plain(std::size_t bytes, std::size_t alignment, StreamId stream, Tag tag, CallSite where) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->allocate_plain({bytes, alignment, stream, tag, where});
  return id == 0 ? BlockHandle{} : implementation_->handle_of(id);
}

bool Pool::resize(BlockHandle block, std::size_t bytes, StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->live_by(block);
  return id != 0 && implementation_->resize(id, bytes, stream);
}

void Pool::release(BlockHandle block, StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  const std::uint32_t id = implementation_->live_by(block);
  if (id != 0 && !implementation_->free_hit(id, stream)) implementation_->free(id, stream);
}

std::uint64_t Pool::address(BlockHandle block) const {
  const std::uint32_t id = implementation_->live_by(block);
  return id == 0 ? 0 : implementation_->block(id).address();
}

BlockHandle Pool::handle(const void* address) const {
  if (address == nullptr) return {};
  const std::uint32_t id = implementation_->live_at(reinterpret_cast<std::uint64_t>(address));
  return implementation_->handle_of(id);
}

std::uint64_t Pool::allocated(BlockHandle block) const {
  const std::uint32_t id = implementation_->live_by(block);
  return id == 0 ? 0 : implementation_->block(id).bytes();
}

LiveBlock Pool::describe(BlockHandle block) const { return implementation_->describe(implementation_->live_by(block)); }

void Pool::used_on(void* address, StreamId stream) {
  if (address == nullptr) return;
  implementation_->used_on(implementation_->live_at(reinterpret_cast<std::uint64_t>(address)), stream);
}
void Pool::used_on(BlockHandle block, StreamId stream) {
  implementation_->used_on(implementation_->live_by(block), stream);
}
void Pool::retire(StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->retire(stream);
}

std::uint64_t Pool::trim(std::uint64_t keep_free) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  return implementation_->trim(keep_free);
}

void Pool::maintain() {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->maintain();
}

ExternalBytes Pool::book_external(std::uint64_t bytes) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->book_external(bytes);
  return {*this, bytes};
}

Tag Pool::tag(std::string_view name) { return implementation_->tag(name); }
void Pool::drop_tag(Tag tag) noexcept { implementation_->drop_tag(tag); }
Statistics Pool::statistics() const { return implementation_->statistics(); }
LeakCount Pool::check_leaks() const { return implementation_->check_leaks(); }
std::vector<LiveBlock> Pool::live_blocks() const { return implementation_->live_blocks(); }
void Pool::verify() const { implementation_->verify(); }
const Device& Pool::device() const noexcept { return implementation_->device(); }
const PoolOptions& Pool::options() const noexcept { return implementation_->options(); }

ExternalBytes::ExternalBytes(ExternalBytes&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

ExternalBytes& ExternalBytes::operator=(ExternalBytes&& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

ExternalBytes::~ExternalBytes() {
  if (pool_ != nullptr) pool_->implementation_->unbook_external(bytes_);
}

}  // namespace weir
