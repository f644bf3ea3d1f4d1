// The functions of the driver's table, on the fake in force: devices, contexts,
// streams, events and work. Those for memory are in fake_memory.cpp.
#include <cstring>
#include <utility>

#include "fake_cuda/fake_calls.hpp"

namespace weir::fake_cuda {

// --- The driver and its devices ---

CUresult Calls::init(unsigned) {
  const Fake& fake = *current_fake();
  return fake.options_.start;
}

CUresult Calls::driver_version(int* version) {
  FAKE_ENTER("cuDriverGetVersion", false);
  *version = fake.options_.version;
  return CUDA_SUCCESS;
}

CUresult Calls::error_name(CUresult code, const char** name) {
  switch (code) {
    case CUDA_ERROR_INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; return CUDA_SUCCESS;
    case CUDA_ERROR_OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; return CUDA_SUCCESS;
    case CUDA_ERROR_ILLEGAL_ADDRESS: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; return CUDA_SUCCESS;
    case CUDA_ERROR_UNKNOWN: *name = "CUDA_ERROR_UNKNOWN"; return CUDA_SUCCESS;
    default: return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult Calls::device_count(int* count) {
  FAKE_ENTER("cuDeviceGetCount", false);
  *count = fake.options_.devices;
  return CUDA_SUCCESS;
}

CUresult Calls::device_get(CUdevice* device, int ordinal) {
  FAKE_ENTER("cuDeviceGet", false);
  if (ordinal < 0 || ordinal >= fake.options_.devices) return CUDA_ERROR_INVALID_DEVICE;
  *device = ordinal;
  return CUDA_SUCCESS;
}

CUresult Calls::device_name(char* name, int most, CUdevice device) {
  FAKE_ENTER("cuDeviceGetName", false);
  const std::string text = "Fake GPU " + std::to_string(device);
  std::strncpy(name, text.c_str(), static_cast<std::size_t>(most) - 1);
  name[most - 1] = '\0';
  return CUDA_SUCCESS;
}

CUresult Calls::device_memory(std::size_t* bytes, CUdevice) {
  FAKE_ENTER("cuDeviceTotalMem", false);
  *bytes = fake.options_.memory;
  return CUDA_SUCCESS;
}

CUresult Calls::device_attribute(int* value, CUdevice_attribute which, CUdevice) {
  FAKE_ENTER("cuDeviceGetAttribute", false);
  *value = which == CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED && fake.options_.virtual_memory ? 1 : 0;
  return CUDA_SUCCESS;
}

// --- Contexts ---

CUresult Calls::context_retain(CUcontext* context, CUdevice device) {
  FAKE_ENTER("cuDevicePrimaryCtxRetain", false);
  if (fake.retained_[static_cast<std::size_t>(device)]++ == 0) ++fake.contexts_made_;
  *context = context_of(device);
  return CUDA_SUCCESS;
}

CUresult Calls::context_release(CUdevice device) {
  FAKE_ENTER("cuDevicePrimaryCtxRelease", false);
  int& retained = fake.retained_[static_cast<std::size_t>(device)];
  if (retained == 0) return fake.breach("a context is released more often than it was retained");
  --retained;
  return CUDA_SUCCESS;
}

CUresult Calls::context_current(CUcontext* context) {
  *context = current_context();
  return CUDA_SUCCESS;
}

CUresult Calls::context_push(CUcontext context) {
  ThreadState& here = this_thread();
  if (here.depth == here.contexts.size()) return CUDA_ERROR_INVALID_VALUE;
  here.contexts[here.depth++] = context;
  return CUDA_SUCCESS;
}

CUresult Calls::context_pop(CUcontext* context) {
  if (this_thread().depth == 0) return CUDA_ERROR_INVALID_CONTEXT;
  *context = current_context();
  --this_thread().depth;
  return CUDA_SUCCESS;
}

CUresult Calls::exchange_capture_mode(CUstreamCaptureMode* mode) {
  std::swap(*mode, this_thread().mode);
  return CUDA_SUCCESS;
}

// --- Streams ---

CUresult Calls::stream_create(CUstream* handle, unsigned flags) {
  FAKE_ENTER("cuStreamCreate", true);
  if (flags != CU_STREAM_NON_BLOCKING) return fake.breach("weir's streams are non-blocking ones");
  auto made = std::make_shared<Stream>(fake.gate_, device_of(current_context()), false);
  *handle = reinterpret_cast<CUstream>(made.get());
  fake.streams_.emplace(*handle, std::move(made));
  return CUDA_SUCCESS;
}

CUresult Calls::stream_destroy(CUstream handle) {
  std::vector<std::shared_ptr<Stream>> gone;  // joined after the lock
  FAKE_ENTER("cuStreamDestroy", true);
  const auto ended = fake.stream(handle);
  if (!ended || fake.streams_.erase(handle) == 0) return CUDA_ERROR_INVALID_HANDLE;
  ended->close();
  fake.ended_.push_back(ended);
  std::erase_if(fake.ended_, [&](const std::shared_ptr<Stream>& each) {
    if (!each->done(each->submitted())) return false;
    gone.push_back(each);
    return true;
  });
  return CUDA_SUCCESS;
}

CUresult Calls::stream_synchronize(CUstream handle) {
  Point last;
  {
    FAKE_ENTER("cuStreamSynchronize", true);
    const auto found = fake.stream(handle);
    if (!found) return CUDA_ERROR_INVALID_HANDLE;
    if (found->capturing) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    last = {found, found->submitted()};
  }
  last.wait();
  return CUDA_SUCCESS;
}

CUresult Calls::stream_wait(CUstream handle, CUevent event, unsigned flags) {
  FAKE_ENTER("cuStreamWaitEvent", true);
  const auto point = fake.events_.find(event);
  if (point == fake.events_.end() || flags != 0) return fake.breach("a stream waits for what is no event");
  const auto on = fake.stream(handle);
  if (!on) return CUDA_ERROR_INVALID_HANDLE;
  if (on->capturing && !point->second.captured) {
    on->broken = true;
    return fake.breach("a captured stream waits for an event from outside", CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
  }
  return fake.queue(handle, {.run = [before = point->second] { before.wait(); }});
}

CUresult Calls::stream_capturing(CUstream handle, CUstreamCaptureStatus* status) {
  FAKE_ENTER("cuStreamIsCapturing", true);
  const auto found = fake.stream(handle);
  if (!found) return CUDA_ERROR_INVALID_HANDLE;
  *status = found->capturing ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
  if (handle != CU_STREAM_LEGACY) return CUDA_SUCCESS;
  for (const auto& [other, each] : fake.streams_) {
    if (each->blocking() && each->capturing) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  }
  return CUDA_SUCCESS;
}

CUresult Calls::stream_context(CUstream handle, CUcontext* context) {
  FAKE_ENTER("cuStreamGetCtx", true);
  const auto found = fake.streams_.find(handle);
  if (found == fake.streams_.end()) return CUDA_ERROR_INVALID_HANDLE;
  *context = context_of(found->second->device());
  return CUDA_SUCCESS;
}

// --- Events ---

CUresult Calls::event_create(CUevent* event, unsigned flags) {
  FAKE_ENTER("cuEventCreate", true);
  if (flags != CU_EVENT_DISABLE_TIMING) return fake.breach("an event that times costs more than weir needs");
  *event = reinterpret_cast<CUevent>(++fake.last_handle_);
  fake.events_[*event] = {};
  return CUDA_SUCCESS;
}

CUresult Calls::event_destroy(CUevent event) {
  FAKE_ENTER("cuEventDestroy", true);
  if (fake.events_.erase(event) == 0) return fake.breach("an event is destroyed twice");
  return CUDA_SUCCESS;
}

CUresult Calls::event_record(CUevent event, CUstream handle) {
  FAKE_ENTER("cuEventRecord", true);
  const auto found = fake.events_.find(event);
  if (found == fake.events_.end()) return fake.breach("an event is recorded that was destroyed");
  const auto on = fake.stream(handle);
  if (!on) return CUDA_ERROR_INVALID_HANDLE;
  if (on->capturing) {
    on->broken = true;
    return fake.breach("an event is recorded on a captured stream");
  }
  const bool legacy = handle == nullptr || handle == CU_STREAM_LEGACY;
  if (legacy && !fake.blocking_streams_idle()) {
    if (const CUresult code = fake.queue(handle, {.run = [] {}}); code != CUDA_SUCCESS) return code;
  }
  found->second = {.stream = on, .position = on->submitted()};
  if (const auto lateness = fake.model_.event; lateness.count() != 0) {
    found->second.arrival = on->watch();
    found->second.lateness = lateness;
  }
  return CUDA_SUCCESS;
}

CUresult Calls::event_query(CUevent event) {
  FAKE_ENTER("cuEventQuery", true);
  if (fake.forbidden_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  const auto found = fake.events_.find(event);
  if (found == fake.events_.end()) return fake.breach("an event is queried that was destroyed");
  return found->second.done() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

// --- Work ---

CUresult Calls::launch_host(CUstream handle, CUhostFn function, void* data) {
  FAKE_ENTER("cuLaunchHostFunc", true);
  return fake.queue(handle, {.run = [=] { function(data); }});
}

CUresult Calls::fill(CUdeviceptr address, unsigned char value, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemsetD8Async", true);
  if (!fake.reachable(address, bytes)) return fake.breach("a fill leaves the accessible memory");
  return fake.queue(handle, {.run = [=] { std::memset(reinterpret_cast<void*>(address), value, bytes); },
                             .uses = {{address, bytes}}});
}

// One piece of memory to another, with all that it touches.
CUresult Calls::move(Fake& fake, std::uint64_t to, std::uint64_t from, std::size_t bytes, CUstream handle) {
  const auto copy = [=] { std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes); };
  return fake.queue(handle, {.run = copy, .uses = {{to, bytes}, {from, bytes}}});
}

CUresult Calls::upload(CUdeviceptr to, const void* from, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyHtoDAsync", true);
  if (!fake.reachable(to, bytes)) return fake.breach("an upload leaves the accessible memory");
  if (!fake.pinned(from, bytes)) return fake.breach("an upload from memory that is not pinned");
  return move(fake, to, reinterpret_cast<std::uint64_t>(from), bytes, handle);
}

CUresult Calls::download(void* to, CUdeviceptr from, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyDtoHAsync", true);
  if (!fake.reachable(from, bytes)) return fake.breach("a download leaves the accessible memory");
  if (!fake.pinned(to, bytes)) return fake.breach("a download to memory that is not pinned");
  return move(fake, reinterpret_cast<std::uint64_t>(to), from, bytes, handle);
}

CUresult Calls::copy(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyDtoDAsync", true);
  if (!fake.reachable(to, bytes) || !fake.reachable(from, bytes)) {
    return fake.breach("a copy leaves the accessible memory");
  }
  return move(fake, to, from, bytes, handle);
}

CUresult Calls::copy_peer(CUdeviceptr to, CUcontext, CUdeviceptr from, CUcontext, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyPeerAsync", true);
  if (!fake.reachable(to, bytes) || !fake.reachable(from, bytes)) {
    return fake.breach("a copy between devices leaves the accessible memory");
  }
  return move(fake, to, from, bytes, handle);
}

const backend::cuda::Driver& Fake::table() {
  static const backend::cuda::Driver driver = [] {
    backend::cuda::Driver filled;
#define FAKE_CALL(member, name) filled.member = &Calls::member;
    WEIR_CUDA_CALLS(FAKE_CALL)
#undef FAKE_CALL
    return filled;
  }();
  return driver;
}

}  // namespace weir::fake_cuda
