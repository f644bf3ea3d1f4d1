// How much physical memory this process has. Used by the benches that say what bookkeeping and buffers take.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace weir::bench {

/// Bytes of this process in physical memory, as Linux counts them; 0 elsewhere.
inline double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace weir::bench
