#include "backend/cuda/memory.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <weir/errors.hpp>

#include "backend/cuda/profiler.hpp"
#include "core/reserve_more.hpp"

namespace weir::backend::cuda {

using device::Address;
using device::DriverCalls;
using device::Extent;
using device::PageHandle;

namespace {

constexpr std::uint64_t segment_alignment = 512;

// How often a driver that is not ready is asked, and the first pause, which doubles: 6.35 ms in all.
constexpr int max_tries = 8;
constexpr std::chrono::microseconds first_pause{50};

CUmemGenericAllocationHandle native(PageHandle page) { return static_cast<CUmemGenericAllocationHandle>(page); }

constexpr Call create_call{"cuMemCreate", &DriverCalls::creates};
constexpr Call map_call{"cuMemMap", &DriverCalls::maps};
constexpr Call access_call{"cuMemSetAccess", &DriverCalls::accesses};
constexpr Call unmap_call{"cuMemUnmap", &DriverCalls::unmaps};
constexpr Call release_call{"cuMemRelease", &DriverCalls::destroys};

void* pointer(Address address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

}  // namespace

Memory::Memory(const Context& context) : context_(context), page_bytes_(context.facts().page_bytes) {
  wanted_.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  wanted_.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  wanted_.location.id = context.device();
  wanted_.allocFlags.gpuDirectRDMACapable = context.direct_pages() ? 1 : 0;
  for (const CUdevice device : context.users()) {
    CUmemAccessDesc& access = access_.emplace_back();
    access.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    access.location.id = device;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  }
}

Address Memory::reserve(std::uint64_t bytes) {
  const Current current(context_);
  CUdeviceptr start = 0;
  context_.check(context_.driver().reserve(&start, bytes, page_bytes_, 0, 0),
                 {"cuMemAddressReserve", &DriverCalls::reserves}, bytes);
  return start;
}

void Memory::unreserve(Address address, std::uint64_t bytes) noexcept {
  const Current current(context_, std::nothrow);
  if (!current) return;
  end_left();
  context_.note(context_.driver().unreserve(address, bytes), {"cuMemAddressFree", &DriverCalls::reserves});
}

void Memory::create(std::span<Extent> row) {
  const std::uint64_t bytes = bytes_of(row);
  const Range range("create pages", bytes);
  const Current current(context_);
  end_left();
  for (std::size_t made = 0; made < row.size(); ++made) {
    CUmemGenericAllocationHandle handle = 0;
    const CUresult code = context_.driver().create(&handle, row[made].pages * page_bytes_, &wanted_, 0);
    if (code != CUDA_SUCCESS) destroy(row.first(made));
    context_.check(code, create_call, bytes);
    row[made].handle = static_cast<PageHandle>(handle);
  }
}

void Memory::destroy(std::span<const Extent> row) noexcept {
  const Range range("destroy pages", bytes_of(row));
  const Current current(context_, std::nothrow);
  if (!current) return;
  for (const Extent& extent : row) {
    if (!unmap_still_mapped(extent)) continue;
    context_.note(context_.driver().release(native(extent.handle)), release_call);
  }
}

// False where the driver refuses: the handle is released with its mapping then, by end_left(). Each try is under the
// lock: end_left() on another thread may unmap it too, and something else may be mapped there after that.
bool Memory::unmap_still_mapped(const Extent& extent) noexcept {
  bool mapped = false;
  const CUresult code = when_ready(unmap_call, [&] {
    const std::lock_guard lock(mutex_);
    const auto found = mapped_.find(extent.handle);
    if (found == mapped_.end()) return CUDA_SUCCESS;
    mapped = true;
    const CUresult gave = context_.driver().unmap(found->second.address, extent.pages * page_bytes_);
    if (gave == CUDA_SUCCESS) erase(found);
    return gave;
  });
  if (mapped) context_.note(code, unmap_call);
  if (code == CUDA_SUCCESS) return true;
  const std::lock_guard lock(mutex_);
  const auto found = mapped_.find(extent.handle);
  if (found == mapped_.end()) return true;
  Mapping& mapping = found->second;
  left_ += mapping.left ? 0 : 1;
  mapping.left = true;
  mapping.destroyed = true;
  return false;
}

// Once more what could not be unmapped when it should. Under the lock, since nothing may be allocated to do without it:
// the driver failed before that.
void Memory::end_left() noexcept {
  const std::lock_guard lock(mutex_);
  if (left_ == 0) return;
  std::erase_if(mapped_, [&](const auto& each) {
    const auto& [handle, mapping] = each;
    if (!mapping.left) return false;
    const CUresult code = context_.driver().unmap(mapping.address, mapping.pages * page_bytes_);
    context_.note(code, unmap_call);
    if (code != CUDA_SUCCESS) return false;
    if (mapping.destroyed) context_.note(context_.driver().release(native(handle)), release_call);
    --left_;
    return true;
  });
}

CUresult Memory::unmap_at(Address address, std::uint64_t bytes) const noexcept {
  return when_ready(unmap_call, [&] { return context_.driver().unmap(address, bytes); });
}

// The driver may answer that it is not ready while the device is busy with other work. It is asked again then. A wait
// for the device instead would have no deadline, and would break a capture that is under way in the context.
template <class Function>
CUresult Memory::when_ready(const Call& call, Function function) const noexcept {
  CUresult code = function();
  std::chrono::microseconds pause = first_pause;
  for (int tries = 1; code == CUDA_ERROR_NOT_READY && tries < max_tries; ++tries, pause *= 2) {
    context_.count(call.purpose);
    std::this_thread::sleep_for(pause);
    code = function();
  }
  return code;
}

// Each handle mapped, none accessible yet; all or none. They are booked first: nothing is allocated once one is mapped.
void Memory::place(Address address, std::span<const Extent> row) {
  end_left();
  Mappings placed_here;
  Address at = address;
  for (const Extent& extent : row) {
    placed_here.emplace(extent.handle, Mapping{.address = at, .pages = extent.pages});
    at += extent.pages * page_bytes_;
  }
  {
    const std::lock_guard lock(mutex_);
    core::reserve_more(mapped_, row.size());
    const bool left = left_ != 0 && std::any_of(row.begin(), row.end(),
                                                [&](const Extent& each) { return mapped_.contains(each.handle); });
    if (left) context_.check(CUDA_ERROR_NOT_READY, unmap_call, bytes_of(row));
    mapped_.merge(placed_here);
  }
  at = address;
  for (std::size_t placed = 0; placed < row.size(); ++placed) {
    const std::uint64_t bytes = row[placed].pages * page_bytes_;
    const CUresult code = context_.driver().map(at, bytes, 0, native(row[placed].handle), 0);
    if (code != CUDA_SUCCESS) {
      forget(row.subspan(placed));
      take_off(address, row.first(placed));
    }
    context_.check(code, map_call, bytes_of(row));
    at += bytes;
  }
}

// Undoes place(); what the driver refuses is left to end_left().
void Memory::take_off(Address address, std::span<const Extent> row) noexcept {
  if (row.empty()) return;
  const CUresult code = unmap_at(address, bytes_of(row));
  context_.note(code, unmap_call);
  if (code == CUDA_SUCCESS) return forget(row);
  const std::lock_guard lock(mutex_);
  for (const Extent& extent : row) mapped_.at(extent.handle).left = true;
  left_ += row.size();
}

void Memory::forget(std::span<const Extent> row) noexcept {
  const std::lock_guard lock(mutex_);
  for (const Extent& extent : row) {
    const auto found = mapped_.find(extent.handle);
    if (found != mapped_.end()) erase(found);
  }
}

void Memory::erase(Mappings::iterator found) noexcept {
  left_ -= found->second.left ? 1 : 0;
  mapped_.erase(found);
}

void Memory::make_accessible(Address address, std::uint64_t bytes) {
  const CUresult code = when_ready(
      access_call, [&] { return context_.driver().set_access(address, bytes, access_.data(), access_.size()); });
  context_.check(code, access_call, bytes);
}

void Memory::map(Address address, std::span<const Extent> row) {
  if (row.empty()) return;
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
  const Range range("unmap pages", bytes_of(row));
  const Current current(context_);
  context_.check(unmap_at(address, bytes_of(row)), unmap_call, bytes_of(row));
  forget(row);
}

Address Memory::allocate_segment(std::uint64_t bytes) {
  const Range range("allocate a segment", bytes);
  const Current current(context_);
  end_left();
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
  CUdeviceptr start = address;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = moved_.find(address); found != moved_.end()) {
      start = found->second;
      moved_.erase(found);
    }
  }
  const Current current(context_, std::nothrow);
  if (!current) return;
  context_.note(context_.driver().free(start), {"cuMemFree", &DriverCalls::segments});
}

Address Memory::allocate_pinned(std::uint64_t bytes) {
  const Range range("allocate pinned memory", bytes);
  const Current current(context_);
  void* start = nullptr;
  context_.check(context_.driver().allocate_host(&start, bytes, CU_MEMHOSTALLOC_PORTABLE),
                 {"cuMemHostAlloc", &DriverCalls::pinned}, bytes);
  ++pinned_held_;
  return reinterpret_cast<Address>(start);
}

void Memory::free_pinned(Address address) noexcept {
  --pinned_held_;
  const Current current(context_, std::nothrow);
  if (!current) return;
  context_.note(context_.driver().free_host(pointer(address)), {"cuMemFreeHost", &DriverCalls::pinned});
}

}  // namespace weir::backend::cuda
