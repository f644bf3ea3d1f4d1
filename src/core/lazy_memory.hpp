// Zeroed memory that the system backs only where it is touched: for tables whose
// size is known only as a bound. Called by the index and by tracking.
#pragma once

#include <cstddef>

namespace weir::core {

/// `bytes` of zeroed address space; throws std::bad_alloc.
[[nodiscard]] void* map_lazy(std::size_t bytes);
void unmap_lazy(void* address, std::size_t bytes) noexcept;

/// `count` values that start as zero bytes, in such memory.
template <class Value>
class LazyArray {
 public:
  explicit LazyArray(std::size_t count)
      : values_(static_cast<Value*>(map_lazy(count * sizeof(Value)))), count_(count) {}
  ~LazyArray() { unmap_lazy(values_, count_ * sizeof(Value)); }
  LazyArray(const LazyArray&) = delete;
  LazyArray& operator=(const LazyArray&) = delete;

  [[nodiscard]] Value* begin() const noexcept { return values_; }
  [[nodiscard]] Value& operator[](std::size_t index) const noexcept { return values_[index]; }

 private:
  Value* values_;
  std::size_t count_;
};

}  // namespace weir::core
