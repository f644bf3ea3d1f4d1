// What the tests of fork() share: a child process that runs a function and tells
// whether it held, within a time, and how a call is refused there.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <functional>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "support/sanitizers.hpp"

namespace weir {

/// Runs `child` in a child process; true if it returned true within ten seconds, else how it ended.
inline testing::AssertionResult holds_in_child(const std::function<bool()>& child) {
  const pid_t id = fork();
  if (id == 0) {
    alarm(10);
    int result = 1;
    try {
      result = child() ? 0 : 1;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "in the child: %s\n", error.what());
      result = 2;
    }
    _exit(result);
  }
  int status = 0;
  waitpid(id, &status, 0);
  if (WIFSIGNALED(status)) return testing::AssertionFailure() << "the child ended by signal " << WTERMSIG(status);
  if (WEXITSTATUS(status) == 2) return testing::AssertionFailure() << "the child threw";
  if (WEXITSTATUS(status) != 0) return testing::AssertionFailure() << "not so in the child";
  return testing::AssertionSuccess();
}

template <class Call>
bool is_unsupported(Call call) {
  try {
    static_cast<void>(call());
  } catch (const Unsupported&) {
    return true;
  }
  return false;
}

/// A fixture for cases that fork while other threads run.
class ForkOfThreads : public testing::Test {
 protected:
  void SetUp() override {
#if WEIR_THREAD_SANITIZER
    GTEST_SKIP() << "ThreadSanitizer has no threads after a fork of several";
#elif WEIR_ADDRESS_SANITIZER
    GTEST_SKIP() << "AddressSanitizer's allocator may stay locked by a thread that the child does not have";
#endif
  }
};

}  // namespace weir
