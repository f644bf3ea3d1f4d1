// Which calls fail, and how: faults that wait for their call. Counts calls; each fault counts on from where it was
// added. Thread-safe. Shared by the devices that a program opens one after the other, so that a fault strikes once.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "faults/call.hpp"

namespace weir::faults {

enum class FaultKind : std::uint8_t {
  out_of_memory,  ///< the call throws OutOfMemory
  driver_error,   ///< the call throws DriverError
  loss,           ///< the call and all after it on this device throw DeviceLost
  slow,           ///< operations of the call's stream take `factor` times as long from here on
};

/// Which calls; empty for all.
using Calls = std::function<bool(CallKind)>;
/// Those of one kind.
[[nodiscard]] inline Calls only(CallKind kind) {
  return [kind](CallKind each) { return each == kind; };
}

struct Fault {
  FaultKind kind = FaultKind::loss;
  std::uint64_t nth = 1;     ///< the call that it strikes, of those counted from now on; 1 is the next
  Calls counted = {};        ///< calls that are counted
  Calls fitting = {};        ///< strikes the first of those from the n-th on
  std::uint64_t times = 1;   ///< how often it strikes in all
  std::uint64_t period = 1;  ///< counted calls from one strike to the next
  double factor = 1;         ///< of `slow`
};

class Schedule {
 public:
  void add(const Fault& fault);
  /// Forgets all faults that wait.
  void clear();
  /// Forgets them too, and that one has struck.
  void restart(const std::vector<Fault>& faults);
  /// Counts a call, and gives the fault that strikes it; of several that are due, the one that was added first.
  [[nodiscard]] std::optional<Fault> strike(CallKind kind);

  /// Calls so far.
  [[nodiscard]] std::uint64_t calls() const;
  /// Whether a fault has struck.
  [[nodiscard]] bool fired() const;
  /// Those that have not struck as often as they are to.
  [[nodiscard]] std::vector<Fault> waiting() const;

 private:
  struct Waiting {
    Fault fault;
    std::uint64_t left = 0;  ///< calls until it may strike; 0: the next that fits
  };

  mutable std::mutex mutex_;
  std::vector<Waiting> waiting_;
  std::uint64_t calls_ = 0;
  bool fired_ = false;
};

}  // namespace weir::faults
