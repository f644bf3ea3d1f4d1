#include "compute/team.hpp"

#include <utility>

namespace weir::compute {
namespace {

/// Waits until `value` is not `old`, awake for some tens of microseconds: a sleeper takes longer to wake.
template <class Value>
void await_change(const std::atomic<Value>& value, Value old) noexcept {
  constexpr int looks = 100;
  for (int i = 0; i < looks; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    std::this_thread::yield();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

Team::Team(std::size_t threads) {
  failures_.resize(std::max<std::size_t>(threads, 1));
  helpers_.reserve(size() - 1);
  try {
    for (std::size_t self = 1; self < size(); ++self) helpers_.emplace_back([this, self] { help(self); });
  } catch (...) {
    failures_.resize(helpers_.size() + 1);  // there are no more threads to be had: it works with those it has
  }
}

Team::~Team() {
  work_ = nullptr;
  ++step_;
  step_.notify_all();
}

void Team::each(const std::function<void(std::size_t)>& work) {
  work_ = &work;
  busy_.store(helpers_.size(), std::memory_order_relaxed);
  step_.fetch_add(1, std::memory_order_release);
  step_.notify_all();
  run(0);
  for (std::size_t left = 0; (left = busy_.load(std::memory_order_acquire)) != 0;) await_change(busy_, left);
  std::exception_ptr first;
  for (std::exception_ptr& failure : failures_) {
    std::exception_ptr one = std::exchange(failure, nullptr);
    if (!first) first = std::move(one);
  }
  if (first) std::rethrow_exception(first);
}

void Team::help(std::size_t self) {
  for (std::uint32_t step = 0;; ++step) {
    await_change(step_, step);
    if (work_ == nullptr) return;
    run(self);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

void Team::run(std::size_t self) noexcept {
  try {
    (*work_)(self);
  } catch (...) {
    failures_[self] = std::current_exception();
  }
}

}  // namespace weir::compute
