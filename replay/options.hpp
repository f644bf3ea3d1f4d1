// What a replay may be told. Plain values, made by the tools and by benches.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include "device/driver_model.hpp"

namespace weir::replay {

struct ReplayOptions {
  enum class Threads : std::uint8_t {
    recorded,  ///< a real thread for each that the trace names; they take turns as recorded
    merge      ///< all on the caller's
  };
  static constexpr std::uint32_t max_passes = 1000;

  /// As DeviceRequest::backend. Empty: a dry device of the replay's own, whose pool obeys nothing but these options,
  /// so that an answer does not depend on WEIR_LIMIT and WEIR_POOL; a device that is named obeys them.
  std::string device = {};
  std::optional<std::uint64_t> capacity = {};  ///< bytes a device has; empty: a dry one has no bound, others their own
  std::uint32_t passes = 1;                    ///< 1 to max_passes, in one pool
  Threads threads = Threads::recorded;
  /// Of the replay's own dry device, which lives in imagined time; others know no such times.
  device::DriverModel driver = {};
  /// What goes by before each operation, in imagined time; empty: what the recording says.
  std::optional<std::chrono::nanoseconds> gap = std::chrono::microseconds(1);
  /// Called now and then with the events done and all events.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
  /// Asked now and then; true ends the work by Interrupted.
  std::function<bool()> interrupted = {};
};

/// The replay was told to end.
class Interrupted final : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace weir::replay
