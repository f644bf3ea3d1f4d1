// Memory of one device: pages mapped into reserved ranges, segments, and pinned
// memory of the host. An extent is one handle of the driver,
// mapped whole and at most once; one that could not be unmapped when it should is unmapped later, at the latest
// when it is destroyed. Called by CudaBackend.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "backend/cuda/context.hpp"
#include "device/backend.hpp"

namespace weir::backend::cuda {

class Memory {
 public:
  explicit Memory(const Context& context);

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
  /// Pieces of pinned memory that were not freed. On a lost device freed ones stay with the context until its end.
  [[nodiscard]] std::uint64_t pinned_held() const noexcept { return pinned_held_.load(); }

 private:
  struct Mapping {
    device::Address address = 0;
    std::uint32_t pages = 0;
    bool left = false;       // should be unmapped
    bool destroyed = false;  // and its handle released then
  };
  using Mappings = std::unordered_map<device::PageHandle, Mapping>;

  [[nodiscard]] CUresult unmap_at(device::Address address, std::uint64_t bytes) const noexcept;
  template <class Function>
  [[nodiscard]] CUresult when_ready(const Call& call, Function function) const noexcept;
  [[nodiscard]] bool unmap_still_mapped(const device::Extent& extent) noexcept;
  void end_left() noexcept;
  void place(device::Address address, std::span<const device::Extent> row);
  void take_off(device::Address address, std::span<const device::Extent> row) noexcept;
  void forget(std::span<const device::Extent> row) noexcept;
  /// Under the lock.
  void erase(Mappings::iterator found) noexcept;
  [[nodiscard]] std::uint64_t bytes_of(std::span<const device::Extent> row) const noexcept {
    return device::pages_of(row) * page_bytes_;
  }
  void make_accessible(device::Address address, std::uint64_t bytes);

  const Context& context_;
  const std::uint64_t page_bytes_;
  CUmemAllocationProp wanted_{};         // of each handle
  std::vector<CUmemAccessDesc> access_;  // to each mapping
  std::mutex mutex_;
  Mappings mapped_;
  std::atomic<std::uint64_t> pinned_held_{0};
  std::size_t left_ = 0;                          // of these, to be unmapped
  std::map<device::Address, CUdeviceptr> moved_;  // segments that start a little after the driver's address
};

}  // namespace weir::backend::cuda
