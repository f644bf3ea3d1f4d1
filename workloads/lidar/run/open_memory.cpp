#include "workloads/lidar/run/open_memory.hpp"

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

}  // namespace

MemoryManager open_memory(const Cloud& cloud, const MemorySettings& memory) {
  ManagerOptions options{.name = "lidar", .pool = {.mode = memory.pool ? PoolMode::automatic : PoolMode::off}};
  if (memory.limit != 0) {
    options.pool.limit = memory.limit;
    options.transfers.pinned_limit = memory.limit;
  }
  const bool too_far = cloud.wide() && memory.backend.empty();
  return compute::open_manager({.backend = too_far ? "host" : memory.backend}, options);
}

RunReport run_within(const Cloud& cloud, const RunSettings& settings, const MemorySettings& memory, Sink& sink) {
  static_cast<void>(compute_settings(cloud, settings));  // what makes no sense is refused before a device is opened
  RunReport report;
  within_limit(
      memory.limit,
      [&] {
        MemoryManager opened = open_memory(cloud, memory);
        report = run(cloud, settings, opened, sink);
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
