#include "backend/cuda/cuda_devices.hpp"

#include <weir/errors.hpp>

#include "backend/cuda/context.hpp"
#include "backend/cuda/cuda_backend.hpp"
#include "backend/cuda/driver.hpp"

namespace weir::backend::cuda {

std::vector<DeviceInfo> list_devices(bool with_free, std::string& why_none) {
  const Found& found = system_driver();
  why_none = found.why_none;
  std::vector<DeviceInfo> all;
  for (int ordinal = 0; ordinal < found.devices; ++ordinal) {
    try {
      DeviceInfo known = describe(*found.driver, ordinal);
      if (with_free) {
        try {
          known = Context(*found.driver, ordinal).info();
        } catch (const Error&) {  // NOLINT(bugprone-empty-catch): another program has it, say; what is free is unknown
        }
      }
      all.push_back(std::move(known));
    } catch (const Error& error) {
      why_none = error.message();
    }
  }
  return all;
}

std::shared_ptr<device::Backend> open_device(std::size_t index, bool peers) {
  const Found& found = system_driver();
  if (found.driver == nullptr) throw NotFound("CUDA: " + found.why_none, {.name = "cuda"});
  return make_cuda_backend(*found.driver, {.ordinal = static_cast<int>(index), .peers = peers});
}

}  // namespace weir::backend::cuda
