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
  virtual void thread_ends(ThreadCache& cache) noexcept = 0;
  virtual void closed_by_fork() noexcept = 0;
};

/// Direct-mapped tables of the caches a thread used last: a key that is not 0 has a cache beside it.
struct ThreadSlots {
  static constexpr std::uint64_t count = 16;
  struct Table {
    // Apart, so that a look costs no address arithmetic.
    std::array<std::uint64_t, count> keys{};
    std::array<ThreadCache*, count> caches{};

    void put(std::uint64_t slot, std::uint64_t key, ThreadCache& cache) noexcept {
      keys[slot] = key;
      caches[slot] = &cache;
    }
    void forget(const ThreadCache& cache) noexcept {
      for (std::uint64_t slot = 0; slot < count; ++slot) {
        if (caches[slot] != &cache) continue;
        keys[slot] = 0;
        caches[slot] = nullptr;
      }
    }
  };
  /// Looked at first: where a cache would be is known from the stream alone, so a processor goes on with it while it
  /// still works out the key. Of pools that share a slot, the busiest has it.
  Table by_stream;
  Table by_key;

  [[nodiscard]] static std::uint64_t slot_of(StreamId stream) noexcept {
    return static_cast<std::uint32_t>(stream) % count;
  }
  [[nodiscard]] static std::uint64_t slot_of(std::uint64_t key) noexcept { return (key ^ (key >> 32)) % count; }
  [[nodiscard]] ThreadCache* find(std::uint64_t key, StreamId stream) const noexcept {
    const std::uint64_t first = slot_of(stream);
    if (by_stream.keys[first] == key) [[likely]]
      return by_stream.caches[first];
    const std::uint64_t second = slot_of(key);
    return by_key.keys[second] == key ? by_key.caches[second] : nullptr;
  }
  void put(std::uint64_t key, ThreadCache& cache) noexcept {
    by_key.put(slot_of(key), key, cache);
    put_first(key, cache);
  }
  void put_first(std::uint64_t key, ThreadCache& cache) noexcept {
    by_stream.put(slot_of(static_cast<StreamId>(static_cast<std::uint32_t>(key))), key, cache);
  }
  void forget(const ThreadCache& cache) noexcept {
    by_stream.forget(cache);
    by_key.forget(cache);
  }
};

// Trivial, so that reading it needs no guard; initial-exec, so that it needs no call.
extern constinit thread_local ThreadSlots thread_slots [[gnu::tls_model("initial-exec")]];

/// Whether the calling thread is the cache's owner: only that thread makes it so, and ends it.
[[nodiscard]] inline bool is_own(const ThreadCache& cache) noexcept {
  return cache.thread.load(std::memory_order_relaxed) == &thread_slots;
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
