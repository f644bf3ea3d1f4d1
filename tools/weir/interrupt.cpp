#include "interrupt.hpp"

#include <csignal>

namespace weir::tool {
namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

void note_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool was_interrupted() noexcept { return interrupted != 0; }

}  // namespace weir::tool
