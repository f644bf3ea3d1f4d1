// What the GPU benches share: lines of figures, and checked calls of the CUDA runtime.
#pragma once

#include <stdexcept>
#include <string>

#include <cuda_runtime.h>

#include "report.hpp"

namespace weir::bench::gpu {

inline void check(cudaError_t code, const char* call) {
  if (code != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(code));
}

}  // namespace weir::bench::gpu
