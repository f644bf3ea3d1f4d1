// Threads of weir's own: where the system makes none, the error says whose it would
// have been and what to do. Called before anything changes that needs the thread.
#pragma once

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include <weir/errors.hpp>

namespace weir::core {

/// A thread that calls `run`; `whose` names what needs it: "stream 5". Throws DriverError.
template <class Run>
[[nodiscard]] std::thread start_thread(const std::string& whose, Run run) {
  try {
    return std::thread(std::move(run));
  } catch (const std::system_error& error) {
    throw DriverError(whose + " needs a thread, and the system makes none (" + error.code().message() +
                          "): raise its limit on threads (ulimit -u, or the container's on pids) or on memory " +
                          "(ulimit -v), or end other threads, and try again; nothing was queued",
                      {.name = whose, .native_code = error.code().value()});
  }
}

}  // namespace weir::core
