#include "interrupt.hpp"

#include <csignal>

namespace weir::tool {
namespace {

// A signal may set it, since no lock is behind it.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void note_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool was_interrupted() noexcept { return interrupted; }

const std::atomic<bool>& interrupt_flag() noexcept { return interrupted; }

}  // namespace weir::tool
