// The composition root: the one file that names concrete backends. It lists
// what can be opened and opens what is asked for.
#include <weir/bytes.hpp>
#include <weir/device.hpp>
#include <weir/errors.hpp>

#include "backend/dry/dry_backend.hpp"
#include "backend/host/host_backend.hpp"
#include "device/backend.hpp"
#if WEIR_HAS_VULKAN
#include "backend/vulkan/vulkan_backend.hpp"
#endif

namespace weir {
namespace {

// Large enough for any recorded job, small enough for one arena's address range.
constexpr std::uint64_t default_dry_capacity = 256_GiB;
constexpr std::uint64_t largest_dry_capacity = 1_TiB;

}  // namespace

std::vector<DeviceInfo> devices() {
  std::vector<DeviceInfo> all{backend::host::make_host_backend()->info(),
                              backend::dry::make_dry_backend(default_dry_capacity)->info()};
#if WEIR_HAS_VULKAN
  try {
    for (backend::vulkan::Listed& each : backend::vulkan::list_vulkan_devices()) {
      if (each.refusal.empty()) all.push_back(std::move(each.info));
    }
  } catch (const Error&) {
    // There is none; asking for one tells why.
  }
#endif
  return all;
}

Device open_device(const DeviceRequest& request) {
  if (request.backend.empty() || request.backend == "host") {
    if (request.capacity) {
      throw InvalidArgument("open_device: only the dry device takes a capacity; limit the pool instead",
                            {.name = "capacity", .bytes_asked = *request.capacity});
    }
    return Device(backend::host::make_host_backend(),
                  request.backend.empty() ? "host memory: this build has no GPU backend" : "host memory: asked for");
  }
  if (request.backend == "dry") {
    const std::uint64_t capacity = request.capacity.value_or(default_dry_capacity);
    if (capacity == 0 || capacity > largest_dry_capacity) {
      throw InvalidArgument("open_device: a dry device holds 1 B to " + format_bytes(largest_dry_capacity) + ", not " +
                                format_bytes(capacity),
                            {.name = "capacity", .bytes_asked = capacity, .limit = largest_dry_capacity});
    }
    return Device(backend::dry::make_dry_backend(capacity), "dry device: asked for");
  }
  std::string known = "host, dry";
#if WEIR_HAS_VULKAN
  known += ", vulkan";
  if (request.backend == "vulkan") return Device(backend::vulkan::make_vulkan_backend(), "Vulkan: asked for");
#endif
  throw NotFound("open_device: no backend \"" + request.backend + "\" in this build; there are: " + known,
                 {.name = request.backend});
}

}  // namespace weir
