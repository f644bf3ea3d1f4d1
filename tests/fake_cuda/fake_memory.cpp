// The fake driver's memory: physical memory is a part of one sparse file, which is
// mapped where a handle is, so that what a page holds moves with it; what is not
// mapped or not accessible cannot be touched by anyone.
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <set>
#include <span>

#include "fake_cuda/fake_calls.hpp"

namespace weir::fake_cuda {
namespace {

void* pointer(std::uint64_t address) { return reinterpret_cast<void*>(address); }

/// Address space that nothing can be read from, aligned.
std::uint64_t address_space(std::uint64_t bytes, std::uint64_t alignment) {
  const std::uint64_t padded = bytes + alignment;
  void* raw = mmap(nullptr, padded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return 0;
  const auto start = reinterpret_cast<std::uint64_t>(raw);
  const std::uint64_t aligned = (start + alignment - 1) / alignment * alignment;
  if (aligned != start) munmap(raw, aligned - start);
  if (const std::uint64_t tail = start + padded - (aligned + bytes); tail != 0) munmap(pointer(aligned + bytes), tail);
  return aligned;
}

bool of_device(const CUmemLocation& location, int device) {
  return location.type == CU_MEM_LOCATION_TYPE_DEVICE && location.id == device;
}

}  // namespace

CUresult Calls::memory_info(std::size_t* free, std::size_t* total) {
  FAKE_ENTER("cuMemGetInfo", true);
  const int device = device_of(current_context());
  *total = fake.options_.memory;
  *free = *total - fake.used_[static_cast<std::size_t>(device)];
  return CUDA_SUCCESS;
}

CUresult Calls::granularity(std::size_t* bytes, const CUmemAllocationProp* wanted, CUmemAllocationGranularity_flags) {
  FAKE_ENTER("cuMemGetAllocationGranularity", false);
  if (!fake.options_.virtual_memory) return CUDA_ERROR_NOT_SUPPORTED;
  *bytes = fake.granularity_of(wanted->location.id);
  return CUDA_SUCCESS;
}

CUresult Calls::reserve(CUdeviceptr* start, std::size_t bytes, std::size_t alignment, CUdeviceptr hint,
                        unsigned long long flags) {
  FAKE_ENTER("cuMemAddressReserve", true);
  const std::uint64_t unit = fake.granularity_of(device_of(current_context()));
  if (bytes == 0 || bytes % unit != 0 || (alignment != 0 && alignment % unit != 0) || hint != 0 || flags != 0) {
    return fake.breach("cuMemAddressReserve: not a multiple of the granularity");
  }
  *start = address_space(bytes, std::max<std::uint64_t>(alignment, unit));
  if (*start == 0) return CUDA_ERROR_OUT_OF_MEMORY;
  fake.ranges_.emplace(*start, bytes);
  return CUDA_SUCCESS;
}

CUresult Calls::unreserve(CUdeviceptr start, std::size_t bytes) {
  FAKE_ENTER("cuMemAddressFree", true);
  const auto range = fake.ranges_.find(start);
  if (range == fake.ranges_.end() || range->second != bytes) return fake.breach("cuMemAddressFree: no such range");
  const auto mapping = fake.mappings_.lower_bound(start);
  if (mapping != fake.mappings_.end() && mapping->first < start + bytes) {
    return fake.breach("cuMemAddressFree: something is mapped in the range");
  }
  munmap(pointer(start), bytes);
  fake.ranges_.erase(range);
  return CUDA_SUCCESS;
}

CUresult Calls::create(CUmemGenericAllocationHandle* handle, std::size_t bytes, const CUmemAllocationProp* wanted,
                       unsigned long long flags) {
  FAKE_ENTER("cuMemCreate", true);
  if (fake.forbidden_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (bytes == 0 || bytes % fake.granularity_of(wanted->location.id) != 0 || flags != 0) {
    return fake.breach("cuMemCreate: not a multiple of the granularity");
  }
  const int device = wanted->location.id;
  if (wanted->type != CU_MEM_ALLOCATION_TYPE_PINNED || !of_device(wanted->location, device) || device < 0 ||
      device >= fake.options_.devices) {
    return fake.breach("cuMemCreate: not device memory");
  }
  const bool direct = wanted->allocFlags.gpuDirectRDMACapable != 0;
  if (direct && !fake.options_.direct_pages) {
    return fake.breach("cuMemCreate: network cards cannot reach pages of this device", CUDA_ERROR_NOT_SUPPORTED);
  }
  if (!fake.take(device, bytes)) return CUDA_ERROR_OUT_OF_MEMORY;
  *handle = ++fake.last_handle_;
  fake.physical_[*handle] = {.offset = fake.file_end_, .bytes = bytes, .device = device, .direct = direct};
  fake.file_end_ += bytes;
  return CUDA_SUCCESS;
}

CUresult Calls::release(CUmemGenericAllocationHandle handle) {
  FAKE_ENTER("cuMemRelease", true);
  const auto found = fake.physical_.find(handle);
  if (found == fake.physical_.end()) return fake.breach("cuMemRelease: no such handle, or released before");
  if (found->second.mapped != 0) return fake.breach("cuMemRelease: the handle is mapped still");
  fallocate(fake.memory_file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(found->second.offset),
            static_cast<off_t>(found->second.bytes));
  fake.used_[static_cast<std::size_t>(found->second.device)] -= found->second.bytes;
  fake.physical_.erase(found);
  return CUDA_SUCCESS;
}

CUresult Calls::map(CUdeviceptr address, std::size_t bytes, std::size_t offset, CUmemGenericAllocationHandle handle,
                    unsigned long long flags) {
  FAKE_ENTER("cuMemMap", true);
  const auto found = fake.physical_.find(handle);
  if (found == fake.physical_.end()) return fake.breach("cuMemMap: no such handle");
  Fake::Physical& physical = found->second;
  if (offset != 0 || flags != 0 || bytes != physical.bytes || address % fake.granularity_of(physical.device) != 0) {
    return fake.breach("cuMemMap: a handle is mapped whole, at a multiple of the granularity");
  }
  if (physical.mapped != 0) return fake.breach("cuMemMap: the handle is mapped already");
  auto range = fake.ranges_.upper_bound(address);
  if (range == fake.ranges_.begin() || address + bytes > (--range)->first + range->second) {
    return fake.breach("cuMemMap: outside of every reserved range");
  }
  const auto next = fake.mappings_.lower_bound(address);
  const bool hit = next != fake.mappings_.end() && next->first < address + bytes;
  const bool hit_before =
      next != fake.mappings_.begin() && std::prev(next)->first + std::prev(next)->second.bytes > address;
  if (hit || hit_before) return fake.breach("cuMemMap: something is mapped there already");
  void* mapped = mmap(pointer(address), bytes, PROT_NONE, MAP_SHARED | MAP_FIXED, fake.memory_file_,
                      static_cast<off_t>(physical.offset));
  if (mapped == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  physical.mapped = address;
  fake.mappings_[address] = {.handle = handle, .bytes = bytes};
  return CUDA_SUCCESS;
}

CUresult Calls::unmap(CUdeviceptr address, std::size_t bytes) {
  FAKE_ENTER("cuMemUnmap", true);
  if (fake.whole_mappings_end(address, bytes) != address + bytes || bytes == 0) {
    return fake.breach("cuMemUnmap: not whole mappings, side by side, or unmapped before");
  }
  toll.cover(fake.mappings_in(address, bytes));
  if (fake.busy(address, bytes)) return fake.breach("cuMemUnmap: queued work uses the memory");
  static_cast<void>(
      mmap(pointer(address), bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0));
  const auto first = fake.mappings_.find(address);
  const auto past = fake.mappings_.lower_bound(address + bytes);
  for (auto mapping = first; mapping != past; ++mapping) fake.physical_.at(mapping->second.handle).mapped = 0;
  fake.mappings_.erase(first, past);
  return CUDA_SUCCESS;
}

CUresult Calls::set_access(CUdeviceptr address, std::size_t bytes, const CUmemAccessDesc* access, std::size_t count) {
  FAKE_ENTER("cuMemSetAccess", true);
  const CUdeviceptr reached = fake.whole_mappings_end(address, bytes);
  if (reached != address + bytes || bytes == 0) return fake.breach("cuMemSetAccess: not whole mappings, side by side");
  const int owner = fake.device_at(address);
  std::set<int> devices;
  for (const CUmemAccessDesc& each : std::span(access, count)) {
    const int device = each.location.id;
    if (each.location.type != CU_MEM_LOCATION_TYPE_DEVICE || device < 0 || device >= fake.options_.devices ||
        each.flags != CU_MEM_ACCESS_FLAGS_PROT_READWRITE) {
      return fake.breach("cuMemSetAccess: not for a device, to read and write", CUDA_ERROR_INVALID_DEVICE);
    }
    if (device != owner && !fake.options_.peers) {
      return fake.breach("cuMemSetAccess: for a device that cannot reach the memory", CUDA_ERROR_INVALID_DEVICE);
    }
    if (address % fake.granularity_of(device) != 0 || bytes % fake.granularity_of(device) != 0) {
      return fake.breach("cuMemSetAccess: not a multiple of a device's granularity");
    }
    if (!devices.insert(device).second) return fake.breach("cuMemSetAccess: a device is named twice");
  }
  toll.cover(fake.mappings_in(address, bytes));
  if (mprotect(pointer(address), bytes, PROT_READ | PROT_WRITE) != 0) return CUDA_ERROR_OUT_OF_MEMORY;
  for (auto mapping = fake.mappings_.find(address); mapping != fake.mappings_.end() && mapping->first < reached;
       ++mapping) {
    mapping->second.accessible.insert(devices.begin(), devices.end());
  }
  return CUDA_SUCCESS;
}

CUresult Calls::allocate(CUdeviceptr* start, std::size_t bytes) {
  FAKE_ENTER("cuMemAlloc", true);
  if (fake.forbidden_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (bytes == 0) return fake.breach("cuMemAlloc: no bytes");
  const int device = device_of(current_context());
  if (!fake.take(device, bytes)) return CUDA_ERROR_OUT_OF_MEMORY;
  constexpr std::uint64_t odd = 256;
  constexpr std::uint64_t large = std::uint64_t{2} << 20;
  const std::uint64_t raw_bytes = (bytes + odd + 4095) / 4096 * 4096;
  void* raw = pointer(address_space(raw_bytes, bytes >= large ? large : 4096));
  if (raw == nullptr || mprotect(raw, raw_bytes, PROT_READ | PROT_WRITE) != 0) return CUDA_ERROR_OUT_OF_MEMORY;
  *start = reinterpret_cast<std::uint64_t>(raw) + (fake.options_.odd_segments ? odd : 0);
  fake.segments_[*start] = {.bytes = bytes, .device = device, .raw = raw, .raw_bytes = raw_bytes};
  return CUDA_SUCCESS;
}

CUresult Calls::free(CUdeviceptr start) {
  FAKE_ENTER("cuMemFree", true);
  if (fake.forbidden_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  const auto found = fake.segments_.find(start);
  if (found == fake.segments_.end()) return fake.breach("cuMemFree: no such memory, or freed before");
  const Fake::Segment segment = found->second;
  if (fake.busy(start, segment.bytes)) return fake.breach("cuMemFree: queued work uses the memory");
  munmap(segment.raw, segment.raw_bytes);
  fake.used_[static_cast<std::size_t>(segment.device)] -= segment.bytes;
  fake.segments_.erase(found);
  return CUDA_SUCCESS;
}

CUresult Calls::allocate_host(void** start, std::size_t bytes, unsigned flags) {
  FAKE_ENTER("cuMemHostAlloc", true);
  if (fake.forbidden_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (bytes == 0 || flags != CU_MEMHOSTALLOC_PORTABLE) return fake.breach("cuMemHostAlloc: not for all contexts");
  void* raw = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  *start = raw;
  fake.pinned_.emplace(reinterpret_cast<std::uint64_t>(raw), bytes);
  return CUDA_SUCCESS;
}

CUresult Calls::free_host(void* start) {
  FAKE_ENTER("cuMemFreeHost", true);
  if (fake.forbidden_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  const auto found = fake.pinned_.find(reinterpret_cast<std::uint64_t>(start));
  if (found == fake.pinned_.end()) return fake.breach("cuMemFreeHost: no such memory, or freed before");
  if (fake.busy(found->first, found->second)) return fake.breach("cuMemFreeHost: queued work uses the memory");
  munmap(start, found->second);
  fake.pinned_.erase(found);
  return CUDA_SUCCESS;
}

}  // namespace weir::fake_cuda
