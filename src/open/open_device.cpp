// The composition root: the one file that names concrete backends. It lists
// what can be opened, best first, and opens what is asked for.
#include <iterator>
#include <string>
#include <utility>

#include <weir/bytes.hpp>
#include <weir/device.hpp>
#include <weir/errors.hpp>

#include "backend/dry/dry_backend.hpp"
#include "backend/host/host_backend.hpp"
#include "core/environment.hpp"
#include "device/access.hpp"
#include "device/backend.hpp"
#include "device/choose.hpp"
#include "open/simulated_device.hpp"
#include "open/wrap_backends.hpp"
#ifdef WEIR_HAS_CUDA
#include "backend/cuda/cuda_devices.hpp"
#endif
#ifdef WEIR_HAS_VULKAN
#include "backend/vulkan/vulkan_backend.hpp"
#endif

namespace weir {
namespace {

using device::Provider;

/// What wrap_backends() was given; empty at first.
open::Wrap& wrap() {
  static open::Wrap given;
  return given;
}

std::shared_ptr<device::Backend> wrapped(std::shared_ptr<device::Backend> opened) {
  return wrap() ? wrap()(std::move(opened)) : opened;
}

// As much as the largest machines of today have; who wants another size says so.
constexpr std::uint64_t default_dry_capacity = 256_GiB;

void refuse_capacity(const DeviceRequest& request) {
  if (!request.capacity) return;
  throw InvalidArgument("open_device: only the dry device takes a capacity; set the pool's limit instead",
                        {.name = "capacity", .bytes_asked = *request.capacity});
}

void check_dry_capacity(const char* call, std::uint64_t capacity) {
  if (capacity != 0 && capacity <= max_dry_capacity) return;
  throw InvalidArgument(std::string(call) + ": capacity is " + format_bytes(capacity) + "; a dry device has 1 B to " +
                            format_bytes(max_dry_capacity),
                        {.name = "capacity", .bytes_asked = capacity, .limit = max_dry_capacity});
}

/// A backend whose devices have the size that they have.
template <class List, class Open>
Provider of(BackendKind kind, List list, Open open) {
  return {.name = std::string(name(kind)),
          .kind = kind,
          .list = list,
          .open = [open](std::size_t index, const DeviceRequest& request) -> std::shared_ptr<device::Backend> {
            refuse_capacity(request);
            return wrapped(open(index, request));
          }};
}

/// A backend that this build left out.
[[maybe_unused]] Provider not_built(BackendKind kind, const char* why) {
  return {.name = std::string(name(kind)),
          .kind = kind,
          .list =
              [why](bool, std::string& why_none) {
                why_none = why;
                return std::vector<DeviceInfo>{};
              },
          .open = {}};
}

Provider cuda() {
#ifdef WEIR_HAS_CUDA
  return of(BackendKind::cuda, backend::cuda::list_devices, [](std::size_t index, const DeviceRequest& request) {
    return backend::cuda::open_device(index, request.peers);
  });
#else
  return not_built(BackendKind::cuda, "this build has no CUDA backend: the toolkit was not found, or WEIR_CUDA is off");
#endif
}

Provider vulkan() {
#ifdef WEIR_HAS_VULKAN
  return of(BackendKind::vulkan, backend::vulkan::list_devices, [](std::size_t index, const DeviceRequest&) {
    return backend::vulkan::make_vulkan_backend({.index = index});
  });
#else
  return not_built(BackendKind::vulkan,
                   "this build has no Vulkan backend: the headers were not found, or WEIR_VULKAN is off");
#endif
}

Provider host() {
  return of(
      BackendKind::host, [](bool, std::string&) { return std::vector{backend::host::make_host_backend()->info()}; },
      [](std::size_t, const DeviceRequest&) { return backend::host::make_host_backend(); });
}

Provider dry() {
  return {
      .name = std::string(name(BackendKind::dry)),
      .kind = BackendKind::dry,
      .only_by_name = true,
      .list = [](bool,
                 std::string&) { return std::vector{backend::dry::make_dry_backend(default_dry_capacity)->info()}; },
      .open =
          [](std::size_t, const DeviceRequest& request) {
            const std::uint64_t capacity = request.capacity.value_or(default_dry_capacity);
            check_dry_capacity("open_device", capacity);
            return wrapped(backend::dry::make_dry_backend(capacity));
          }};
}

// Best first.
std::vector<Provider> providers() { return {cuda(), vulkan(), host(), dry()}; }

}  // namespace

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> all;
  std::vector<DeviceInfo> by_name;  // as open_device() takes them: never unless asked for
  for (const Provider& each : providers()) {
    std::string why_none;
    for (DeviceInfo& device : each.list(true, why_none)) {
      (each.only_by_name || device.emulated ? by_name : all).push_back(std::move(device));
    }
  }
  std::move(by_name.begin(), by_name.end(), std::back_inserter(all));
  return all;
}

std::vector<MissingBackend> missing_backends() {
  std::vector<MissingBackend> all;
  for (const Provider& each : providers()) {
    std::string why_none;
    if (each.list(false, why_none).empty()) all.push_back({each.kind, why_none});
  }
  return all;
}

Device open_device(const DeviceRequest& request) {
  return device::choose(providers(), request, core::environment().device);
}

void open::wrap_backends(Wrap each) { wrap() = std::move(each); }

Device open::simulated_device(std::uint64_t capacity, const device::DriverModel& model,
                              device::SimulatedTime::Kind time) {
  check_dry_capacity("open::simulated_device", capacity);
  auto backend = wrapped(backend::dry::make_dry_backend(capacity, model, time));
  std::string why = backend->info().name + " with the times of a driver model";
  return device::Access::make_device(std::move(backend), std::move(why));
}

}  // namespace weir
