#include "backend/cuda/memory.hpp"

#include <weir/errors.hpp>

#include "backend/cuda/profiler.hpp"
#include "device/bundles.hpp"

namespace weir::backend::cuda {

using device::Address;
using device::PageHandle;

namespace {

constexpr std::uint64_t segment_alignment = 512;

CUmemGenericAllocationHandle native(PageHandle page) { return static_cast<CUmemGenericAllocationHandle>(page); }

void* pointer(Address address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

}  // namespace

Address Memory::reserve(std::uint64_t bytes) {
  context_.require_usable();
  const Current here(context_);
  CUdeviceptr start = 0;
  context_.check(context_.driver().reserve(&start, bytes, page_bytes_, 0, 0), "cuMemAddressReserve", bytes);
  return start;
}

void Memory::unreserve(Address address, std::uint64_t bytes) noexcept {
  if (exiting()) return;
  const Current here(context_);
  context_.note(context_.driver().unreserve(address, bytes), "cuMemAddressFree");
}

void Memory::create(std::span<PageHandle> pages) {
  context_.require_usable();
  const Range range("create pages", pages.size() * page_bytes_);
  const Current here(context_);
  CUmemAllocationProp wanted{};
  wanted.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  wanted.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  wanted.location.id = context_.device();
  device::for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    CUmemGenericAllocationHandle handle = 0;
    const CUresult code = context_.driver().create(&handle, count * page_bytes_, &wanted, 0);
    if (code != CUDA_SUCCESS) {
      destroy(pages.first(first));
      context_.check(code, "cuMemCreate", pages.size() * page_bytes_);
    }
    context_.count();
    pages[first] = static_cast<PageHandle>(handle);
  });
}

void Memory::destroy(std::span<const PageHandle> pages) noexcept {
  if (exiting()) return;
  const Range range("destroy pages", pages.size() * page_bytes_);
  const Current here(context_);
  device::for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    const PageHandle page = pages[first];
    Address where = 0;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = mapped_.find(page); found != mapped_.end()) {
        where = found->second;
        mapped_.erase(found);
      }
    }
    if (where != 0) context_.note(context_.driver().unmap(where, count * page_bytes_), "cuMemUnmap");
    context_.note(context_.driver().release(native(page)), "cuMemRelease");
  });
}

// Each handle mapped, none accessible yet; all or none.
void Memory::place(Address address, std::span<const PageHandle> pages) {
  {
    const std::lock_guard lock(mutex_);
    mapped_.reserve(mapped_.size() + pages.size());
  }
  device::for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    const Address at = address + first * page_bytes_;
    const CUresult code = context_.driver().map(at, count * page_bytes_, 0, native(pages[first]), 0);
    if (code != CUDA_SUCCESS) {
      take_off(address, pages.first(first));
      context_.check(code, "cuMemMap", pages.size() * page_bytes_);
    }
    context_.count();
    const std::lock_guard lock(mutex_);
    mapped_.emplace(pages[first], at);
  });
}

// Undoes place().
void Memory::take_off(Address address, std::span<const PageHandle> pages) noexcept {
  device::for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    context_.note(context_.driver().unmap(address + first * page_bytes_, count * page_bytes_), "cuMemUnmap");
    const std::lock_guard lock(mutex_);
    mapped_.erase(pages[first]);
  });
}

void Memory::make_accessible(Address address, std::uint64_t bytes) {
  CUmemAccessDesc access{};
  access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  access.location.id = context_.device();
  access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  context_.check(context_.driver().set_access(address, bytes, &access, 1), "cuMemSetAccess", bytes);
}

void Memory::map(Address address, std::span<const PageHandle> pages) {
  context_.require_usable();
  const Range range("map pages", pages.size() * page_bytes_);
  const Current here(context_);
  place(address, pages);
  try {
    make_accessible(address, pages.size() * page_bytes_);
  } catch (...) {
    take_off(address, pages);
    throw;
  }
}

// The driver unmaps whole mappings, and each handle is one.
void Memory::unmap(Address address, std::span<const PageHandle> pages) {
  context_.require_usable();
  const Range range("unmap pages", pages.size() * page_bytes_);
  const Current here(context_);
  device::for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    const CUresult code = context_.driver().unmap(address + first * page_bytes_, count * page_bytes_);
    if (code != CUDA_SUCCESS && first != 0) {
      // What was unmapped goes back, with what it held: nothing has changed then.
      place(address, pages.first(first));
      make_accessible(address, first * page_bytes_);
    }
    context_.check(code, "cuMemUnmap", pages.size() * page_bytes_);
    const std::lock_guard lock(mutex_);
    mapped_.erase(pages[first]);
  });
}

Address Memory::allocate_segment(std::uint64_t bytes) {
  context_.require_usable();
  const Range range("allocate a segment", bytes);
  const Current here(context_);
  CUdeviceptr start = 0;
  context_.check(context_.driver().allocate(&start, bytes), "cuMemAlloc", bytes);
  if (start % segment_alignment == 0) return start;
  // The driver promises 256 bytes only.
  context_.check(context_.driver().free(start), "cuMemFree");
  context_.check(context_.driver().allocate(&start, bytes + segment_alignment), "cuMemAlloc", bytes);
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
  const Current here(context_);
  context_.note(context_.driver().free(start), "cuMemFree");
}

Address Memory::allocate_pinned(std::uint64_t bytes) {
  context_.require_usable();
  const Range range("allocate pinned memory", bytes);
  const Current here(context_);
  void* start = nullptr;
  context_.check(context_.driver().allocate_host(&start, bytes, CU_MEMHOSTALLOC_PORTABLE), "cuMemHostAlloc", bytes);
  return reinterpret_cast<Address>(start);
}

void Memory::free_pinned(Address address) noexcept {
  if (exiting()) return;
  const Current here(context_);
  context_.note(context_.driver().free_host(pointer(address)), "cuMemFreeHost");
}

}  // namespace weir::backend::cuda
