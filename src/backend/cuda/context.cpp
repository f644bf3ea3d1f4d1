#include "backend/cuda/context.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

namespace weir::backend::cuda {
namespace {

constexpr std::uint64_t usual_page = std::uint64_t{2} << 20;

constinit thread_local bool on_driver_thread = false;

// After one of these the context answers every call with it: its memory and work are gone.
bool is_loss(CUresult code) noexcept {
  switch (code) {
    case CUDA_ERROR_DEINITIALIZED:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case CUDA_ERROR_CONTAINED:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_INVALID_CONTEXT:  // weir's was valid: somebody reset the device
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
  info.index = static_cast<std::size_t>(ordinal);
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

Context::Context(const Driver& driver, int ordinal, bool peers) : driver_(driver), info_(describe(driver, ordinal)) {
  check(driver_.device_get(&device_, ordinal), "cuDeviceGet");
  users_.push_back(device_);
  if (info_.virtual_memory) {
    direct_pages_ = attribute(driver_, device_, CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED) != 0;
    if (peers) add_peers();
  }
  check(driver_.context_retain(&handle_, device_), "cuDevicePrimaryCtxRetain");
}

Context::~Context() {
  if (!exiting() && !released_) static_cast<void>(driver_.context_release(device_));
}

bool Context::let_go() noexcept {
  if (!lost() || exiting()) return false;
  if (!released_.exchange(true)) static_cast<void>(driver_.context_release(device_));
  return true;
}

// A page is a multiple of what each device maps: both are powers of two.
void Context::add_peers() {
  int count = 0;
  check(driver_.device_count(&count), "cuDeviceGetCount");
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    CUdevice peer = 0;
    check(driver_.device_get(&peer, ordinal), "cuDeviceGet");
    if (peer == device_) continue;
    int reaches = 0;
    check(driver_.peer_reaches(&reaches, peer, device_), "cuDeviceCanAccessPeer");
    const std::uint64_t page = granularity(driver_, peer);
    if (reaches == 0 || page == 0) continue;
    users_.push_back(peer);
    info_.page_bytes = std::max(info_.page_bytes, page);
  }
}

DeviceInfo Context::info() const {
  DeviceInfo now = info_;
  const Current current(*this, std::nothrow);
  if (!current) return now;
  std::size_t free = 0;
  std::size_t total = 0;
  const CUresult code = driver_.memory_info(&free, &total);
  note(code, "cuMemGetInfo");
  if (code == CUDA_SUCCESS) now.memory_free = free;
  return now;
}

void Context::note(CUresult code, const Call& call) const noexcept {
  count(call.purpose);
  remember(code, call.name);
}

void Context::remember(CUresult code, const char* call) const noexcept {
  if (code == CUDA_SUCCESS) [[likely]]
    return;
  if (is_loss(code)) lost_ = true;
  int none = 0;
  if (late_code_.compare_exchange_strong(none, static_cast<int>(code))) late_call_ = call;
}

// Why no call may be made.
void Context::refuse() const {
  if (exiting())
    throw DeviceLost(info_.name + ": the program is past main(), where CUDA may be gone", {.name = "exit"});
  if (on_driver_thread) {
    throw Unsupported(info_.name + ": CUDA allows no call from a host function; make it on a thread of the program",
                      {.name = "run", .native_code = CUDA_ERROR_NOT_PERMITTED});
  }
  throw DeviceLost(info_.name + ": the device was lost before; open it anew", {.name = "device"});
}

void Context::check_shared(CUresult code, const Call& call, std::uint64_t bytes) const {
  std::size_t free = 0;
  std::size_t total = 0;
  if (is_loss(code) && driver_.memory_info(&free, &total) == CUDA_SUCCESS) {
    count(call.purpose);
    throw DriverError(failed(code, call.name, bytes) + "; this device is not lost, another one may be",
                      {.name = call.name, .native_code = static_cast<int>(code)});
  }
  check(code, call, bytes);
}

std::string Context::failed(CUresult code, const char* call, std::uint64_t bytes) const {
  std::string text = info_.name + ": " + call;
  if (bytes != 0) text += " of " + format_bytes(bytes);
  return text + " failed with " + name_of(driver_, code);
}

void Context::raise(CUresult code, const char* call, std::uint64_t bytes) const {
  std::string text = failed(code, call, bytes);
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
  if (is_loss(code)) lost_ = true;
  if (is_loss(code)) throw DeviceLost(text + "; the device's memory and work are gone", facts);
  if (code == CUDA_ERROR_NOT_SUPPORTED) throw Unsupported(text, facts);
  throw DriverError(text, facts);
}

OnDriverThread::OnDriverThread() noexcept { on_driver_thread = true; }
OnDriverThread::~OnDriverThread() { on_driver_thread = false; }

Current::Current(const Context& context) : context_(context) {
  if (exiting() || on_driver_thread || context.lost()) [[unlikely]]
    context.refuse();
  if (const Failure failure = enter(); failure.code != CUDA_SUCCESS) context.raise(failure.code, failure.call, 0);
}

Current::Current(const Context& context, const std::nothrow_t&) noexcept : context_(context) {
  if (exiting() || context.lost()) return;
  const Failure failure = on_driver_thread ? Failure{CUDA_ERROR_NOT_PERMITTED, "a call from a host function"} : enter();
  if (failure.code != CUDA_SUCCESS) context.remember(failure.code, failure.call);
}

Current::Failure Current::enter() noexcept {
  const Driver& driver = context_.driver();
  CUcontext was = nullptr;
  if (const CUresult code = driver.context_current(&was); code != CUDA_SUCCESS) return {code, "cuCtxGetCurrent"};
  if (was != context_.handle()) {
    const CUresult code = driver.context_push(context_.handle());
    if (code != CUDA_SUCCESS) return {code, "cuCtxPushCurrent"};
    pushed_ = true;
  }
  if (const CUresult code = driver.exchange_capture_mode(&mode_); code != CUDA_SUCCESS) {
    leave();
    return {code, "cuThreadExchangeStreamCaptureMode"};
  }
  stands_ = true;
  return {};
}

void Current::leave() noexcept {
  CUcontext own = nullptr;
  if (pushed_) context_.remember(context_.driver().context_pop(&own), "cuCtxPopCurrent");
}

Current::~Current() {
  if (!stands_) return;
  context_.remember(context_.driver().exchange_capture_mode(&mode_), "cuThreadExchangeStreamCaptureMode");
  leave();
}

}  // namespace weir::backend::cuda
