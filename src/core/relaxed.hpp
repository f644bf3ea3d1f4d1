// A value that one party writes, under a lock of its own, and others may read at any
// time: they see some value it had. Costs what a plain one costs.
#pragma once

#include <atomic>

namespace weir::core {

template <class Value>
class Relaxed {
 public:
  Relaxed() = default;
  Relaxed(Value value) noexcept : value_(value) {}  // NOLINT(google-explicit-constructor): it stands for a value
  Relaxed(const Relaxed& other) noexcept : value_(Value{other}) {}
  Relaxed& operator=(const Relaxed& other) noexcept { return *this = Value{other}; }
  ~Relaxed() = default;
  Relaxed& operator=(Value value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  // NOLINTNEXTLINE(google-explicit-constructor): the same
  operator Value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<Value> value_{};
};

}  // namespace weir::core
