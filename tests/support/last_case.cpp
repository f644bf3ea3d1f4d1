// Linked into every test program: one that a signal ends says in its last line which case was running, as a
// brief run prints no names.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <string_view>

#include "support/sanitizers.hpp"

namespace weir {
namespace {

void say(std::string_view words) { static_cast<void>(!write(STDERR_FILENO, words.data(), words.size())); }

// Reads only what GoogleTest had before the signal. The second signal is the system's to deal with.
void tell(int number) {
  say(number == SIGABRT ? "aborted" : "crashed");
  if (const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info()) {
    say(" in ");
    say(test->test_suite_name());
    say(".");
    say(test->name());
  }
  say("\n");
  static_cast<void>(raise(number));
}

[[maybe_unused]] const bool watched = [] {
  if (WEIR_THREAD_SANITIZER || WEIR_ADDRESS_SANITIZER) return false;  // they tell more
  struct sigaction action {};
  action.sa_handler = tell;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigaction(number, &action, nullptr);
  return true;
}();

}  // namespace
}  // namespace weir
