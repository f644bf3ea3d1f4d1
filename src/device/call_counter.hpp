// Counts a driver's calls by what they are for. Thread-safe; a look while calls are
// made may see some of them and not others. Called by the backends.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "device/backend.hpp"

namespace weir::device {

/// What a call is for, as the member that counts it: &DriverCalls::maps.
using CallPurpose = std::uint64_t DriverCalls::*;

class CallCounter {
 public:
  void add(CallPurpose purpose, std::uint64_t calls = 1) noexcept {
    std::atomic_ref(calls_.*purpose).fetch_add(calls, std::memory_order_relaxed);
  }
  [[nodiscard]] DriverCalls seen() const noexcept {
    DriverCalls all;
    for (const CallPurpose purpose : purposes) {
      all.*purpose = std::atomic_ref(calls_.*purpose).load(std::memory_order_relaxed);
    }
    return all;
  }

 private:
  static constexpr std::array<CallPurpose, 10> purposes{
      &DriverCalls::reserves, &DriverCalls::creates,  &DriverCalls::maps,     &DriverCalls::accesses,
      &DriverCalls::unmaps,   &DriverCalls::destroys, &DriverCalls::segments, &DriverCalls::pinned,
      &DriverCalls::events,   &DriverCalls::others};
  static_assert(sizeof(DriverCalls) == purposes.size() * sizeof(std::uint64_t), "a purpose is not in the list");

  mutable DriverCalls calls_;  // only through atomic_ref, which takes nothing const
};

}  // namespace weir::device
