// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>

#include <weir/clock.hpp>

namespace weir::contract {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::nanoseconds now() const noexcept override {
    return std::chrono::nanoseconds(nanoseconds_.load(std::memory_order_relaxed));
  }
  void advance(std::chrono::nanoseconds step) noexcept {
    nanoseconds_.fetch_add(step.count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> nanoseconds_{1'000'000'000};
};

}  // namespace weir::contract
