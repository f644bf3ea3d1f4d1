// The pace at which something is asked again that cannot tell when it is there: without
// a pause at first, so that a short wait is not late, then with pauses by how long it
// took already, so that a long one is late by a sixteenth of it and costs little.
// Called by waits for events of a driver that has no waits with deadlines.
#pragma once

#include <algorithm>
#include <chrono>

namespace weir::core {

/// The pause before the next look at what was waited for so long. Zero for the first 100 µs; 1 ms at most.
[[nodiscard]] constexpr std::chrono::nanoseconds pause_after(std::chrono::nanoseconds waited) noexcept {
  using namespace std::chrono_literals;
  constexpr std::chrono::nanoseconds without = 100us;
  constexpr std::chrono::nanoseconds longest = 1ms;
  return waited < without ? 0ns : std::min(waited / 16, longest);
}

/// One wait of one thread.
class Pacing {
 public:
  Pacing() = default;
  Pacing(const Pacing&) = delete;
  Pacing& operator=(const Pacing&) = delete;
  ~Pacing();
  /// After a look that found nothing: pauses, no longer than `left`. The thread's timers are exact meanwhile, where the
  /// system adds 50 µs else.
  void rest(std::chrono::nanoseconds waited, std::chrono::nanoseconds left) noexcept;

 private:
  unsigned looks_ = 0;
  int slack_ = -1;  // the thread's own, in ns; not negative while it is changed
};

}  // namespace weir::core
