// Linked into every test program: one that a signal ends says in its last line which case was running, as a
// brief run prints no names. So does one whose time is up (WEIR_TEST_SECONDS), with what its threads were doing.
#include <dirent.h>
#include <execinfo.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

#include "support/sanitizers.hpp"

namespace weir {
namespace {

void say(std::string_view words) { static_cast<void>(!write(STDERR_FILENO, words.data(), words.size())); }

// Reads only what GoogleTest had before the signal.
void say_case(std::string_view how) {
  say(how);
  if (const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info()) {
    say(" in ");
    say(test->test_suite_name());
    say(".");
    say(test->name());
  }
  say("\n");
}

// The second signal is the system's to deal with.
void tell(int number) {
  say_case(number == SIGABRT ? "aborted" : "crashed");
  static_cast<void>(raise(number));
}

std::atomic<bool> told{false};

void tell_stack(int /*number*/) {
  std::array<void*, 40> frames{};
  backtrace_symbols_fd(frames.data(), backtrace(frames.data(), static_cast<int>(frames.size())), STDERR_FILENO);
  say("--\n");
  told = true;
}

// One thread's stack after another's; a thread that blocks signals gets half a second. This program is lost, so that
// what no signal handler should do can make nothing worse.
void tell_time(int /*number*/) {
  say("its time is up; what its threads do:\n");
  if (DIR* const tasks = opendir("/proc/self/task")) {
    while (const dirent* const entry = readdir(tasks)) {
      long thread = 0;
      std::from_chars(entry->d_name, entry->d_name + std::strlen(entry->d_name), thread);
      told = false;
      if (thread == 0 || syscall(SYS_tgkill, getpid(), thread, SIGUSR2) != 0) continue;
      for (int i = 0; i < 500 && !told; ++i) {
        const timespec millisecond{.tv_sec = 0, .tv_nsec = 1'000'000};
        nanosleep(&millisecond, nullptr);
      }
    }
  }
  say_case("its time was up");
  std::signal(SIGABRT, SIG_DFL);
  std::abort();
}

[[maybe_unused]] const bool telling = [] {
  const auto on = [](int number, void (*handler)(int), int flags) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(number, &action, nullptr);
  };
  if (const char* const seconds = std::getenv("WEIR_TEST_SECONDS")) {
    std::array<void*, 1> frame{};
    backtrace(frame.data(), 1);  // loads what it needs
    on(SIGUSR2, tell_stack, SA_RESTART);
    on(SIGALRM, tell_time, SA_RESTART);
    alarm(static_cast<unsigned>(std::strtoul(seconds, nullptr, 10)));
  }
  if (WEIR_THREAD_SANITIZER || WEIR_ADDRESS_SANITIZER) return false;  // they tell more
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) on(number, tell, static_cast<int>(SA_RESETHAND));
  return true;
}();

}  // namespace
}  // namespace weir
