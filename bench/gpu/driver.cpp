// Measures this machine's CUDA driver, and prints the file that `weir replay --driver` takes; rows for people go to
// stderr. Links nothing of weir's, so that it is built in seconds and runs before all else is.
//   weir_gpu_driver >FILE
#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "driver_costs.hpp"

namespace weir::bench::gpu {
namespace {

#define CALLS(CALL)                              \
  CALL(init, cuInit)                             \
  CALL(version, cuDriverGetVersion)              \
  CALL(device, cuDeviceGet)                      \
  CALL(device_name, cuDeviceGetName)             \
  CALL(context_retain, cuDevicePrimaryCtxRetain) \
  CALL(context_push, cuCtxPushCurrent)           \
  CALL(reserve, cuMemAddressReserve)             \
  CALL(unreserve, cuMemAddressFree)              \
  CALL(create, cuMemCreate)                      \
  CALL(release, cuMemRelease)                    \
  CALL(map, cuMemMap)                            \
  CALL(unmap, cuMemUnmap)                        \
  CALL(set_access, cuMemSetAccess)               \
  CALL(allocate, cuMemAlloc)                     \
  CALL(free, cuMemFree)                          \
  CALL(stream_create, cuStreamCreate)            \
  CALL(stream_destroy, cuStreamDestroy)          \
  CALL(event_create, cuEventCreate)              \
  CALL(event_destroy, cuEventDestroy)            \
  CALL(event_record, cuEventRecord)              \
  CALL(event_query, cuEventQuery)

// The names are cuda.h's macros, which give them their versions.
#define NAME(call) #call
#define VERSIONED(call) NAME(call)

/// The driver's own functions, found without linking it: it is not where the program is built.
struct Driver {
#define MEMBER(member, call) decltype(&::call) member = nullptr;
  CALLS(MEMBER)
#undef MEMBER

  Driver() {
    void* const library = dlopen("libcuda.so.1", RTLD_NOW);
    if (library == nullptr) throw std::runtime_error("libcuda.so.1 cannot be loaded: there is no CUDA driver");
#define FIND(member, call) find(library, VERSIONED(call), member);
    CALLS(FIND)
#undef FIND
  }

 private:
  template <class Function>
  static void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) throw std::runtime_error(std::string("the CUDA driver has no ") + name);
  }
};

constexpr int rounds = 200;

void measure() {
  const Driver driver;
  CUdevice device = 0;
  CUcontext context = nullptr;
  std::array<char, 256> name{};
  int version = 0;
  if (driver.init(0) != CUDA_SUCCESS || driver.device(&device, 0) != CUDA_SUCCESS ||
      driver.context_retain(&context, device) != CUDA_SUCCESS || driver.context_push(context) != CUDA_SUCCESS ||
      driver.device_name(name.data(), static_cast<int>(name.size()), device) != CUDA_SUCCESS ||
      driver.version(&version) != CUDA_SUCCESS) {
    throw std::runtime_error("the first CUDA device cannot be opened");
  }
  DriverCosts costs(driver, device);
  costs.measure(rounds);
  const std::string text =
      costs.json("medians of " + std::to_string(rounds) + " rounds by weir_gpu_driver; microseconds",
                 std::string(name.data()) + ", CUDA driver " + std::to_string(version));
  if (std::fputs(text.c_str(), stdout) == EOF || std::fflush(stdout) != 0) throw std::runtime_error("stdout is closed");
}

}  // namespace
}  // namespace weir::bench::gpu

int main() {
  try {
    weir::bench::gpu::measure();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "failed: %s\n", error.what());
    return 1;
  }
}
