#include "workloads/lidar/run/station.hpp"

namespace weir::lidar {
namespace {

bool is_host(const Device& device) { return device.facts().backend == BackendKind::host; }

}  // namespace

Station::Station(MemoryManager& manager, const ComputeSettings& settings)
    : memory(manager),
      device(memory.device()),
      computer(make_computer(memory, settings)),
      kernels(device.stream()),
      uploads(is_host(device) ? device.stream() : kernels) {}

void Station::use_own_streams() {
  kernels = device.stream();
  uploads = is_host(device) ? device.stream() : kernels;
}

void Station::use_one_stream() {
  kernels = device.stream();
  uploads = kernels;
}

std::uint64_t Station::memory_calls() const {
  const ManagerStatistics known = memory.statistics();
  if (is_host(device)) return known.pool.driver_calls;
  return known.pool.misses + known.pool.page_maps + known.transfers.pinned.misses + known.transfers.pinned.page_maps;
}

void Station::come_to_rest() noexcept {
  try {
    device.synchronize(kernels, patience);
  } catch (const Error&) {
    return;
  }
}

}  // namespace weir::lidar
