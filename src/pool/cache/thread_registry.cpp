#include "pool/cache/thread_registry.hpp"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace weir::pool {

constinit ThreadCaches::Second ThreadCaches::empty;
constinit thread_local ThreadCaches thread_caches [[gnu::tls_model("initial-exec")]];

namespace {

struct Registry {
  std::mutex mutex;
  std::uint32_t next_pool = 1;
  std::map<std::uint32_t, Member*> pools;
  std::vector<bool> ordinals;  // in use, by ordinal
};

// Never destroyed: threads may end after static destruction began.
Registry& registry() {
  static Registry& only = *[] {
    auto* made = new Registry;
    pthread_atfork([] { registry().mutex.lock(); }, [] { registry().mutex.unlock(); },
                   [] {
                     for (const auto& [id, pool] : registry().pools) pool->closed_by_fork();
                     registry().mutex.unlock();
                   });
    return made;
  }();
  return only;
}

// The caches of one thread; its destructor is the thread's farewell.
struct Ownership {
  std::unordered_map<std::uint64_t, ThreadCache*> caches;  // by key
  std::size_t tidy_at = 64;                                // entries; then those that serve no more are dropped
  ThreadCaches::Second second;
  unsigned ordinal;

  Ownership() {
    thread_caches.by_key = &second;
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    const auto free = std::find(all.ordinals.begin(), all.ordinals.end(), false);
    ordinal = static_cast<unsigned>(free - all.ordinals.begin());
    if (free == all.ordinals.end()) {
      all.ordinals.push_back(true);
    } else {
      *free = true;
    }
  }
  Ownership(const Ownership&) = delete;
  Ownership& operator=(const Ownership&) = delete;
  ~Ownership() {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    all.ordinals[ordinal] = false;
    for (const auto& [key, cache] : caches) give_up(all, key, *cache);
    for (const auto& [id, pool] : all.pools) pool->thread_ended();
    thread_caches = {};
  }

  /// Hands a cache back to its pool, if that still exists and the cache does not serve another of this thread's
  /// streams by now. Needs the registry's lock.
  static void give_up(Registry& all, std::uint64_t key, ThreadCache& cache) {
    const auto pool = all.pools.find(static_cast<std::uint32_t>(key >> 32));
    if (pool == all.pools.end() || !is_own(cache)) return;
    if (const std::uint64_t serves = cache.key; serves == key || serves == 0) pool->second->gives_up(cache);
  }
};

constinit thread_local Ownership* own = nullptr;

// The destructor of a key runs after those of all thread_local objects, which may still free blocks,
// and again where another key's destructor does.
pthread_key_t farewell_key() {
  static const pthread_key_t key = [] {
    pthread_key_t made{};
    pthread_key_create(&made, [](void* ownership) {
      delete static_cast<Ownership*>(ownership);
      own = nullptr;
    });
    return made;
  }();
  return key;
}

Ownership& ownership() {
  if (own == nullptr) {
    own = new Ownership;
    pthread_setspecific(farewell_key(), own);
  }
  return *own;
}

}  // namespace

std::uint32_t enroll(Member& pool) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.pools.emplace(all.next_pool, &pool);
  return all.next_pool++;
}

void leave(std::uint32_t pool) noexcept {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  all.pools.erase(pool);
}

ThreadCache* find_own(std::uint64_t key) noexcept {
  const auto& caches = ownership().caches;
  const auto found = caches.find(key);
  return found == caches.end() ? nullptr : found->second;
}

void remember(std::uint64_t key, ThreadCache& cache) {
  Ownership& mine = ownership();
  Registry& all = registry();
  const auto [entry, fresh] = mine.caches.try_emplace(key, &cache);
  if (!fresh && entry->second != &cache) {
    // Its former cache was emptied when the stream was retired.
    const std::lock_guard lock(all.mutex);
    Ownership::give_up(all, key, *std::exchange(entry->second, &cache));
  }
  if (mine.caches.size() < mine.tidy_at) return;
  const std::lock_guard lock(all.mutex);
  std::erase_if(mine.caches, [&](const auto& each) {
    const bool pool_is_gone = !all.pools.contains(static_cast<std::uint32_t>(each.first >> 32));
    if (pool_is_gone || each.second->key == each.first) return pool_is_gone;
    Ownership::give_up(all, each.first, *each.second);
    return true;
  });
  mine.tidy_at = std::max<std::size_t>(64, mine.caches.size() * 2);
}

unsigned thread_ordinal() { return ownership().ordinal; }

}  // namespace weir::pool
