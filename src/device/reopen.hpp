// Opening a lost device again: the same one first, several times with pauses that double, then the other devices of the
// list that it was chosen from. Each refusal's reason is kept. Called by the manager's recovery.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "device/access.hpp"
#include "device/choose.hpp"

namespace weir::device {

struct ReopenOptions {
  unsigned attempts = 3;                ///< at each device; at least 1
  std::chrono::nanoseconds back_off{};  ///< before the second attempt; doubles, up to a minute
  bool other_devices = true;
};

struct Reopened {
  bool same_device = false;
  unsigned attempts = 0;              ///< at all devices, with the last
  std::vector<std::string> refusals;  ///< a line each
};

/// Opens the device, checks that it works, and calls `use` with it: what that throws, as what opening throws, is the
/// refusal of one attempt, but for what is no weir::Error, which is thrown on. `lost` tells which was lost. Sleeps
/// between attempts. Throws DeviceLost with all refusals where no device is left to try.
[[nodiscard]] Reopened reopen(const std::shared_ptr<const Origin>& origin, const DeviceInfo& lost,
                              const ReopenOptions& options, const std::function<void(const Device& device)>& use);

/// Writes a few bytes to the device, reads them back, and compares where the device has memory at all. Throws what the
/// driver says, and DriverError for other bytes: a CUDA context that is broken can be opened, and then does nothing.
void require_working(const std::shared_ptr<Backend>& backend);

}  // namespace weir::device
