// Whose an object is: fork() copies objects into a process that has none of the
// threads that serve them, so what waits for threads must know where it was made.
#pragma once

#include <unistd.h>

namespace weir::core {

class HomeProcess {
 public:
  /// False in a child that fork() made since.
  [[nodiscard]] bool is_here() const noexcept { return getpid() == id_; }

 private:
  pid_t id_ = getpid();
};

}  // namespace weir::core
