#include "backend/cuda/memory.hpp"

#include <weir/errors.hpp>

#include "backend/cuda/profiler.hpp"

namespace weir::backend::cuda {

using device::Address;
using device::DriverCalls;
using device::Extent;
using device::PageHandle;

namespace {

constexpr std::uint64_t segment_alignment = 512;

CUmemGenericAllocationHandle native(PageHandle page) { return static_cast<CUmemGenericAllocationHandle>(page); }

constexpr Call create_call{"cuMemCreate", &DriverCalls::creates};
constexpr Call map_call{"cuMemMap", &DriverCalls::maps};
constexpr Call unmap_call{"cuMemUnmap", &DriverCalls::unmaps};
constexpr Call release_call{"cuMemRelease", &DriverCalls::destroys};

void* pointer(Address address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

}  // namespace

Address Memory::reserve(std::uint64_t bytes) {
  context_.require_usable();
  const Current current(context_);
  CUdeviceptr start = 0;
  context_.check(context_.driver().reserve(&start, bytes, page_bytes_, 0, 0),
                 {"cuMemAddressReserve", &DriverCalls::reserves}, bytes);
  return start;
}

void Memory::unreserve(Address address, std::uint64_t bytes) noexcept {
  if (exiting()) return;
  const Current current(context_);
  context_.note(context_.driver().unreserve(address, bytes), {"cuMemAddressFree", &DriverCalls::reserves});
}

void Memory::create(std::span<Extent> row) {
  context_.require_usable();
  const std::uint64_t bytes = bytes_of(row);
  const Range range("create pages", bytes);
  const Current current(context_);
  CUmemAllocationProp wanted{};
  wanted.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  wanted.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  wanted.location.id = context_.device();
  for (std::size_t made = 0; made < row.size(); ++made) {
    CUmemGenericAllocationHandle handle = 0;
    const CUresult code = context_.driver().create(&handle, row[made].pages * page_bytes_, &wanted, 0);
    if (code != CUDA_SUCCESS) destroy(row.first(made));
    context_.check(code, create_call, bytes);
    row[made].handle = static_cast<PageHandle>(handle);
  }
}

void Memory::destroy(std::span<const Extent> row) noexcept {
  if (exiting()) return;
  const Range range("destroy pages", bytes_of(row));
  const Current current(context_);
  for (const Extent& extent : row) {
    Address where = 0;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = mapped_.find(extent.handle); found != mapped_.end()) {
        where = found->second;
        mapped_.erase(found);
      }
    }
    if (where != 0) context_.note(context_.driver().unmap(where, extent.pages * page_bytes_), unmap_call);
    context_.note(context_.driver().release(native(extent.handle)), release_call);
  }
}

// Each handle mapped, none accessible yet; all or none.
void Memory::place(Address address, std::span<const Extent> row) {
  {
    const std::lock_guard lock(mutex_);
    mapped_.reserve(mapped_.size() + row.size());
  }
  Address at = address;
  for (std::size_t placed = 0; placed < row.size(); ++placed) {
    const std::uint64_t bytes = row[placed].pages * page_bytes_;
    const CUresult code = context_.driver().map(at, bytes, 0, native(row[placed].handle), 0);
    if (code != CUDA_SUCCESS) take_off(address, row.first(placed));
    context_.check(code, map_call, bytes_of(row));
    const std::lock_guard lock(mutex_);
    mapped_.emplace(row[placed].handle, at);
    at += bytes;
  }
}

// Undoes place().
void Memory::take_off(Address address, std::span<const Extent> row) noexcept {
  if (row.empty()) return;
  context_.note(context_.driver().unmap(address, bytes_of(row)), unmap_call);
  forget(row);
}

void Memory::forget(std::span<const Extent> row) noexcept {
  const std::lock_guard lock(mutex_);
  for (const Extent& extent : row) mapped_.erase(extent.handle);
}

void Memory::make_accessible(Address address, std::uint64_t bytes) {
  CUmemAccessDesc access{};
  access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  access.location.id = context_.device();
  access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  context_.check(context_.driver().set_access(address, bytes, &access, 1), {"cuMemSetAccess", &DriverCalls::accesses},
                 bytes);
}

void Memory::map(Address address, std::span<const Extent> row) {
  if (row.empty()) return;
  context_.require_usable();
  const Range range("map pages", bytes_of(row));
  const Current current(context_);
  place(address, row);
  try {
    make_accessible(address, bytes_of(row));
  } catch (...) {
    take_off(address, row);
    throw;
  }
}

// The driver unmaps whole mappings only, but any number side by side by one call; one that fails has unmapped none.
void Memory::unmap(Address address, std::span<const Extent> row) {
  if (row.empty()) return;
  context_.require_usable();
  const Range range("unmap pages", bytes_of(row));
  const Current current(context_);
  context_.check(context_.driver().unmap(address, bytes_of(row)), unmap_call, bytes_of(row));
  forget(row);
}

Address Memory::allocate_segment(std::uint64_t bytes) {
  context_.require_usable();
  const Range range("allocate a segment", bytes);
  const Current current(context_);
  CUdeviceptr start = 0;
  context_.check(context_.driver().allocate(&start, bytes), {"cuMemAlloc", &DriverCalls::segments}, bytes);
  if (start % segment_alignment == 0) return start;
  // The driver promises 256 bytes only.
  context_.check(context_.driver().free(start), {"cuMemFree", &DriverCalls::segments});
  context_.check(context_.driver().allocate(&start, bytes + segment_alignment), {"cuMemAlloc", &DriverCalls::segments},
                 bytes);
  const Address aligned = (start + segment_alignment - 1) / segment_alignment * segment_alignment;
  const std::lock_guard lock(mutex_);
  moved_.emplace(aligned, start);
  return aligned;
}

void Memory::free_segment(Address address) noexcept {
  if (exiting()) return;
  CUdeviceptr start = address;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = moved_.find(address); found != moved_.end()) {
      start = found->second;
      moved_.erase(found);
    }
  }
  const Current current(context_);
  context_.note(context_.driver().free(start), {"cuMemFree", &DriverCalls::segments});
}

Address Memory::allocate_pinned(std::uint64_t bytes) {
  context_.require_usable();
  const Range range("allocate pinned memory", bytes);
  const Current current(context_);
  void* start = nullptr;
  context_.check(context_.driver().allocate_host(&start, bytes, CU_MEMHOSTALLOC_PORTABLE),
                 {"cuMemHostAlloc", &DriverCalls::pinned}, bytes);
  return reinterpret_cast<Address>(start);
}

void Memory::free_pinned(Address address) noexcept {
  if (exiting()) return;
  const Current current(context_);
  context_.note(context_.driver().free_host(pointer(address)), {"cuMemFreeHost", &DriverCalls::pinned});
}

}  // namespace weir::backend::cuda
