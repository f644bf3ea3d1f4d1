// Zeroed memory that the system backs only where it is touched: for tables whose
// size is known only as a bound. Called by the index and by tracking.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <weir/errors.hpp>

namespace weir::core {

/// `bytes` of zeroed address space; throws OutOfMemory, which says what they were for.
[[nodiscard]] void* map_lazy(std::size_t bytes, const char* what);
void unmap_lazy(void* address, std::size_t bytes) noexcept;

/// The error for addresses that the system did not give, `code` being its errno.
[[nodiscard]] OutOfMemory no_addresses(std::size_t bytes, const char* what, int code);

/// The bytes that this process may map in all (RLIMIT_AS); empty: as many as there are.
[[nodiscard]] std::optional<std::uint64_t> address_space_limit() noexcept;

/// One of those in this process that take addresses in advance. The first few may have plenty; of hundreds each takes
/// less, so that thousands find some.
class AddressShare {
 public:
  AddressShare() noexcept : divisor_(divisor_of(++alive_)) {}
  ~AddressShare() { --alive_; }
  AddressShare(const AddressShare&) = delete;
  AddressShare& operator=(const AddressShare&) = delete;

  /// By how much to divide what the first would take; a power of two.
  [[nodiscard]] std::uint64_t divisor() const noexcept { return divisor_; }

 private:
  static constexpr std::uint64_t few = 64;
  [[nodiscard]] static std::uint64_t divisor_of(std::uint64_t rank) noexcept {
    return std::bit_ceil((rank + few - 1) / few);
  }
  static inline std::atomic<std::uint64_t> alive_{0};
  const std::uint64_t divisor_;
};

/// `count` values that start as zero bytes, in such memory.
template <class Value>
class LazyArray {
 public:
  LazyArray(std::size_t count, const char* what)
      : values_(static_cast<Value*>(map_lazy(count * sizeof(Value), what))), count_(count) {}
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
