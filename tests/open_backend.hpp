// Opens a device for a suite, with faults to be had: a backend by its name, or
// "cuda_fake", the CUDA backend over a driver that needs no GPU. That driver's
// memory is the host's, so that the suites look into it and check what it holds.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include <weir/device.hpp>
#include <weir/errors.hpp>

#include "device/faulty_backend.hpp"
#ifdef WEIR_HAS_CUDA
#include "backend/cuda/cuda_backend.hpp"
#include "fake_cuda/fake_cuda.hpp"
#endif

namespace weir {

inline constexpr const char* cuda_fake = "cuda_fake";

#ifdef WEIR_HAS_CUDA
/// The driver under every "cuda_fake" device of a program.
inline fake_cuda::Fake& shared_fake() {
  static auto* fake = new fake_cuda::Fake();  // devices may outlive main()
  return *fake;
}
#endif

inline std::shared_ptr<device::FaultyBackend> open_backend(const std::string& name) {
  constexpr std::chrono::milliseconds idle{10};
  if (name != cuda_fake) {
    auto opened = std::make_shared<device::FaultyBackend>(open_device({.backend = name}).shared_backend());
    if (name != "host" && name != "dry") opened->be_patient(idle);
    return opened;
  }
#ifdef WEIR_HAS_CUDA
  static_cast<void>(shared_fake());
  auto opened = std::make_shared<device::FaultyBackend>(backend::cuda::make_cuda_backend(fake_cuda::Fake::table()));
  opened->show_pointers();
  opened->be_patient(idle);
  return opened;
#else
  throw NotFound("this build has no CUDA backend", {.name = name});
#endif
}

/// The first rule of a driver that was broken, where the driver could tell.
inline std::string driver_fault(const std::string& name) {
#ifdef WEIR_HAS_CUDA
  if (name == cuda_fake) return shared_fake().fault();
#endif
  static_cast<void>(name);
  return {};
}

}  // namespace weir
