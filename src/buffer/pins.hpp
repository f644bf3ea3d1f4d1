// Whether a buffer's address is in use, against its being moved to the host meanwhile. Users count themselves; who
// moves the buffer takes it when there are none, and users that come then wait. A counter: a use costs two locked
// additions.
#pragma once

#include <atomic>
#include <cstdint>

namespace weir::detail {

class Pins {
 public:
  /// Waits while the buffer is being moved.
  void enter() noexcept {
    for (;;) {
      std::int32_t users = users_.load(std::memory_order_relaxed);
      if (users == moving) {
        users_.wait(moving, std::memory_order_relaxed);
      } else if (users_.compare_exchange_weak(users, users + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        return;
      }
    }
  }
  void leave() noexcept { users_.fetch_sub(1, std::memory_order_release); }

  /// Keeps users out; false where there are some.
  [[nodiscard]] bool try_close() noexcept {
    std::int32_t none = 0;
    return users_.compare_exchange_strong(none, moving, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void open() noexcept {
    users_.store(0, std::memory_order_release);
    users_.notify_all();
  }

 private:
  static constexpr std::int32_t moving = -1;
  std::atomic<std::int32_t> users_{0};
};

/// Leaves pins that were entered.
class PinsGuard {
 public:
  explicit PinsGuard(Pins& pins) noexcept : pins_(pins) {}
  PinsGuard(const PinsGuard&) = delete;
  PinsGuard& operator=(const PinsGuard&) = delete;
  ~PinsGuard() { pins_.leave(); }

 private:
  Pins& pins_;
};

}  // namespace weir::detail
