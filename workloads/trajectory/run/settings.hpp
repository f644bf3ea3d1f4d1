// What a run is told. Read by all of run; filled by programs and tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "workloads/trajectory/flight/columns.hpp"

namespace weir::trajectory {

struct RunSettings {
  Physics physics = {};
  std::size_t chunk = 0;     ///< launches of a chunk, fewer where memory is refused; 0: as free memory allows
  unsigned threads = 0;      ///< of the host; 0: one a core
  std::string kernels = {};  ///< of the host, as choose_level
  bool floats = false;       ///< numbers of 32 bits on Vulkan, which most GPUs compute faster; a step's tolerance is
                             ///< 1e-4 at least with these
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};  ///< on the thread that writes
};

}  // namespace weir::trajectory
