// What all managers of a process hold, and those of each device: one tally for each,
// kept also when the last manager of a device is gone, as peaks and sums are of all
// time. A child of fork() has its own. Called by managers at their beginning and end,
// and by process_statistics().
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include <weir/manager.hpp>

#include "track/tally.hpp"

namespace weir::manager {

class ProcessTally;

class DeviceTally {
 public:
  DeviceTally(const DeviceInfo& device, ProcessTally& process);

  track::Tally reserved;
  track::Tally external;
  track::Tally pinned;

  [[nodiscard]] track::Tallies of_pool() noexcept { return {.reserved = &reserved, .external = &external}; }
  [[nodiscard]] track::Tallies of_pinned() noexcept { return {.reserved = &pinned}; }

  /// What a manager, which closes, allocated in its life.
  void add_closed(const Statistics& last) noexcept;
  /// A manager with that statistics goes on, on the device of `to`: what it allocated so far was allocated here.
  void hand_over(DeviceTally& to, const Statistics& last) noexcept;
  [[nodiscard]] bool is(const DeviceInfo& device) const noexcept;
  /// All but what managers that are open allocated and have.
  [[nodiscard]] DeviceTotals totals() const;

 private:
  const BackendKind backend_;
  const std::size_t index_;
  const std::string name_;
  std::atomic<std::uint64_t> requested_{0};
  std::atomic<std::uint64_t> allocated_{0};
};

class ProcessTally {
 public:
  [[nodiscard]] static ProcessTally& of_this_process();

  track::Tally reserved;
  track::Tally external;
  track::Tally pinned;

  /// The one of that device, for as long as the process lives.
  [[nodiscard]] DeviceTally& of(const DeviceInfo& device);
  [[nodiscard]] std::vector<DeviceTotals> devices() const;

 private:
  mutable std::mutex mutex_;
  std::list<DeviceTally> devices_;
};

}  // namespace weir::manager
