// Slots that one thread fills and another empties, in the order in which they were filled, so that both are at work at
// a time. What emptying throws comes out where the slots are filled. Used by pipelines of chunks, which have two slots:
// one chunk is read and computed while the one before it is downloaded and written.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::compute {

class Handover {
 public:
  /// `empty` is called with a slot's number on a thread of this object's, for one slot at a time.
  Handover(std::size_t slots, std::function<void(std::size_t slot)> empty);
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  ~Handover() { finish(); }

  /// Waits until the slot is empty. Throws what emptying any slot threw.
  void wait_for(std::size_t slot);
  /// Has the slot, which is full now, emptied after those given earlier.
  void give(std::size_t slot);
  /// Waits until all that was given is empty, and ends the thread; nothing may be given after it.
  void finish() noexcept;
  /// After finish: throws what emptying any slot threw.
  void check() const;

 private:
  void empty_all();

  const std::function<void(std::size_t)> empty_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> full_;  // from give to the end of its emptying
  std::deque<std::size_t> given_;
  bool ended_ = false;
  std::exception_ptr failure_;  // the first
  std::thread thread_;
};

}  // namespace weir::compute
