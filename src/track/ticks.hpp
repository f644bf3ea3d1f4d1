// The clock of events: the processor's counter where it runs at one rate and alike on
// all cores, else the steady clock. The counter takes 9 ns to read, which overlap with
// what a hit does beside; the system's clocks take 21. A reader turns ticks into time.
#pragma once

#include <chrono>
#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__)
#define WEIR_PROCESSOR_TICKS 1
#include <cpuid.h>
#else
#define WEIR_PROCESSOR_TICKS 0
#endif

namespace weir::track {

[[nodiscard]] inline std::uint64_t steady_nanoseconds() noexcept {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

/// Whether the processor's counter can be used. Asks the processor, which takes a microsecond on a virtual machine.
[[nodiscard]] inline bool has_processor_ticks() noexcept {
#if WEIR_PROCESSOR_TICKS
  constexpr unsigned features = 0x80000001, power = 0x80000007;
  constexpr unsigned rdtscp = 1U << 27, invariant = 1U << 8;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(features, &a, &b, &c, &d) == 0 || (d & rdtscp) == 0) return false;
  return __get_cpuid(power, &a, &b, &c, &d) != 0 && (d & invariant) != 0;
#else
  return false;
#endif
}

/// For what only this thread can have caused or can see: the processor may read its counter early.
[[nodiscard]] inline std::uint64_t ticks([[maybe_unused]] bool of_processor) noexcept {
#if WEIR_PROCESSOR_TICKS
  if (of_processor) [[likely]]
    return __builtin_ia32_rdtsc();
#endif
  return steady_nanoseconds();
}

/// Not before anything that this thread has seen of others.
[[nodiscard]] inline std::uint64_t ordered_ticks([[maybe_unused]] bool of_processor) noexcept {
#if WEIR_PROCESSOR_TICKS
  if (of_processor) [[likely]] {
    unsigned core = 0;
    return __builtin_ia32_rdtscp(&core);
  }
#endif
  return steady_nanoseconds();
}

}  // namespace weir::track
