// Ends that wait for queued work, away from the threads that run it. What queued work
// holds ends on the thread that ran it, and there a wait for that thread's own work, or
// a join of it, would never end; a CUDA driver moreover allows no call from there. So
// such a thread hands the end over to one that is made for it, and goes on.
// Where no thread can be made, the end waits for the next try: no end is lost.
// Thread-safe. Called by what waits when it ends: streams, backends, pools, transfers.
#pragma once

#include <memory>
#include <utility>

#include "core/process.hpp"

namespace weir::core {

/// While one lives, the calling thread runs queued work.
class InQueuedWork {
 public:
  InQueuedWork() noexcept;
  ~InQueuedWork();
  InQueuedWork(const InQueuedWork&) = delete;
  InQueuedWork& operator=(const InQueuedWork&) = delete;

 private:
  bool before_;
};
/// The same for the rest of the thread, until after its last destructor.
void run_queued_work_from_now_on() noexcept;
[[nodiscard]] bool in_queued_work() noexcept;
/// Whether the calling thread was made for an end that was handed over. What its maker lent to the object, a log say,
/// may be gone by then.
[[nodiscard]] bool ends_elsewhere() noexcept;

/// Calls `end(object)` on a thread of its own.
void hand_over(void* object, void (*end)(void*)) noexcept;
/// Tries again to make a thread, where there was none for an end. A load if there is nothing to do.
void retry_ends() noexcept;

/// Deletes the object: elsewhere if the calling thread runs queued work.
template <class T>
void end_what_waits(T* made) noexcept {
  if (!in_queued_work()) {
    delete made;
    return;
  }
  hand_over(made, [](void* object) { delete static_cast<T*>(object); });
}

/// The same, but in a child of fork() it leaves what its parent made as it is.
template <class T>
class EndWhatWaits {
 public:
  void operator()(T* made) const noexcept {
    if (process_.is_current()) end_what_waits(made);
  }

 private:
  OwnerProcess process_;
};

/// As std::make_shared, for what waits for queued work when it ends.
template <class T, class... Arguments>
[[nodiscard]] std::shared_ptr<T> make_shared_that_waits(Arguments&&... arguments) {
  return std::shared_ptr<T>(std::make_unique<T>(std::forward<Arguments>(arguments)...).release(), EndWhatWaits<T>());
}

}  // namespace weir::core
