#include "backend/cuda/driver.hpp"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>

namespace weir::backend::cuda {
namespace {

constexpr int oldest = 12000;  // CUDA 12.0: the first with cuGetProcAddress_v2
constexpr const char* library_name = "libcuda.so.1";

std::atomic<bool> past_main{false};

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string too_old(int version) {
  return "driver too old: it is for CUDA " + version_text(version) + ", and weir needs " + version_text(oldest) +
         " or newer";
}

// A function of `type`, out of what dlsym() and the driver give as plain pointers.
template <class Type>
Type function(void* found) {
  return reinterpret_cast<Type>(found);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast): as POSIX has it
}

Found load() {
  void* library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);  // never closed: its threads may run until the exit
  if (library == nullptr) {
    const char* reason = dlerror();
    const std::string text = reason == nullptr ? "" : reason;
    const bool missing = text.find("No such file") != std::string::npos;
    return {.why_none = missing ? std::string("no driver: ") + library_name + " is not on this machine"
                                : "the driver does not load: " + text};
  }
  if (auto version = function<decltype(&::cuDriverGetVersion)>(dlsym(library, "cuDriverGetVersion"))) {
    int number = 0;
    // The stub that the toolkit links against answers so here already.
    if (version(&number) == CUDA_ERROR_STUB_LIBRARY) {
      return {.why_none = "stub: the toolkit's libcuda, which only serves to link, was found in place of a driver"};
    }
    if (number != 0 && number < oldest) return {.why_none = too_old(number)};
  }
  using Lookup = decltype(&::cuGetProcAddress);
  const auto look_up = function<Lookup>(dlsym(library, "cuGetProcAddress_v2"));
  if (look_up == nullptr) {
    return {.why_none = "driver too old: it has no cuGetProcAddress_v2, which came with CUDA " + version_text(oldest)};
  }
  static Driver table;  // trivially destroyed
  std::string missing;
  const auto resolve = [&](auto& member, const char* name) {
    void* found = nullptr;
    CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SUCCESS;
    const CUresult code = look_up(name, &found, oldest, CU_GET_PROC_ADDRESS_LEGACY_STREAM, &status);
    // The toolkit's stub answers look-ups with its own code, and holds every name.
    if (code != CUDA_SUCCESS || found == nullptr)
      found = code == CUDA_ERROR_STUB_LIBRARY ? dlsym(library, name) : nullptr;
    if (found == nullptr && missing.empty()) missing = name;
    member = function<std::remove_reference_t<decltype(member)>>(found);
  };
#define WEIR_CUDA_RESOLVE(member, name) resolve(table.member, #name);
  WEIR_CUDA_CALLS(WEIR_CUDA_RESOLVE)
#undef WEIR_CUDA_RESOLVE
  if (table.init != nullptr && table.init(0) == CUDA_ERROR_STUB_LIBRARY) {
    return {.why_none = "stub: the toolkit's libcuda, which only serves to link, was found in place of a driver"};
  }
  if (!missing.empty()) return {.why_none = "driver too old: it has no " + missing};
  // Registered after the driver's own, so it runs before the driver takes itself down.
  std::atexit([] { past_main = true; });
  return examine(table);
}

}  // namespace

Found examine(const Driver& driver) {
  const CUresult started = driver.init(0);
  if (started == CUDA_ERROR_STUB_LIBRARY) {
    return {.why_none = "stub: the toolkit's libcuda, which only serves to link, was found in place of a driver"};
  }
  if (started == CUDA_ERROR_NO_DEVICE) return {.why_none = "no device: the driver is there, and finds no GPU"};
  if (started != CUDA_SUCCESS) {
    return {.why_none = "the driver does not start: cuInit gave " + name_of(driver, started)};
  }
  int version = 0;
  if (const CUresult code = driver.driver_version(&version); code != CUDA_SUCCESS) {
    return {.why_none = "the driver does not say its version: " + name_of(driver, code)};
  }
  if (version < oldest) return {.why_none = too_old(version)};
  int devices = 0;
  if (const CUresult code = driver.device_count(&devices); code != CUDA_SUCCESS) {
    return {.why_none = "the driver does not count its devices: " + name_of(driver, code)};
  }
  if (devices == 0) return {.why_none = "no device: the driver is there, and finds no GPU"};
  return {.driver = &driver, .devices = devices};
}

const Found& system_driver() {
  static const Found* found = new Found(load());  // outlives everything that is destroyed at the exit
  return *found;
}

std::string name_of(const Driver& driver, CUresult code) {
  const char* text = nullptr;
  if (driver.error_name != nullptr && driver.error_name(code, &text) == CUDA_SUCCESS && text != nullptr) {
    return std::string(text) + " (" + std::to_string(static_cast<int>(code)) + ")";
  }
  return "error " + std::to_string(static_cast<int>(code));
}

bool exiting() noexcept { return past_main.load(std::memory_order_relaxed); }

}  // namespace weir::backend::cuda
