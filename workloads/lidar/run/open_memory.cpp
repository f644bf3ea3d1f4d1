#include "workloads/lidar/run/open_memory.hpp"

#include <cstdlib>

#include "compute/losses.hpp"
#include "workloads/lidar/run/limits.hpp"
#include "workloads/lidar/run/run_plan.hpp"

namespace weir::lidar {
namespace {

/// Takes the memory that a run under that limit would, and does nothing with it.
void try_limit(const Cloud& cloud, const RunSettings& settings, MemorySettings memory, std::uint64_t limit) {
  memory.limit = limit;
  MemoryManager opened = open_memory(cloud, memory);
  check(cloud, settings, opened);
}

ManagerOptions options_of(const MemorySettings& memory) {
  ManagerOptions options{.name = "lidar", .pool = {.mode = memory.pool ? PoolMode::automatic : PoolMode::off}};
  if (memory.limit != 0) {
    options.pool.limit = memory.limit;
    options.transfers.pinned_limit = memory.limit;
  }
  return options;
}

/// CUDA's real numbers are the host's, bit for bit; of Vulkan's only those of equal devices are known to be equal.
bool same_bits(const DeviceInfo& one, const DeviceInfo& other) {
  const auto exact = [](const DeviceInfo& each) {
    return each.backend == BackendKind::host || each.backend == BackendKind::cuda;
  };
  if (exact(one) && exact(other)) return true;
  return one.backend == BackendKind::vulkan && other.backend == BackendKind::vulkan && one.name == other.name;
}

}  // namespace

MemoryManager open_memory(const Cloud& cloud, const MemorySettings& memory) {
  const bool too_far = cloud.wide() && memory.backend.empty();
  return compute::open_manager({.backend = too_far ? "host" : memory.backend}, options_of(memory));
}

std::unique_ptr<MemoryManager> open_next(const Cloud& cloud, const MemorySettings& memory, const DeviceInfo& first) {
  const char* const wished = std::getenv("WEIR_DEVICE");
  if (!memory.backend.empty() || (wished != nullptr && *wished != '\0')) return nullptr;
  for (const DeviceInfo& each : devices()) {
    const bool same = each.backend == first.backend && each.index == first.index;
    if (same || !same_bits(first, each) || (cloud.wide() && !each.pointers)) continue;
    try {
      const DeviceRequest request{.backend = std::string(weir::name(each.backend)), .index = each.index};
      return std::make_unique<MemoryManager>(open_device(request), options_of(memory));
    } catch (const Error&) {
      continue;  // the next one
    }
  }
  return nullptr;
}

RunReport run_within(const Cloud& cloud, const RunSettings& settings, const MemorySettings& memory, Sink& sink) {
  static_cast<void>(compute_settings(cloud, settings));  // what makes no sense is refused before a device is opened
  RunReport report;
  within_limit(
      memory.limit,
      [&] {
        MemoryManager opened = open_memory(cloud, memory);
        std::unique_ptr<MemoryManager> next;
        RunSettings own = settings;
        if (!own.next_device) {
          own.next_device = [&] {
            next = open_next(cloud, memory, opened.device().facts());
            return next.get();
          };
        }
        report = run(cloud, own, opened, sink);
      },
      [&](std::uint64_t limit) { try_limit(cloud, settings, memory, limit); });
  return report;
}

void check_within(const Cloud& cloud, const RunSettings& settings, const MemorySettings& memory) {
  static_cast<void>(compute_settings(cloud, settings));
  if (memory.limit == 0) return;
  const auto try_one = [&](std::uint64_t limit) { try_limit(cloud, settings, memory, limit); };
  within_limit(
      memory.limit, [&] { try_one(memory.limit); }, try_one);
}

}  // namespace weir::lidar
