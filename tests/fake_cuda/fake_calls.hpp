// The functions behind the fake driver's table, with the driver's own types.
#pragma once

#include "fake_cuda/fake_cuda.hpp"
#include "fake_cuda/fake_thread.hpp"

namespace weir::fake_cuda {

/// What a call costs, by its name: paid at the call's end, when the fake's lock is free again.
class Toll {
 public:
  Toll(Fake& fake, const char* call) : fake_(fake), call_(call) {}
  Toll(const Toll&) = delete;
  Toll& operator=(const Toll&) = delete;
  ~Toll();
  /// How many handles the call covers, where it may be more than one.
  void cover(std::uint64_t handles) noexcept { handles_ = handles; }

 private:
  Fake& fake_;
  const char* const call_;
  std::uint64_t handles_ = 1;
};

// The beginning of each call: the fake in force, under its lock; returns at once where it has to.
#define FAKE_ENTER(name, needs_context)                     \
  Fake& fake = *current_fake();                             \
  fake.meet(name);                                          \
  [[maybe_unused]] Toll toll(fake, name);                   \
  [[maybe_unused]] const std::lock_guard lock(fake.mutex_); \
  if (const CUresult early = fake.enter(name, needs_context); early != CUDA_SUCCESS) return early

struct Calls {
  static CUresult init(unsigned flags);
  static CUresult driver_version(int* version);
  static CUresult error_name(CUresult code, const char** name);
  static CUresult device_count(int* count);
  static CUresult device_get(CUdevice* device, int ordinal);
  static CUresult device_name(char* name, int most, CUdevice device);
  static CUresult device_memory(std::size_t* bytes, CUdevice device);
  static CUresult device_attribute(int* value, CUdevice_attribute which, CUdevice device);
  static CUresult peer_reaches(int* reaches, CUdevice device, CUdevice peer);
  static CUresult context_retain(CUcontext* context, CUdevice device);
  static CUresult context_release(CUdevice device);
  static CUresult context_current(CUcontext* context);
  static CUresult context_push(CUcontext context);
  static CUresult context_pop(CUcontext* context);
  static CUresult exchange_capture_mode(CUstreamCaptureMode* mode);

  static CUresult memory_info(std::size_t* free, std::size_t* total);
  static CUresult granularity(std::size_t* bytes, const CUmemAllocationProp* wanted,
                              CUmemAllocationGranularity_flags flags);
  static CUresult reserve(CUdeviceptr* start, std::size_t bytes, std::size_t alignment, CUdeviceptr hint,
                          unsigned long long flags);
  static CUresult unreserve(CUdeviceptr start, std::size_t bytes);
  static CUresult create(CUmemGenericAllocationHandle* handle, std::size_t bytes, const CUmemAllocationProp* wanted,
                         unsigned long long flags);
  static CUresult release(CUmemGenericAllocationHandle handle);
  static CUresult map(CUdeviceptr address, std::size_t bytes, std::size_t offset, CUmemGenericAllocationHandle handle,
                      unsigned long long flags);
  static CUresult unmap(CUdeviceptr address, std::size_t bytes);
  static CUresult set_access(CUdeviceptr address, std::size_t bytes, const CUmemAccessDesc* access, std::size_t count);
  static CUresult allocate(CUdeviceptr* start, std::size_t bytes);
  static CUresult free(CUdeviceptr start);
  static CUresult allocate_host(void** start, std::size_t bytes, unsigned flags);
  static CUresult free_host(void* start);

  static CUresult stream_create(CUstream* handle, unsigned flags);
  static CUresult stream_destroy(CUstream handle);
  static CUresult stream_synchronize(CUstream handle);
  static CUresult stream_wait(CUstream handle, CUevent event, unsigned flags);
  static CUresult stream_capturing(CUstream handle, CUstreamCaptureStatus* status);
  static CUresult stream_context(CUstream handle, CUcontext* context);
  static CUresult stream_capture_info(CUstream handle, CUstreamCaptureStatus* status, cuuint64_t* id, CUgraph* graph,
                                      const CUgraphNode** dependencies, std::size_t* count);
  static CUresult event_create(CUevent* event, unsigned flags);
  static CUresult event_destroy(CUevent event);
  static CUresult event_record(CUevent event, CUstream handle);
  static CUresult event_query(CUevent event);

  static CUresult launch_host(CUstream handle, CUhostFn function, void* data);
  static CUresult fill(CUdeviceptr address, unsigned char value, std::size_t bytes, CUstream handle);
  static CUresult upload(CUdeviceptr to, const void* from, std::size_t bytes, CUstream handle);
  static CUresult download(void* to, CUdeviceptr from, std::size_t bytes, CUstream handle);
  static CUresult copy(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream handle);
  static CUresult copy_peer(CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context,
                            std::size_t bytes, CUstream handle);

  static CUresult object_create(CUuserObject* object, void* data, CUhostFn destroy, unsigned references,
                                unsigned flags);
  static CUresult object_release(CUuserObject object, unsigned count);
  static CUresult graph_retain_object(CUgraph graph, CUuserObject object, unsigned count, unsigned flags);

 private:
  static CUresult move(Fake& fake, std::uint64_t to, std::uint64_t from, std::size_t bytes, CUstream handle);
};

}  // namespace weir::fake_cuda
