#include "pool/cache/caches.hpp"

#include <iterator>
#include <string>

#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"
#include "pool/cache/credits.hpp"

namespace weir::pool {

using track::Block;
using track::BlockState;

namespace {

constexpr std::size_t table_bytes = (max_caches + std::size_t{1}) * sizeof(std::atomic<ThreadCache*>);
// So many caches may stay awake though they are empty: waking them costs more than looking at them.
constexpr std::size_t few_caches = 16;

}  // namespace

Caches::Caches(track::Block* blocks, const Journal& journal, const core::OwnerProcess& process, std::uint64_t capacity)
    : blocks_(blocks),
      journal_(journal),
      process_(process),
      capacity_(static_cast<std::int64_t>(std::min<std::uint64_t>(capacity, INT64_MAX / 2))),
      caches_(static_cast<std::atomic<ThreadCache*>*>(core::map_lazy(table_bytes, "the list of thread caches"))) {}

Caches::~Caches() {
  for_each([](ThreadCache& cache) { delete &cache; });
  core::unmap_lazy(caches_, table_bytes);
}

ThreadCache* Caches::known(std::uint64_t key) noexcept {
  ThreadCache* const cache = find_own(key);
  return cache != nullptr && cache->key == key && is_own(*cache) ? cache : nullptr;
}

void Caches::make() {
  const std::uint32_t id = count_.load() + 1;
  if (id > max_caches) {
    throw Unsupported("pool \"" + journal_.pool_name() + "\" serves at most " + std::to_string(max_caches) +
                          " pairs of a thread and a stream at a time; end threads, or retire streams",
                      {.name = journal_.pool_name(), .limit = max_caches});
  }
  for (std::vector<ThreadCache*>* list : {&spare_, &awake_}) {  // so that a cache can always be put in
    if (list->capacity() < id) list->reserve(std::size_t{id} * 2);
  }
  auto made = std::make_unique<ThreadCache>();
  made->id = static_cast<std::uint16_t>(id);
  made->set_capacity(capacity_);
  spare_.push_back(made.get());
  awake_.push_back(made.get());
  caches_[id].store(made.release(), std::memory_order_release);
  count_.store(id, std::memory_order_release);
}

std::vector<ThreadCache*> Caches::take_serving(std::uint64_t key) {
  std::vector<ThreadCache*> found;
  const std::lock_guard lock(mutex_);
  const auto [first, last] = serving_.equal_range(key);
  std::transform(first, last, std::back_inserter(found), [](const auto& each) { return each.second; });
  serving_.erase(first, last);
  return found;
}

void Caches::end(ThreadCache& cache, std::uint64_t key) {
  thread_caches.forget(cache);  // it may serve another thread next, under the same key
  const std::lock_guard lock(mutex_);
  const auto [first, last] = serving_.equal_range(key);
  const auto entry = std::find_if(first, last, [&](const auto& each) { return each.second == &cache; });
  if (entry != last) serving_.erase(entry);
  spare_.push_back(&cache);
}

void Caches::enter_carefully(ThreadCache& cache) {
  while (!cache.lock.enter_carefully() && !cache.lock.enter()) {
    if (!process_.is_current())
      throw core::made_before_fork("pool \"" + journal_.pool_name() + "\"", journal_.pool_name());
    if (cache.lock.asleep()) {
      wake(cache);
    } else {
      cache.lock.wait_for_visitors();
    }
  }
}

void Caches::wake(ThreadCache& cache) noexcept {
  const std::lock_guard lock(mutex_);
  if (cache.lock.wake()) awake_.push_back(&cache);
}

std::uint32_t Caches::take_remote(ThreadCache& cache, bool keep) {
  std::uint32_t chain = 0;
  std::uint32_t id = cache.remote_head.exchange(0, std::memory_order_acquire);
  while (id != 0) {
    Block& block = blocks_[id];
    const std::uint32_t next = block.remote_next;
    cache.remote_bytes.fetch_sub(block.bytes(), std::memory_order_relaxed);
    const std::uint32_t generation = block.remote.load(std::memory_order_acquire);
    if (!block.is(BlockState::live) || block.generation.load(std::memory_order_relaxed) != generation) {
      ++misuses_;  // its owner freed it too, at the same moment
    } else {
      block.stamp = cache.now;
      const bool here =
          keep && block.stream_index.load(std::memory_order_relaxed) == cache.stream_index && !block.shared();
      if (!here || !cache.adopt(block, id)) {
        block.become(BlockState::busy);
        block.list_next = chain;
        chain = id;
      }
    }
    // Only now, as it is no longer live: at no moment may a freed block look like one that is not.
    block.remote.store(0, std::memory_order_release);
    id = next;
  }
  return chain;
}

// Only caches that are awake can hold anything. Where many are, those that are empty afterwards are
// put to sleep, so that each visit but a few is paid for by a use of the cache since the last.
std::vector<Caches::Taken> Caches::flush(Credits& credits, std::uint32_t since) {
  const bool everything = since == UINT32_MAX;
  std::vector<Taken> taken;
  const auto moving = credits.begin_moving();
  const std::lock_guard lock(mutex_);
  const bool many = awake_.size() > few_caches;
  taken.reserve(awake_.size());  // before the gates are shut: nothing may throw behind them
  visit(awake_, [&](ThreadCache& cache) {
    const std::uint32_t freed = take_remote(cache, false);
    const std::uint32_t cached = everything ? cache.take_all(blocks_) : cache.take_older(blocks_, since);
    if (freed != 0 || cached != 0) taken.push_back({cached, freed, cache.stream_index});
    const bool idle = cache.cached() == 0 && !cache.requested.overdrawn() && !cache.allocated.overdrawn();
    if (!many || !idle) return;
    credits.take_back(cache);
    cache.lock.put_to_sleep();
  });
  std::erase_if(awake_, [](ThreadCache* cache) {
    const bool left_for_it = cache->remote_head.load(std::memory_order_seq_cst) != 0;
    return cache->lock.asleep() && !(left_for_it && cache->lock.wake());
  });
  return taken;
}

std::vector<Caches::Taken> Caches::flush_own() {
  std::vector<Taken> taken;
  const std::lock_guard lock(mutex_);
  const auto mine = [](const ThreadCache* each) { return is_own(*each); };
  if (std::all_of(awake_.begin(), awake_.end(), mine)) return taken;
  std::vector<ThreadCache*> own;
  std::copy_if(awake_.begin(), awake_.end(), std::back_inserter(own), mine);
  taken.reserve(own.size());
  visit(own, [&](ThreadCache& cache) {
    const std::uint32_t freed = take_remote(cache, false);
    taken.push_back({cache.take_all(blocks_), freed, cache.stream_index});
  });
  return taken;
}

std::vector<Caches::Taken> Caches::drain_queues() {
  std::vector<Taken> taken;
  const std::lock_guard lock(mutex_);
  std::vector<ThreadCache*> queued;
  std::copy_if(awake_.begin(), awake_.end(), std::back_inserter(queued),
               [](const ThreadCache* each) { return each->remote_head.load(std::memory_order_relaxed) != 0; });
  if (queued.empty()) return taken;
  taken.reserve(queued.size());
  visit(queued, [&](ThreadCache& cache) { taken.push_back({0, take_remote(cache, false), cache.stream_index}); });
  return taken;
}

void Caches::close_all() noexcept {
  for_each([](ThreadCache& cache) { cache.lock.close(); });
}

}  // namespace weir::pool
