#include "workloads/trajectory/run/open_memory.hpp"

#include "compute/losses.hpp"

namespace weir::trajectory {

MemoryManager open_memory(const MemorySettings& memory) {
  ManagerOptions options{.name = "trajectory"};
  if (memory.limit != 0) {
    options.pool.limit = memory.limit;
    options.transfers.pinned_limit = memory.limit;
  }
  return compute::open_manager({.backend = memory.backend}, options);
}

}  // namespace weir::trajectory
