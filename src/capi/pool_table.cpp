#include "capi/pool_table.hpp"

#include <string>

namespace weir::capi {

constinit std::array<PoolTable::Entry, PoolTable::size> PoolTable::entries_{};
constinit std::atomic<std::uintptr_t> PoolTable::generation_{0};

weir_pool* PoolTable::add(std::unique_ptr<HeldPool> pool) {
  const std::uintptr_t generation = generation_.fetch_add(1, std::memory_order_relaxed) + 1;
  for (std::size_t tried = 0; tried < size; ++tried) {
    const std::size_t index = (generation + tried) % size;
    Entry& entry = entries_[index];
    std::uintptr_t seen = empty;
    if (!entry.handle.compare_exchange_strong(seen, changing, std::memory_order_acq_rel)) continue;
    entry.pool.store(pool.release(), std::memory_order_relaxed);
    const std::uintptr_t handle = generation * size + index;
    entry.handle.store(handle, std::memory_order_release);
    return reinterpret_cast<weir_pool*>(handle);  // NOLINT(performance-no-int-to-ptr): it is a number
  }
  throw LimitExceeded("weir_pool_create: " + std::to_string(size) + " pools are open; destroy one first",
                      {.name = "pool", .limit = size});
}

std::unique_ptr<HeldPool> PoolTable::remove(const weir_pool* handle, const char* function) {
  auto number = reinterpret_cast<std::uintptr_t>(handle);
  Entry& entry = entries_[number % size];
  // `changing` passed as a handle names an entry in nobody's hands.
  if (number < size || !entry.handle.compare_exchange_strong(number, changing, std::memory_order_acq_rel)) {
    refuse(function);
  }
  std::unique_ptr<HeldPool> pool(entry.pool.exchange(nullptr, std::memory_order_relaxed));
  entry.handle.store(empty, std::memory_order_release);
  return pool;
}

void PoolTable::refuse(const char* function) {
  throw StaleHandle(std::string(function) + ": the pool was destroyed, or the pointer refers to no pool",
                    {.name = "pool"});
}

}  // namespace weir::capi
