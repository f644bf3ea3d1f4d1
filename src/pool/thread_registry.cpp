#include "pool/thread_registry.hpp"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

namespace weir::pool {

constinit thread_local ThreadSlots thread_slots [[gnu::tls_model("initial-exec")]];

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
  struct Owned {
    std::uint64_t key;
    ThreadCache* cache;
  };
  std::vector<Owned> caches;
  unsigned ordinal;

  Ownership() {
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
    for (const Owned& each : caches) {
      const auto pool = all.pools.find(static_cast<std::uint32_t>(each.key >> 32));
      if (pool == all.pools.end()) continue;
      // A cache of a retired stream may serve another thread by now.
      if (each.cache->key == each.key && each.cache->thread == &thread_slots) pool->second->thread_ends(*each.cache);
    }
    thread_slots = {};
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
  for (const Ownership::Owned& each : ownership().caches) {
    if (each.key == key) return each.cache;
  }
  return nullptr;
}

void remember(std::uint64_t key, ThreadCache& cache) {
  auto& caches = ownership().caches;
  // Entries of pools that are gone, and of retired streams, make room here.
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::erase_if(caches, [&](const Ownership::Owned& each) {
    return each.key == key || !all.pools.contains(static_cast<std::uint32_t>(each.key >> 32)) ||
           each.cache->key != each.key;
  });
  caches.push_back({key, &cache});
}

unsigned thread_ordinal() { return ownership().ordinal; }

}  // namespace weir::pool
