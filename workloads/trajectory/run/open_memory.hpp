// The memory of a run, for a program that has none to hand: a device and a manager as the user asked for. Called by the
// command line and the tests; a program with a manager of its own calls run() with it.
#pragma once

#include <cstdint>
#include <string>

#include <weir/weir.hpp>

namespace weir::trajectory {

struct MemorySettings {
  std::string backend = {};  ///< as DeviceRequest
  std::uint64_t limit = 0;   ///< of device memory, bytes; 0: the manager's own
};

[[nodiscard]] MemoryManager open_memory(const MemorySettings& memory);

}  // namespace weir::trajectory
