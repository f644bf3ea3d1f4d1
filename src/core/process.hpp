// Whose an object is: fork() copies objects into a process that has none of the
// threads that serve them, and in which a lock that another thread held stays locked.
// What waits for threads or takes locks remembers here where it was made; a child
// gets an error from its parent's objects, and ends them by leaving them as they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <weir/errors.hpp>

namespace weir::core {

/// The error for `what` in a child that has it from its parent; `name` is what its facts name.
[[nodiscard]] Unsupported made_before_fork(const std::string& what, std::string name);

class OwnerProcess {
 public:
  OwnerProcess() noexcept;
  /// False in a child that fork() made since. A load.
  [[nodiscard]] bool is_current() const noexcept { return born_ == forks_.load(std::memory_order_relaxed); }

 private:
  static std::atomic<std::uint32_t> forks_;  ///< from the first process down to this one
  std::uint32_t born_;
};

/// Deletes what its own process made. A child leaves its parent's as it is: another thread may have been changing it,
/// or held its locks, at that moment.
template <class T>
class LeaveInChild {
 public:
  void operator()(T* made) const noexcept {
    if (process_.is_current()) delete made;
  }

 private:
  OwnerProcess process_;
};

/// As std::make_shared, but the last owner to go in a child leaves the object as it is.
template <class T, class... Arguments>
[[nodiscard]] std::shared_ptr<T> make_shared_fork_safe(Arguments&&... arguments) {
  return std::shared_ptr<T>(std::make_unique<T>(std::forward<Arguments>(arguments)...).release(), LeaveInChild<T>());
}

/// The one T of this process, made at its first use and never destroyed; a child makes its own. Lock-free: a fork in
/// the middle of the first use leaves nothing locked.
template <class T>
[[nodiscard]] T& one_a_process() {
  struct Kept {
    OwnerProcess process;
    T value;
  };
  static constinit std::atomic<Kept*> kept{nullptr};
  Kept* known = kept.load(std::memory_order_acquire);
  if (known != nullptr && known->process.is_current()) return known->value;
  auto made = std::make_unique<Kept>();
  // What a child has from its parent stays as it is.
  if (!kept.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) return known->value;
  return made.release()->value;
}

}  // namespace weir::core
