// Opens a device for a suite, with faults to be had: a backend by its name, or
// "cuda_fake", the CUDA backend over a driver that needs no GPU. That driver's
// memory is the host's, so that the suites look into it and check what it holds.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <weir/device.hpp>
#include <weir/errors.hpp>

#include "device/access.hpp"
#include "support/faulty_backend.hpp"
#ifdef WEIR_HAS_CUDA
#include "backend/cuda/context.hpp"
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
/// Its primary context, from the first call to the end of the program.
inline const backend::cuda::Context& fake_context() {
  static_cast<void>(shared_fake());
  static const auto* const kept = new backend::cuda::Context(fake_cuda::Fake::table(), 0);
  return *kept;
}
#endif

/// Opens the backend. A CUDA device's primary context is kept from the first time on: it would go with the last
/// backend, so that each case had to make one, which takes a GPU a third of a second. It is never released, as the
/// driver is not to be called past main().
inline std::shared_ptr<device::FaultyBackend> open_backend(const std::string& name) {
  if (name != cuda_fake) {
    auto opened =
        std::make_shared<device::FaultyBackend>(device::Access::shared_backend(open_device({.backend = name})));
#ifdef WEIR_HAS_CUDA
    if (name == "cuda") {
      static const auto* const kept = new backend::cuda::Context(*backend::cuda::system_driver().driver, 0);
      static_cast<void>(kept);
    }
#endif
    return opened;
  }
#ifdef WEIR_HAS_CUDA
  static_cast<void>(fake_context());
  auto opened = std::make_shared<device::FaultyBackend>(backend::cuda::make_cuda_backend(fake_cuda::Fake::table()));
  opened->show_pointers();
  return opened;
#else
  throw NotFound("this build has no CUDA backend", {.name = name});
#endif
}

/// Why the backend has no device here; empty if it has.
inline std::string why_absent(const std::string& name) {
  try {
    static_cast<void>(open_backend(name));
    return {};
  } catch (const Error& error) {
    return error.message();
  }
}

/// The backends that a variable of the environment names, a list with commas.
inline std::vector<std::string> named_backends(const char* variable) {
  std::vector<std::string> names;
  const char* text = std::getenv(variable);
  std::istringstream list(text == nullptr ? "" : text);
  for (std::string name; std::getline(list, name, ',');) names.push_back(name);
  return names;
}

/// Those that WEIR_REQUIRE names: where one is absent, that is a failure.
inline std::vector<std::string> required_backends() { return named_backends("WEIR_REQUIRE"); }

/// Whether this run is about the backend: one of those that WEIR_BACKENDS names, or any if it names none.
inline bool chosen(const std::string& name) {
  const std::vector<std::string> names = named_backends("WEIR_BACKENDS");
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

/// For the beginning of a case: leaves it, with the reason, where the backend has no device here.
#define WEIR_NEEDS_BACKEND(name)                                                                                \
  if (const std::string why = why_absent(name); !why.empty()) {                                                 \
    const std::vector<std::string> required = required_backends();                                              \
    if (std::find(required.begin(), required.end(), name) != required.end()) FAIL() << "required, but " << why; \
    GTEST_SKIP() << why;                                                                                        \
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
