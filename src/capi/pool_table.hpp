// The pools of the C interface by handle. A weir_pool* is no address but a number: the
// entry of a table, and a generation that no other pool ever has. An entry knows the handle of
// the pool that is in it, so that one of a destroyed pool is told from every other, for
// the price of a load. Lock-free, so that a fork in the middle leaves nothing locked.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <weir/weir.h>

#include "capi/error.hpp"
#include "capi/handles.hpp"

namespace weir::capi {

class PoolTable {
 public:
  /// Throws LimitExceeded where as many pools are open as there are entries.
  [[nodiscard]] static weir_pool* add(std::unique_ptr<HeldPool> pool);
  /// Takes it out: its handle is stale from here on. Throws StaleHandle.
  [[nodiscard]] static std::unique_ptr<HeldPool> remove(const weir_pool* handle, const char* function);
  /// Throws InvalidArgument for NULL, StaleHandle for what is no pool, or none any more.
  [[nodiscard]] static Pool& find(const weir_pool* handle, const char* function) {
    require(handle, function, "pool");
    const auto number = reinterpret_cast<std::uintptr_t>(handle);
    const Entry& entry = entries_[number % size];
    if (entry.handle.load(std::memory_order_acquire) != number) [[unlikely]]
      refuse(function);
    return entry.pool.load(std::memory_order_relaxed)->pool;
  }

 private:
  static constexpr std::size_t size = std::size_t{1} << 16;
  static constexpr std::uintptr_t empty = 0;
  static constexpr std::uintptr_t changing = 1;  // the entry's; no handle's, as generations begin with 1
  struct Entry {
    std::atomic<std::uintptr_t> handle{empty};
    std::atomic<HeldPool*> pool{nullptr};
  };

  [[noreturn]] static void refuse(const char* function);

  static constinit std::array<Entry, size> entries_;  // zeros, which the system backs where they are touched
  static constinit std::atomic<std::uintptr_t> generation_;
};

static_assert(sizeof(void*) >= 8, "a handle has bits for a generation that is never used twice");

}  // namespace weir::capi
