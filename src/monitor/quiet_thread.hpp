// Starts the threads that recordings and monitors have, where a program asked for one.
#pragma once

#include <csignal>

#include <thread>

namespace weir::monitor {

/// A thread that no signal of the program's is delivered to: a write past a limit is an error then, not its end.
template <class Run>
std::thread quiet_thread(Run run) {
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread made(run);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return made;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

}  // namespace weir::monitor
