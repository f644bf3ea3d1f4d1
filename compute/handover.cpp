#include "compute/handover.hpp"

#include <utility>

namespace weir::compute {

Handover::Handover(std::size_t slots, std::function<void(std::size_t)> empty)
    : empty_(std::move(empty)), full_(slots), thread_([this] { empty_all(); }) {}

void Handover::wait_for(std::size_t slot) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !full_.at(slot) || failure_; });
  if (failure_) std::rethrow_exception(failure_);
}

void Handover::give(std::size_t slot) {
  const std::lock_guard lock(mutex_);
  full_.at(slot) = true;
  given_.push_back(slot);
  changed_.notify_all();
}

void Handover::finish() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Handover::check() const {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

void Handover::empty_all() {
  for (;;) {
    std::size_t slot = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return !given_.empty() || ended_; });
      if (given_.empty()) return;
      slot = given_.front();
      given_.pop_front();
    }
    std::exception_ptr failure;
    try {
      empty_(slot);
    } catch (...) {
      failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = failure;
    full_[slot] = false;
    changed_.notify_all();
  }
}

}  // namespace weir::compute
