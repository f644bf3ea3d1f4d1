// Ctrl-C as a wish: for work that has something to tell when it is cut short. A
// second one ends the program as ever. Called by long commands.
#pragma once

namespace weir::tool {

/// The exit status of a program that ended by Ctrl-C, as shells have it: 128 + SIGINT.
inline constexpr int interrupted_status = 130;

/// From now on SIGINT is noted, once.
void note_interrupts();
[[nodiscard]] bool was_interrupted() noexcept;

}  // namespace weir::tool
