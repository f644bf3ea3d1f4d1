// The dry device's memory: address ranges, the extents that are created and where
// they are mapped, and how much is taken; no byte of it is there. As strict as a
// driver: see DryBackend. Thread-safe; takes no time. Used by DryBackend alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>

#include <weir/errors.hpp>

#include "device/backend.hpp"

namespace weir::backend::dry {

/// The smallest unit that is mapped, as CUDA has it. Bytes.
inline constexpr std::uint64_t page_bytes = std::uint64_t{2} << 20;

/// Throws std::logic_error where a rule does not hold: a fault in weir.
void expect(bool holds, const char* rule);

/// Keeps the first rule that did not hold where nothing can be thrown. Thread-safe.
class FirstFault {
 public:
  /// Gives `holds`. `rule` outlives the device.
  bool holds(bool holds, const char* rule) noexcept {
    const char* none = nullptr;
    if (!holds) rule_.compare_exchange_strong(none, rule);
    return holds;
  }
  /// Null for none.
  [[nodiscard]] const char* rule() const noexcept { return rule_.load(); }

 private:
  std::atomic<const char*> rule_{nullptr};
};

class DryMemory {
 public:
  /// `fault` outlives it.
  DryMemory(std::uint64_t capacity, FirstFault& fault);

  [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint64_t free() const;
  void set_foreign_bytes(std::uint64_t bytes);

  [[nodiscard]] device::Address reserve(std::uint64_t bytes);
  void unreserve(device::Address address, std::uint64_t bytes) noexcept;

  /// Creates all of the extents, or none; returns for how many there was memory.
  [[nodiscard]] std::size_t create(std::span<device::Extent> extents);
  void destroy(std::span<const device::Extent> extents) noexcept;
  void map(device::Address address, std::span<const device::Extent> extents);
  void unmap(device::Address address, std::span<const device::Extent> extents);

  [[nodiscard]] device::Address allocate(std::uint64_t bytes);
  void release(device::Address address, std::uint64_t bytes) noexcept;

  [[nodiscard]] OutOfMemory refusal(std::uint64_t bytes) const;

 private:
  struct Physical {
    std::uint32_t pages = 0;
    device::Address mapped = 0;  ///< 0: not mapped
  };

  [[nodiscard]] std::uint64_t free_now() const noexcept;
  [[nodiscard]] device::Address next_range(std::uint64_t bytes);
  void expect_reserved(device::Address address, std::uint64_t bytes) const;
  Physical& find(device::PageHandle handle);

  const std::uint64_t capacity_;
  FirstFault& fault_;
  mutable std::mutex mutex_;
  std::uint64_t taken_ = 0;
  std::uint64_t foreign_ = 0;
  std::uint64_t last_handle_ = 0;
  device::Address next_;
  std::map<device::Address, std::uint64_t> ranges_;    ///< reserved, with their bytes
  std::map<device::Address, std::uint64_t> mappings_;  ///< of an extent each, with its bytes
  std::map<device::Address, std::uint64_t> segments_;
  std::unordered_map<device::PageHandle, Physical> created_;
};

}  // namespace weir::backend::dry
