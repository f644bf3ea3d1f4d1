// A pool's soft limit: what reserved + external bytes are to stay below, where that can be had. Nothing is refused for
// it. It sinks with what other programs leave of the device, which is asked for seldom, as the driver's answer takes
// time. Thread-safe; asked on the way of a miss, never on that of a hit.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include <weir/pool.hpp>

#include "device/backend.hpp"
#include "pool/coarse_clock.hpp"
#include "pool/space/page_store.hpp"

namespace weir::pool {

class SoftLimit {
 public:
  SoftLimit(const PoolOptions& options, device::Backend& backend, const PageStore& store, const CoarseClock& clock)
      : option_(options.soft_limit),
        leave_free_(options.leave_free),
        backend_(backend),
        store_(store),
        clock_(clock),
        now_(option_.value_or(none)) {}

  /// Bytes; empty where there is none, or where it depends on what the driver cannot tell.
  [[nodiscard]] std::optional<std::uint64_t> now() const noexcept {
    const std::uint64_t bytes = now_.load(std::memory_order_relaxed);
    return bytes == none ? std::nullopt : std::optional(bytes);
  }
  /// By how much the pool would be above it with so many bytes more. Bytes.
  [[nodiscard]] std::uint64_t excess(std::uint64_t more) const noexcept {
    return above(store_.reserved() + store_.external(), more);
  }
  /// The same if all but so many live bytes and external ones were given back: what handlers would have to free.
  [[nodiscard]] std::uint64_t excess_of_live(std::uint64_t live, std::uint64_t more) const noexcept {
    return above(live + store_.external(), more);
  }

  /// Asks the device what it has left, if that is to be followed and was not asked for 100 ms.
  void follow() noexcept;

  /// Whether handlers may be called early: not for 100 ms after they were in vain.
  [[nodiscard]] bool may_ask() const noexcept { return clock_.units() >= asks_from_.load(std::memory_order_relaxed); }
  void asked_in_vain() noexcept { asks_from_.store(clock_.units() + pause, std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t none = UINT64_MAX;
  static constexpr std::uint64_t pause = 100;  ///< in coarse time, about 100 ms

  [[nodiscard]] std::uint64_t above(std::uint64_t taken, std::uint64_t more) const noexcept {
    const std::uint64_t bound = now_.load(std::memory_order_relaxed);
    const std::uint64_t all = taken + std::min(more, none - taken);
    return all - std::min(all, bound);
  }

  const std::optional<std::uint64_t> option_;
  const std::optional<std::uint64_t> leave_free_;
  device::Backend& backend_;
  const PageStore& store_;
  const CoarseClock& clock_;
  std::atomic<std::uint64_t> now_;
  std::atomic<std::uint64_t> follows_from_{0};  // coarse time
  std::atomic<std::uint64_t> asks_from_{0};
};

}  // namespace weir::pool
