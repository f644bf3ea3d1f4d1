// Measures this machine's CUDA driver and writes the file that `weir replay --driver`
// takes.
//   weir_gpu_driver FILE
#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "backend/cuda/driver.hpp"
#include "driver_costs.hpp"

namespace weir::bench::gpu {
namespace {

constexpr int rounds = 200;

void measure_into(const std::string& file) {
  const backend::cuda::Found& found = backend::cuda::system_driver();
  if (found.driver == nullptr) throw std::runtime_error(found.why_none);
  const backend::cuda::Driver& driver = *found.driver;
  CUdevice device = 0;
  CUcontext context = nullptr;
  std::array<char, 256> name{};
  int version = 0;
  if (driver.device_get(&device, 0) != CUDA_SUCCESS || driver.context_retain(&context, device) != CUDA_SUCCESS ||
      driver.context_push(context) != CUDA_SUCCESS ||
      driver.device_name(name.data(), static_cast<int>(name.size()), device) != CUDA_SUCCESS ||
      driver.driver_version(&version) != CUDA_SUCCESS) {
    throw std::runtime_error("the first CUDA device cannot be opened");
  }
  DriverCosts costs(driver, device);
  costs.measure(rounds);
  std::ofstream out(file);
  out << costs.json("medians of " + std::to_string(rounds) + " rounds by weir_gpu_driver; microseconds",
                    std::string(name.data()) + ", CUDA driver " + std::to_string(version));
  out.flush();
  if (!out) throw std::runtime_error(file + " cannot be written");
}

}  // namespace
}  // namespace weir::bench::gpu

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: weir_gpu_driver FILE\n", stderr);
    return 2;
  }
  try {
    weir::bench::gpu::measure_into(arguments[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "failed: %s\n", error.what());
    return 1;
  }
}
