// CUDA devices through the driver's own interface. Thin: each call of the
// contract is one call of the driver, or a few, in the device's primary context.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/cuda/driver.hpp"
#include "device/backend.hpp"

namespace weir::backend::cuda {

struct OpenOptions {
  int ordinal = 0;     ///< as the driver numbers the devices
  bool peers = false;  ///< pages are mapped for every device that can reach them
};

/// Throws what the driver says where the device cannot be used.
[[nodiscard]] std::shared_ptr<device::Backend> make_cuda_backend(const Driver& driver, const OpenOptions& options = {});

}  // namespace weir::backend::cuda
