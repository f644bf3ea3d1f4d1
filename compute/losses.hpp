// Work that goes on when its device is lost: the manager is recovered, and the work called again, which begins from the
// last state that it reached whole. Used by workloads and the tool; one object a run, which counts what the run
// survived.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <weir/weir.hpp>

namespace weir::compute {

/// A manager on `device`, which is opened as `request` says where there is none yet, and anew where it is lost before
/// the manager stands, `attempts` times in all. Throws as open_device() and the manager.
[[nodiscard]] inline MemoryManager open_manager(std::optional<Device>& device, const DeviceRequest& request,
                                                const ManagerOptions& options, unsigned attempts = 3) {
  for (;;) {
    try {
      if (!device) device = open_device(request);
      return MemoryManager(*device, options);
    } catch (const DeviceLost&) {
      if (--attempts == 0) throw;
      device.reset();
    }
  }
}
/// The same for one manager.
[[nodiscard]] inline MemoryManager open_manager(const DeviceRequest& request, const ManagerOptions& options) {
  std::optional<Device> device;
  return open_manager(device, request, options);
}

class Losses {
 public:
  /// `memory` outlives it. After `max_in_a_row` losses without a step forward the next one is thrown on.
  explicit Losses(MemoryManager& memory, RecoveryOptions options = {}, unsigned max_in_a_row = 3)
      : memory_(memory), options_(options), max_in_a_row_(max_in_a_row) {}

  /// Calls `work` until it returns, and gives its result. Where DeviceLost leaves it, recovers the manager and calls it
  /// again: so `work` makes all that is of a device, runners, streams, addresses, anew at its beginning, has given it
  /// up when it is left, by whatever, and goes on from what it reached. What it frees then is not lost; buffers that
  /// stay come back as MemoryManager::recover() says. Throws what else `work` and recover() throw, and the DeviceLost
  /// or DriverError of a device that answers, as of a buffer that was lost before.
  template <class Work>
  decltype(auto) survive(Work&& work) {  // NOLINT(cppcoreguidelines-missing-std-forward): it is called again
    for (;;) {
      try {
        return work();
      } catch (const DeviceLost&) {
        if (in_a_row_ == max_in_a_row_ || !recovered()) throw;
      } catch (const DriverError&) {  // kernels of the workload's own say it in their driver's words
        if (in_a_row_ == max_in_a_row_ || !recovered()) throw;
      }
    }
  }
  /// Work has reached a whole state that it had not reached before, from which it would go on. Not while it unwinds.
  void step_forward() noexcept { in_a_row_ = 0; }

  [[nodiscard]] std::uint64_t recoveries() const noexcept { return recoveries_; }
  /// As RecoveryReport has them, of all.
  [[nodiscard]] std::uint64_t lost_bytes() const noexcept { return lost_bytes_; }
  /// What recover() took, of all.
  [[nodiscard]] double seconds() const noexcept { return seconds_; }
  /// Of the last recovery.
  [[nodiscard]] const RecoveryReport& last() const noexcept { return last_; }

 private:
  /// False where the device was not lost at all.
  [[nodiscard]] bool recovered() {
    last_ = memory_.recover(options_);
    if (last_.attempts == 0) return false;
    ++in_a_row_;
    ++recoveries_;
    lost_bytes_ += last_.lost_bytes;
    seconds_ += std::chrono::duration<double>(last_.duration).count();
    return true;
  }

  MemoryManager& memory_;
  const RecoveryOptions options_;
  const unsigned max_in_a_row_;
  unsigned in_a_row_ = 0;
  std::uint64_t recoveries_ = 0, lost_bytes_ = 0;
  double seconds_ = 0;
  RecoveryReport last_;
};

}  // namespace weir::compute
