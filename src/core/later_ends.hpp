// Ends that may not happen on the thread at hand: a CUDA driver allows no call from
// its own threads, and what a host function holds may call it in its destructor. Such
// an object is kept until a thread of the program comes by, and ends there. That
// thread counts as one that runs queued work meanwhile, so that it waits for nothing:
// what waits when it ends goes to a thread of its own (elsewhere.hpp).
// Thread-safe. Called by the CUDA backend; every call on a Device comes by.
#pragma once

#include <atomic>
#include <memory>

namespace weir::core {

class EndsLater {
 public:
  EndsLater() = default;
  EndsLater(const EndsLater&) = delete;
  EndsLater& operator=(const EndsLater&) = delete;
  virtual ~EndsLater() = default;

 private:
  friend void end_later(std::unique_ptr<EndsLater> object) noexcept;
  friend void end_kept() noexcept;
  friend void end_all_kept() noexcept;
  static void end_in_order(std::atomic<EndsLater*>& last) noexcept;
  EndsLater* next_ = nullptr;
};

/// Makes room for what a process keeps, so that end_later() allocates nothing. Throws std::bad_alloc.
void prepare_to_end_later();
/// Keeps the object for end_kept(). Takes no lock. Once prepare_to_end_later() returned.
void end_later(std::unique_ptr<EndsLater> object) noexcept;
/// Ends what was kept, in the order of end_later(); nothing where ends_nothing_here(). Two loads if there is nothing to
/// do. The caller holds no lock: destructors may call anything. One thread ends at a time: another one leaves it to
/// that.
void end_kept() noexcept;
/// The same, and what another thread is ending has ended too when this returns.
void end_all_kept() noexcept;

/// While one lives, the calling thread holds a lock of weir's, and nothing ends on it.
class EndNothingHere {
 public:
  EndNothingHere() noexcept;
  ~EndNothingHere();
  EndNothingHere(const EndNothingHere&) = delete;
  EndNothingHere& operator=(const EndNothingHere&) = delete;

 private:
  bool before_;
};
/// So it is there, and on a thread that runs queued work.
[[nodiscard]] bool ends_nothing_here() noexcept;

}  // namespace weir::core
