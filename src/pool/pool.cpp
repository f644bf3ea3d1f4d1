// The doors of the pool and the path of a hit: find the thread's cache, take the
// newest block of the size, note its new life. All else is in the other files.
#include <weir/pool.hpp>

#include <algorithm>
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

namespace {

void* pointer(std::uint64_t address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

}  // namespace

// --- Caches ---

ThreadCache& Pool::Implementation::cache_of(StreamId stream) {
  if (Cache* const known = quick_cache(key_base_, stream)) return *known;
  require_usable();
  const std::uint64_t key = key_base_ | static_cast<std::uint32_t>(stream);
  ThreadCache* cache = pool::find_own(key);
  if (cache == nullptr || cache->key != key || !pool::is_own(*cache)) {
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
  pool::thread_slots.put(key, *cache);
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

std::uint64_t Pool::Implementation::after_hit(Cache& cache, const Block& block, bool overdrawn, bool due) {
  if (overdrawn) settle_peaks(cache);
  if (due) tick(cache);
  return block.address();
}

void Pool::Implementation::tick(Cache& cache) {
  cache.slow_operations = 0;
  cache.now = coarse_now();
  if (const std::uint64_t key = cache.key; key != 0) pool::thread_slots.put_first(key, cache);
  if (cache.now >= next_maintenance_.load(std::memory_order_relaxed)) maintain();
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
  options_.log->write({.level = level,
                       .event = event,
                       .pool = options_.name,
                       .text = text,
                       .bytes = bytes,
                       .address = address,
                       .stream = static_cast<std::uint32_t>(stream)});
}

void Pool::Implementation::require_usable() const {
  if (forked()) throw core::made_before_fork("pool \"" + options_.name + "\"", options_.name);
}

// --- The public face ---

Pool::Pool(Device device, PoolOptions options) : Pool(std::move(device), std::move(options), track::Tallies()) {}

Pool::Pool(Device device, PoolOptions options, const track::Tallies& tallies)
    : implementation_(std::make_unique<Implementation>(std::move(device), std::move(options), tallies)) {}

// A child of fork() leaves a pool as it is: another thread may have been changing it at that moment, or held a lock.
Pool::~Pool() {
  if (implementation_->forked()) static_cast<void>(implementation_.release());
}

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
  implementation_->require_usable();
  const std::uint32_t id = implementation_->live_by(block);
  return id == 0 ? 0 : implementation_->block(id).address();
}

BlockHandle Pool::handle(const void* address) const {
  implementation_->require_usable();
  if (address == nullptr) return {};
  const std::uint32_t id = implementation_->live_at(reinterpret_cast<std::uint64_t>(address));
  return implementation_->handle_of(id);
}

std::uint64_t Pool::allocated(BlockHandle block) const {
  implementation_->require_usable();
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

void Pool::map_ahead(std::uint64_t bytes, StreamId stream) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->map_ahead(bytes, stream);
}

void Pool::maintain() {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  implementation_->maintain();
}

ExternalBytes Pool::book_external(std::uint64_t bytes) {
  [[maybe_unused]] const Implementation::Door door(*implementation_);
  return {implementation_->book_external(bytes), bytes};
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
    : claims_(std::move(other.claims_)), bytes_(std::exchange(other.bytes_, 0)) {}

ExternalBytes& ExternalBytes::operator=(ExternalBytes&& other) noexcept {
  std::swap(claims_, other.claims_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

ExternalBytes::~ExternalBytes() {
  if (claims_) claims_->unbook(bytes_);
}

}  // namespace weir
