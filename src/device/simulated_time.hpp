// The time of a device that only plays one: it goes on by what driver calls cost, by
// waits, and by what the program is said to do between its operations. Virtual, so
// that a result repeats exactly; or real, where threads are to meet as they would.
// Thread-safe. Read by pools on such a device as their clock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include <weir/clock.hpp>

namespace weir::device {

/// The moment `time` after `moment`: the last that there is where the sum would overflow, `moment` for less than none.
[[nodiscard]] std::chrono::nanoseconds later(std::chrono::nanoseconds moment, std::chrono::nanoseconds time) noexcept;

class SimulatedTime final : public Clock {
 public:
  enum class Kind : std::uint8_t {
    imagined,  ///< starts at 0 and goes on only by the calls below
    real,      ///< the system's; costs and waits are sat out, busily
  };

  explicit SimulatedTime(Kind kind = Kind::imagined) noexcept : kind_(kind) {}

  [[nodiscard]] std::chrono::nanoseconds now() const noexcept override;
  /// The program does something else for so long. Nothing for zero or less, here and in spend().
  void pass(std::chrono::nanoseconds time) noexcept;
  /// A driver call takes so long.
  void spend(std::chrono::nanoseconds time) noexcept;
  /// The host waits for `moment`, at most `deadline` long from now; false if that was not enough. Imagined time is then
  /// exactly at the earlier of the two, unless another thread brought it further.
  [[nodiscard]] bool wait_until(std::chrono::nanoseconds moment, std::chrono::nanoseconds deadline) noexcept;

  /// All the time that calls took, and that was waited; the sums of all threads.
  [[nodiscard]] std::chrono::nanoseconds in_driver() const noexcept;
  [[nodiscard]] std::chrono::nanoseconds waited() const noexcept;

 private:
  const Kind kind_;
  std::atomic<std::int64_t> now_{0};
  std::atomic<std::int64_t> in_driver_{0};
  std::atomic<std::int64_t> waited_{0};
};

}  // namespace weir::device
