#include "core/pacing.hpp"

#include <sys/prctl.h>

#include <thread>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace weir::core {
namespace {

constexpr unsigned looks_a_yield = 16;

void spin_once() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Pacing::~Pacing() {
  if (slack_ >= 0) prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_), 0, 0, 0);
}

void Pacing::rest(std::chrono::nanoseconds waited, std::chrono::nanoseconds left) noexcept {
  const std::chrono::nanoseconds pause = std::min(pause_after(waited), left);
  if (pause.count() > 0) {
    if (slack_ < 0) {
      slack_ = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
      prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    }
    std::this_thread::sleep_for(pause);
  } else if (++looks_ % looks_a_yield == 0) {
    std::this_thread::yield();
  } else {
    spin_once();
  }
}

}  // namespace weir::core
