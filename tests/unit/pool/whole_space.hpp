// A space with the order of its streams, over a dry device whose calls are counted and
// may fail: what a pool has below its caches.
#pragma once

#include <memory>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/dry/dry_backend.hpp"
#include "pool/order/stream_order.hpp"
#include "pool/space/space.hpp"
#include "support/faulty_backend.hpp"

namespace weir::pool {

class WholeSpace {
 public:
  static constexpr std::uint64_t page = std::uint64_t{2} << 20;
  static constexpr std::uint32_t page_granules = page / 512;

  explicit WholeSpace(std::uint64_t capacity_pages, const PoolOptions& options = {},
                      const device::DriverModel& model = {})
      : dry(backend::dry::make_dry_backend(capacity_pages * page, model)),
        backend(std::make_shared<device::FaultyBackend>(dry)),
        clock(backend->clock()),
        order(backend, journal),
        space(*backend, backend->info(), options, {}, journal, order.epochs(), clock) {}
  /// Everything goes back, and nobody broke a rule.
  ~WholeSpace() {
    backend->heal();
    space.return_everything();
    EXPECT_EQ(backend->balance(), device::FaultyBackend::Balance{.events = backend->balance().events});
    EXPECT_EQ(backend->breach(), "");
    EXPECT_EQ(dry->fault(), nullptr);
  }
  WholeSpace(const WholeSpace&) = delete;
  WholeSpace& operator=(const WholeSpace&) = delete;

  [[nodiscard]] static Placement pages(std::uint64_t count, StreamIndex stream_index = clean_index) {
    return {
        .granules = static_cast<std::uint32_t>(count * page_granules), .alignment = 1, .stream_index = stream_index};
  }
  /// A block of so many pages, where there is room or by growing; 0 if it is refused.
  std::uint32_t allocate(std::uint64_t count, StreamIndex stream_index = clean_index,
                         Effort effort = Effort::thorough) {
    const Placement wanted = pages(count, stream_index);
    if (const std::uint32_t id = space.fit_in_any(wanted, nullptr)) return id;
    return grow(wanted, effort).id;
  }
  /// From the first arena on.
  Growth grow(const Placement& wanted, Effort effort) {
    std::uint8_t home = 0;
    return space.grow(wanted, home, effort);
  }
  void release(std::uint32_t id, StreamIndex stream_index = clean_index) {
    space.release(id, stream_index, clock.now());
  }

  [[nodiscard]] std::uint64_t reserved_pages() const { return space.store().reserved() / page; }
  [[nodiscard]] std::uint64_t free_pages() const { return space.free_bytes() / page; }
  [[nodiscard]] std::uint64_t creates() const { return dry->driver_calls().creates; }
  [[nodiscard]] std::chrono::nanoseconds now() const { return dry->simulated_time()->now(); }

  const std::shared_ptr<backend::dry::DryBackend> dry;
  const std::shared_ptr<device::FaultyBackend> backend;
  const Journal journal{"tested", nullptr};
  const CoarseClock clock;
  StreamOrder order;
  Space space;
};

}  // namespace weir::pool
