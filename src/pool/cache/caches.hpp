// All thread caches of a pool: one for each thread and stream. A thread uses its own; a
// visitor keeps the owners out while it looks into several at once.
//
// Most caches hold nothing at a given time. Where there are many, those are put to sleep,
// so that a visit to all looks at each as often as it is used.
// Thread-safe. Order of locks: credits, the list here, a cache.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/process.hpp"
#include "pool/cache/thread_cache.hpp"
#include "pool/cache/thread_registry.hpp"
#include "pool/journal.hpp"
#include "pool/stream_index.hpp"

namespace weir::pool {

class Credits;

class Caches {
 public:
  /// `capacity` is what each may hold. Bytes.
  Caches(track::Block* blocks, const Journal& journal, const core::OwnerProcess& process, std::uint64_t capacity);
  ~Caches();
  Caches(const Caches&) = delete;
  Caches& operator=(const Caches&) = delete;

  [[nodiscard]] ThreadCache& operator[](std::uint16_t id) const noexcept {
    return *caches_[id].load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  template <class Visit>
  void for_each(Visit visit) const {
    const std::uint32_t count = count_.load(std::memory_order_acquire);
    for (std::uint32_t i = 1; i <= count; ++i) visit(*caches_[i].load(std::memory_order_acquire));
  }

  /// The calling thread's cache for `key`, pool and stream, as the registry knows it; null if it has none that serves.
  [[nodiscard]] static ThreadCache* known(std::uint64_t key) noexcept;
  /// Takes a cache for the calling thread into use. Calls `set_up` with it under the lock that take_serving() holds: so
  /// a cache that take_serving() does not find knows what has happened until then.
  template <class SetUp>
  ThreadCache& begin(std::uint64_t key, StreamId stream, SetUp set_up) {
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) make();
    ThreadCache& cache = *spare_.back();
    set_up(cache);
    spare_.pop_back();
    cache.stream = stream;
    cache.thread = &thread_caches;
    cache.events = nullptr;
    cache.key = key;
    serving_.emplace(key, &cache);
    return cache;
  }
  /// The caches of all threads that serve `key`; they are not found again.
  [[nodiscard]] std::vector<ThreadCache*> take_serving(std::uint64_t key);
  /// `cache` served `key` and is its thread's no more: it may serve another.
  void end(ThreadCache& cache, std::uint64_t key);

  /// Makes the calling thread the one inside, however long visitors take. Throws in a child of fork().
  void enter(ThreadCache& cache) {
    if (!cache.lock.enter()) [[unlikely]]
      enter_carefully(cache);
  }
  void wake(ThreadCache& cache) noexcept;

  /// Keeps the owners of these caches out while `look` sees each of them, with one barrier for all; with none if they
  /// are all this thread's own. In the order of their ids, lest two visitors wait for each other.
  template <class Look>
  static void visit(std::vector<ThreadCache*> caches, Look look) {
    std::sort(caches.begin(), caches.end(), [](const auto* a, const auto* b) { return a->id < b->id; });
    for (ThreadCache* cache : caches) cache->lock.announce();
    const bool own = std::all_of(caches.begin(), caches.end(), [](const auto* each) { return is_own(*each); });
    if (!own) OwnerLock::barrier();
    for (ThreadCache* cache : caches) {
      cache->lock.await_owner();
      look(*cache);
    }
    for (ThreadCache* cache : caches) cache->lock.depart();
  }
  /// As visit(), for all caches that are awake; each is asleep afterwards while `then` runs, so no owner is inside any.
  template <class Then>
  void with_all_asleep(Then then) const {
    const std::lock_guard lock(mutex_);
    struct Waking {
      const std::vector<ThreadCache*>& caches;
      ~Waking() {
        for (ThreadCache* cache : caches) cache->lock.wake();
      }
    };
    const Waking afterwards{awake_};
    visit(awake_, [](ThreadCache& cache) { cache.lock.put_to_sleep(); });
    then();
  }
  /// Calls `look` with each cache that is awake; those asleep are as good as empty. Owners go on meanwhile.
  template <class Look>
  void look_at_awake(Look look) const {
    const std::lock_guard lock(mutex_);
    for (ThreadCache* cache : awake_) look(*cache);
  }

  /// The same with `first`, then with `second`: none wakes or falls asleep between.
  template <class First, class Second>
  void look_twice_at_awake(First first, Second second) const {
    const std::lock_guard lock(mutex_);
    for (ThreadCache* cache : awake_) first(*cache);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (ThreadCache* cache : awake_) second(*cache);
  }

  /// What was taken out of a cache: chains by list_next.
  struct Taken {
    std::uint32_t cached = 0;  ///< follow the stream
    std::uint32_t freed = 0;   ///< by other threads; each knows its own stream
    StreamIndex stream_index = clean_index;
  };
  /// Empties every cache, or takes from each only what was freed before `since`.
  [[nodiscard]] std::vector<Taken> flush(Credits& credits, std::uint32_t since = UINT32_MAX);
  /// Empties this thread's caches, if other threads have some; else there is nothing that flush() would not find alone.
  [[nodiscard]] std::vector<Taken> flush_own();
  /// Empties the queues of other threads' caches: what was freed by others than their owners.
  [[nodiscard]] std::vector<Taken> drain_queues();
  /// Takes the blocks that other threads freed out of the owner's queue: keeps them in the cache where `keep` allows,
  /// and returns the rest as a chain. The caller is inside the cache.
  [[nodiscard]] std::uint32_t take_remote(ThreadCache& cache, bool keep);

  /// Frees by an owner and by another thread at the same moment, found later. A count.
  [[nodiscard]] std::uint64_t misuses() const noexcept { return misuses_.load(); }
  void close_all() noexcept;

 private:
  void enter_carefully(ThreadCache& cache);
  void make();

  track::Block* const blocks_;  // all records, by id
  const Journal& journal_;
  const core::OwnerProcess& process_;
  const std::int64_t capacity_;
  mutable std::mutex mutex_;
  std::atomic<ThreadCache*>* caches_;  // by id; backed as it fills
  std::atomic<std::uint32_t> count_{0};
  std::vector<ThreadCache*> spare_;
  std::vector<ThreadCache*> awake_;  // every other holds no block and no credit, and nobody left one for it
  std::unordered_multimap<std::uint64_t, ThreadCache*> serving_;  // by key
  std::atomic<std::uint64_t> misuses_{0};
};

}  // namespace weir::pool
