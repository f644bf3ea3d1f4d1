// Ctrl-C and SIGTERM as a wish: for work that has something to tell when it is cut short. A second one ends the program
// as ever. Called by long commands; those that have nothing to tell are ended by the signal itself, and
// files/drafts.hpp removes what they were writing.
#pragma once

#include <atomic>

namespace weir::tool {

/// From now on SIGINT and SIGTERM are noted, each once. One that is ignored stays so: a shell has what runs in the
/// background ignore the terminal's Ctrl-C.
void note_interrupts();
[[nodiscard]] bool was_interrupted() noexcept;
/// The exit status that shells have for a program that the first of them ended: 128 + its number, so 130 for SIGINT and
/// 143 for SIGTERM. 0 where none has come.
[[nodiscard]] int interrupted_status() noexcept;
/// Whether one has come, for work on other threads that looks by itself; of the program's whole life.
[[nodiscard]] const std::atomic<bool>& interrupt_flag() noexcept;

}  // namespace weir::tool
