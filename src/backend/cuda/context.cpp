#include "backend/cuda/context.hpp"

#include <array>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::cuda {
namespace {

constexpr std::uint64_t usual_page = std::uint64_t{2} << 20;

// After one of these the context answers every call with it: its memory and work are gone.
bool is_loss(CUresult code) noexcept {
  switch (code) {
    case CUDA_ERROR_DEINITIALIZED:
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case CUDA_ERROR_CONTAINED:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_TENSOR_MEMORY_LEAK:
    case CUDA_ERROR_MPS_CLIENT_TERMINATED:
    case CUDA_ERROR_EXTERNAL_DEVICE: return true;
    default: return false;
  }
}

int attribute(const Driver& driver, CUdevice device, CUdevice_attribute which) {
  int value = 0;
  // What a driver does not know of, the device does not have.
  return driver.device_attribute(&value, which, device) == CUDA_SUCCESS ? value : 0;
}

std::uint64_t granularity(const Driver& driver, CUdevice device) {
  CUmemAllocationProp wanted{};
  wanted.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  wanted.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  wanted.location.id = device;
  std::size_t bytes = 0;
  const CUresult code = driver.granularity(&bytes, &wanted, CU_MEM_ALLOC_GRANULARITY_RECOMMENDED);
  return code == CUDA_SUCCESS ? bytes : 0;
}

}  // namespace

DeviceInfo describe(const Driver& driver, int ordinal) {
  CUdevice device = 0;
  if (const CUresult code = driver.device_get(&device, ordinal); code != CUDA_SUCCESS) {
    throw DriverError("CUDA device " + std::to_string(ordinal) + ": cuDeviceGet gave " + name_of(driver, code),
                      {.name = "cuDeviceGet", .native_code = code});
  }
  DeviceInfo info;
  info.name = "CUDA device " + std::to_string(ordinal);
  info.backend = BackendKind::cuda;
  std::array<char, 256> name{};
  if (driver.device_name(name.data(), static_cast<int>(name.size()) - 1, device) == CUDA_SUCCESS) {
    info.name = name.data();
  }
  std::size_t total = 0;
  if (driver.device_memory(&total, device) == CUDA_SUCCESS) {
    info.memory_total = total;
    info.default_limit = total / 10 * 9;
  }
  info.unified_memory = false;  // device memory is not the host's to write, on integrated devices neither
  info.page_bytes = granularity(driver, device);
  const bool power_of_two = info.page_bytes != 0 && (info.page_bytes & (info.page_bytes - 1)) == 0;
  info.virtual_memory =
      power_of_two && attribute(driver, device, CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED) != 0;
  if (!info.virtual_memory) info.page_bytes = usual_page;
  return info;
}

Context::Context(const Driver& driver, int ordinal) : driver_(driver), info_(describe(driver, ordinal)) {
  check(driver_.device_get(&device_, ordinal), "cuDeviceGet");
  check(driver_.context_retain(&handle_, device_), "cuDevicePrimaryCtxRetain");
}

Context::~Context() {
  if (!exiting()) static_cast<void>(driver_.context_release(device_));
}

DeviceInfo Context::info() const {
  DeviceInfo now = info_;
  if (exiting()) return now;
  const Current current(*this);
  std::size_t free = 0;
  std::size_t total = 0;
  count(&device::DriverCalls::others);
  if (driver_.memory_info(&free, &total) == CUDA_SUCCESS) now.memory_free = free;
  return now;
}

void Context::note(CUresult code, const Call& call) const noexcept {
  count(call.purpose);
  if (code == CUDA_SUCCESS) [[likely]]
    return;
  int none = 0;
  if (late_code_.compare_exchange_strong(none, static_cast<int>(code))) late_call_ = call.name;
}

void Context::refuse() const {
  throw DeviceLost(info_.name + ": the program is past main(), where CUDA may be gone", {.name = "exit"});
}

void Context::raise(CUresult code, const char* call, std::uint64_t bytes) const {
  std::string text = info_.name + ": " + call;
  if (bytes != 0) text += " of " + format_bytes(bytes);
  text += " failed with " + name_of(driver_, code);
  ErrorFacts facts{.name = call, .native_code = static_cast<int>(code)};
  if (bytes != 0) facts.bytes_asked = bytes;
  if (const char* late = late_call_.exchange(nullptr)) {
    text += "; before that " + std::string(late) + " had failed with " +
            name_of(driver_, static_cast<CUresult>(late_code_.exchange(0)));
  }
  if (code == CUDA_ERROR_OUT_OF_MEMORY) {
    std::size_t free = 0;
    std::size_t total = 0;
    if (driver_.memory_info(&free, &total) == CUDA_SUCCESS) {
      text += "; " + format_bytes(free) + " are free of " + format_bytes(total);
      facts.free = free;
      facts.limit = total;
    }
    throw OutOfMemory(text, facts);
  }
  if (is_loss(code)) throw DeviceLost(text + "; the device's memory and work are gone", facts);
  if (code == CUDA_ERROR_NOT_SUPPORTED) throw Unsupported(text, facts);
  throw DriverError(text, facts);
}

Current::Current(const Context& context) : driver_(context.driver()) {
  CUcontext was = nullptr;
  // What fails here fails in the call that follows, whose code is checked.
  if (driver_.context_current(&was) != CUDA_SUCCESS || was != context.handle()) {
    pushed_ = driver_.context_push(context.handle()) == CUDA_SUCCESS;
  }
  exchanged_ = driver_.exchange_capture_mode(&mode_) == CUDA_SUCCESS;
}

Current::~Current() {
  if (exchanged_) static_cast<void>(driver_.exchange_capture_mode(&mode_));
  CUcontext own = nullptr;
  if (pushed_) static_cast<void>(driver_.context_pop(&own));
}

}  // namespace weir::backend::cuda
