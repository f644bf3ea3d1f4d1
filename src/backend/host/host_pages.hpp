// Pages of host memory, as a GPU driver would have them: created, mapped into a
// reserved range, unmapped, mapped elsewhere with the same physical memory.
// An unmapped page stays parked, unreadable, where it last was; mapping it
// elsewhere moves it by mremap, or by a copy before Linux 5.7, with what it holds.
// What a page held that is parked in the way is lost: who has a place no more maps
// nothing there.
// Every extent is one page: the kernel charges by the page anyway, and pages that may lie anywhere serve any hole.
// The kernel is asked for large pages of its own behind them, of the same size, so at most what is mapped is resident.
// Invariant: at most one page is at an address. Called by HostBackend.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "device/backend.hpp"
#include "device/call_counter.hpp"

namespace weir::backend::host {

class HostPages {
 public:
  static constexpr std::uint64_t page_bytes = std::uint64_t{2} << 20;

  /// At most `capacity` bytes are committed at a time, pages and segments together.
  explicit HostPages(std::uint64_t capacity) : capacity_(capacity) {}

  device::Address reserve(std::uint64_t bytes);
  void unreserve(device::Address address, std::uint64_t bytes) noexcept;
  void create(std::span<device::Extent> pages);
  void destroy(std::span<const device::Extent> pages) noexcept;
  void map(device::Address address, std::span<const device::Extent> pages);
  void unmap(device::Address address, std::span<const device::Extent> pages);

  device::Address allocate_segment(std::uint64_t bytes);
  void free_segment(device::Address address, std::uint64_t bytes) noexcept;
  /// Host memory beside the device's: not bounded by its capacity.
  device::Address allocate_pinned(std::uint64_t bytes);
  void free_pinned(device::Address address, std::uint64_t bytes) noexcept;

  /// A create counts as a call although it only books; a map is each page that came to another place.
  [[nodiscard]] device::DriverCalls calls() const noexcept { return calls_.seen(); }

 private:
  void commit(std::uint64_t bytes);
  void move(device::Address from, device::Address to);
  void place(std::size_t page, device::Address address);

  const std::uint64_t capacity_;
  std::atomic<std::uint64_t> committed_{0};
  device::CallCounter calls_;

  std::mutex mutex_;
  bool kernel_moves_ = true;                                 // until it says that it cannot
  std::vector<device::Address> location_;                    // by page; 0 = has no memory yet
  std::vector<std::size_t> unused_;                          // page numbers to give out again
  std::unordered_map<device::Address, std::size_t> parked_;  // unmapped pages that have memory
};

}  // namespace weir::backend::host
