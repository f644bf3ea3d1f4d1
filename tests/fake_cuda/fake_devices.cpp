// The driver and its devices, and their contexts: as fake_calls.cpp.
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
  switch (which) {
    case CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED: *value = fake.options_.virtual_memory ? 1 : 0; break;
    case CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED:
      *value = fake.options_.direct_pages ? 1 : 0;
      break;
    default: *value = 0;
  }
  return CUDA_SUCCESS;
}

CUresult Calls::peer_reaches(int* reaches, CUdevice device, CUdevice peer) {
  FAKE_ENTER("cuDeviceCanAccessPeer", false);
  *reaches = fake.options_.peers && device != peer ? 1 : 0;
  return CUDA_SUCCESS;
}

// --- Contexts ---

CUresult Calls::context_retain(CUcontext* context, CUdevice device) {
  FAKE_ENTER("cuDevicePrimaryCtxRetain", false);
  if (fake.retained_[static_cast<std::size_t>(device)]++ == 0) ++fake.contexts_made_;
  fake.destroyed_[static_cast<std::size_t>(device)] = false;
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
  FAKE_ENTER("cuCtxGetCurrent", false);
  *context = current_context();
  return CUDA_SUCCESS;
}

CUresult Calls::context_push(CUcontext context) {
  FAKE_ENTER("cuCtxPushCurrent", false);
  if (fake.destroyed_[static_cast<std::size_t>(device_of(context))]) return CUDA_ERROR_INVALID_CONTEXT;
  ThreadState& here = this_thread();
  if (here.depth == here.contexts.size()) return CUDA_ERROR_INVALID_VALUE;
  here.contexts[here.depth++] = context;
  return CUDA_SUCCESS;
}

CUresult Calls::context_pop(CUcontext* context) {
  FAKE_ENTER("cuCtxPopCurrent", false);
  if (this_thread().depth == 0) return CUDA_ERROR_INVALID_CONTEXT;
  *context = current_context();
  --this_thread().depth;
  return CUDA_SUCCESS;
}

CUresult Calls::exchange_capture_mode(CUstreamCaptureMode* mode) {
  FAKE_ENTER("cuThreadExchangeStreamCaptureMode", false);
  std::swap(*mode, this_thread().mode);
  return CUDA_SUCCESS;
}

}  // namespace weir::fake_cuda
