// Memory of one device: pages mapped into reserved ranges, segments, and pinned
// memory of the host. An extent is one handle of the driver,
// mapped whole and at most once; one that could not be unmapped on a device given up for lost is unmapped when it is
// destroyed. Called by CudaBackend.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>

#include "backend/cuda/context.hpp"
#include "device/backend.hpp"

namespace weir::backend::cuda {

class Memory {
 public:
  Memory(const Context& context, std::uint64_t page_bytes) : context_(context), page_bytes_(page_bytes) {}

  [[nodiscard]] device::Address reserve(std::uint64_t bytes);
  void unreserve(device::Address address, std::uint64_t bytes) noexcept;
  void create(std::span<device::Extent> row);
  void destroy(std::span<const device::Extent> row) noexcept;
  void map(device::Address address, std::span<const device::Extent> row);
  void unmap(device::Address address, std::span<const device::Extent> row);

  [[nodiscard]] device::Address allocate_segment(std::uint64_t bytes);
  void free_segment(device::Address address) noexcept;
  [[nodiscard]] device::Address allocate_pinned(std::uint64_t bytes);
  void free_pinned(device::Address address) noexcept;

 private:
  void place(device::Address address, std::span<const device::Extent> row);
  void take_off(device::Address address, std::span<const device::Extent> row) noexcept;
  void forget(std::span<const device::Extent> row) noexcept;
  [[nodiscard]] std::uint64_t bytes_of(std::span<const device::Extent> row) const noexcept {
    return device::pages_of(row) * page_bytes_;
  }
  void make_accessible(device::Address address, std::uint64_t bytes);

  const Context& context_;
  const std::uint64_t page_bytes_;
  std::mutex mutex_;
  std::unordered_map<device::PageHandle, device::Address> mapped_;
  std::map<device::Address, CUdeviceptr> moved_;  // segments that start a little after the driver's address
};

}  // namespace weir::backend::cuda
