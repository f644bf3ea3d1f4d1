#include "interrupt.hpp"

#include <csignal>

namespace weir::tool {
namespace {

// Signals may set them, since no lock is behind them.
std::atomic<bool> interrupted = false;
std::atomic<int> first_signal = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void note(int number) {
  int none = 0;
  first_signal.compare_exchange_strong(none, number);
  interrupted = true;
}

}  // namespace

void note_interrupts() {
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction known {};
    if (sigaction(number, nullptr, &known) == 0 && known.sa_handler == SIG_IGN) continue;
    sigaction(number, &action, nullptr);
  }
}

bool was_interrupted() noexcept { return interrupted; }

int interrupted_status() noexcept { return first_signal == 0 ? 0 : 128 + first_signal; }

const std::atomic<bool>& interrupt_flag() noexcept { return interrupted; }

}  // namespace weir::tool
