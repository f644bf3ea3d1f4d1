// The memory of a run, for a program that has none to hand: a device and a manager as the user asked for, and a run or
// a check with them that says which limit would do. Called by the command line, the bench and the tests; a program with
// a manager of its own calls run() with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <weir/weir.hpp>

#include "workloads/lidar/files/cloud.hpp"
#include "workloads/lidar/run/pipeline.hpp"

namespace weir::lidar {

struct MemorySettings {
  std::string backend = {};  ///< as DeviceRequest; where it is empty, the host for a cloud that GPUs do not take
  std::uint64_t limit = 0;   ///< of device memory, bytes; 0: the manager's own
  bool pool = true;          ///< else the driver makes each buffer
};

[[nodiscard]] MemoryManager open_memory(const Cloud& cloud, const MemorySettings& memory);
/// Memory of the best other device that gives the same bits as `first`; null where there is none, and where the caller
/// or WEIR_DEVICE named the device, which is kept to then.
[[nodiscard]] std::unique_ptr<MemoryManager> open_next(const Cloud& cloud, const MemorySettings& memory,
                                                       const DeviceInfo& first);

/// run() with memory of its own. Where a limit refuses it, throws LimitExceeded with the least limit that would do.
[[nodiscard]] RunReport run_within(const Cloud& cloud, const RunSettings& settings, const MemorySettings& memory,
                                   Sink& sink);
/// Throws what run_within() would for these settings before it computes anything. For the later of several runs, so
/// that hours of the first are not lost. Without a limit it opens no device.
void check_within(const Cloud& cloud, const RunSettings& settings, const MemorySettings& memory);

}  // namespace weir::lidar
