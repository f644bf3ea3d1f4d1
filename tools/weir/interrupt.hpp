// Ctrl-C and SIGTERM as a wish: for work that has something to tell when it is cut short. A
// second one ends the program as ever. Called by long commands.
#pragma once

#include <atomic>

namespace weir::tool {

/// The exit status of a program that was cut short, as shells have it for Ctrl-C: 128 + SIGINT.
inline constexpr int interrupted_status = 130;

/// From now on SIGINT and SIGTERM are noted, each once.
void note_interrupts();
[[nodiscard]] bool was_interrupted() noexcept;
/// The same, for work on other threads that looks by itself; of the program's whole life.
[[nodiscard]] const std::atomic<bool>& interrupt_flag() noexcept;

}  // namespace weir::tool
