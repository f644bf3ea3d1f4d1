// What threads and pools know of each other. A thread finds its cache for a pool
// and stream in a small table of its own; when it ends, it hands its caches back
// to those pools that still exist. After fork() every pool of the child closes.
// Lock order: the registry's lock before any pool's.
#pragma once

#include <array>
#include <cstdint>

#include "pool/cache/thread_cache.hpp"

namespace weir::pool {

/// A pool as the registry sees it.
class Member {
 public:
  virtual ~Member() = default;
  /// A cache of the calling thread is given back; the thread may go on, with others.
  virtual void gives_up(ThreadCache& cache) noexcept = 0;
  /// The calling thread has ended, and all its caches are given back.
  virtual void thread_ended() noexcept = 0;
  virtual void closed_by_fork() noexcept = 0;
};

/// A direct-mapped table of the caches that a thread used last. An entry is a key and its cache; key 0 has none.
template <std::uint64_t count>
struct CacheTable {
  // Apart, so that a look costs no address arithmetic.
  std::array<std::uint64_t, count> keys{};
  std::array<ThreadCache*, count> caches{};

  void put(std::uint64_t number, std::uint64_t key, ThreadCache& cache) noexcept {
    keys[number % count] = key;
    caches[number % count] = &cache;
  }
  [[nodiscard]] ThreadCache* find(std::uint64_t number, std::uint64_t key) const noexcept {
    return keys[number % count] == key ? caches[number % count] : nullptr;
  }
  void forget(const ThreadCache& cache) noexcept {
    for (std::uint64_t entry = 0; entry < count; ++entry) {
      if (caches[entry] != &cache) continue;
      keys[entry] = 0;
      caches[entry] = nullptr;
    }
  }
};

/// Where a thread finds its caches. Small, for a library that is loaded late gets some hundred bytes of such variables,
/// which it shares with others; so the second table lies elsewhere, once the thread has a cache.
struct ThreadCaches {
  using Second = CacheTable<32>;
  static constinit Second empty;  ///< for good

  /// Looked at first: where a cache would be is known from the stream alone, so a processor goes on with it while it
  /// still works out the key. Of pools that share an entry, the busiest has it.
  CacheTable<8> by_stream;
  Second* by_key = &empty;

  [[nodiscard]] static std::uint64_t number_of(std::uint64_t key) noexcept { return key ^ (key >> 32); }
  [[nodiscard]] ThreadCache* find(std::uint64_t key, StreamId stream) const noexcept {
    if (ThreadCache* const cache = by_stream.find(static_cast<std::uint32_t>(stream), key)) [[likely]]
      return cache;
    return by_key->find(number_of(key), key);
  }
  /// Where the thread has a second table.
  void put(std::uint64_t key, ThreadCache& cache) noexcept {
    by_key->put(number_of(key), key, cache);
    put_first(key, cache);
  }
  void put_first(std::uint64_t key, ThreadCache& cache) noexcept {
    by_stream.put(static_cast<std::uint32_t>(key), key, cache);
  }
  void forget(const ThreadCache& cache) noexcept {
    by_stream.forget(cache);
    by_key->forget(cache);
  }
};

// Trivial, so that reading it needs no guard; initial-exec, so that it needs no call.
extern constinit thread_local ThreadCaches thread_caches [[gnu::tls_model("initial-exec")]];

/// Whether the calling thread is the cache's owner: only that thread makes it so, and ends it.
[[nodiscard]] inline bool is_own(const ThreadCache& cache) noexcept {
  return cache.thread.load(std::memory_order_relaxed) == &thread_caches;
}

/// Enters a pool and gives it an id that is never used again.
[[nodiscard]] std::uint32_t enroll(Member& pool);
/// No thread's end reaches the pool after this returns.
void leave(std::uint32_t pool) noexcept;

/// The calling thread's cache for `key`, if it has one.
[[nodiscard]] ThreadCache* find_own(std::uint64_t key) noexcept;
/// Remembers a cache as the calling thread's.
void remember(std::uint64_t key, ThreadCache& cache);
/// A small number of the calling thread's own, used again after its end: 0, 1, 2, …
[[nodiscard]] unsigned thread_ordinal();

}  // namespace weir::pool
