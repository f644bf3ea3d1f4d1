// A thread of a test: what leaves it as an exception fails the test and says what it was, where std::thread would end
// the program. Joined by the test, as a std::thread is.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <thread>
#include <utility>

namespace weir {

class TestThread {
 public:
  template <class Run>
  explicit TestThread(Run run)
      : thread_([run = std::move(run)]() mutable {
          try {
            run();
          } catch (const std::exception& error) {
            ADD_FAILURE() << "a thread ended with: " << error.what();
          }
        }) {}
  void join() { thread_.join(); }

 private:
  std::thread thread_;
};

}  // namespace weir
