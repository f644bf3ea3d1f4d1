// Whether a buffer's address is in use, against its being moved to the host meanwhile. Users count themselves; who
// moves the buffer keeps users out while there are none, and users that come then wait. One who ends the buffer
// meanwhile leaves that to the mover: it waits for nobody, as it may be what the mover waits for. A use costs two
// locked additions.
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
      if (users < 0) {
        users_.wait(users, std::memory_order_relaxed);
      } else if (users_.compare_exchange_weak(users, users + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        return;
      }
    }
  }
  [[nodiscard]] bool in_use() const noexcept { return users_.load(std::memory_order_relaxed) > 0; }
  void leave() noexcept { users_.fetch_sub(1, std::memory_order_release); }

  /// For the end of the buffer: enters, or tells who moves it to end it, which gives false. Does not wait.
  [[nodiscard]] bool enter_or_leave_to_mover() noexcept {
    for (std::int32_t users = users_.load(std::memory_order_relaxed);;) {
      const std::int32_t next = users == moving ? ended : users + 1;
      if (users_.compare_exchange_weak(users, next, std::memory_order_acq_rel, std::memory_order_relaxed)) {
        return next != ended;
      }
    }
  }

  /// Keeps users out; false where there are some.
  [[nodiscard]] bool try_close() noexcept {
    std::int32_t none = 0;
    return users_.compare_exchange_strong(none, moving, std::memory_order_acquire, std::memory_order_relaxed);
  }
  /// Lets users in; false where the buffer was to end meanwhile, which is the caller's to do now.
  [[nodiscard]] bool open() noexcept {
    const bool goes_on = users_.exchange(0, std::memory_order_acq_rel) == moving;
    users_.notify_all();
    return goes_on;
  }

 private:
  static constexpr std::int32_t moving = -1, ended = -2;
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
