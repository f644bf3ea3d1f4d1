// The way for weir's own rooms to what no public signature names: a pool whose memory is counted in tallies beside its
// own books, the tap of a pool's events, the end of a block's use elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <weir/pool.hpp>

#include "device/event.hpp"
#include "track/event_tap.hpp"
#include "track/tally.hpp"

namespace weir::pool {

struct Access {
  /// As Pool's constructor; what the pool takes and gives back is counted in `tallies` too, which outlive it.
  [[nodiscard]] static std::unique_ptr<Pool> counted_pool(Device device, PoolOptions options,
                                                          const track::Tallies& tallies);
  /// A pool on `device` that takes over what of `pool` outlives its device. Throws as Pool's constructor.
  [[nodiscard]] static std::unique_ptr<Pool> successor(const Pool& pool, Device device, PoolOptions options,
                                                       const track::Tallies& tallies);
  /// Each becomes the other, while no call on either is in flight; but what is recorded of `one` goes on.
  static void exchange(Pool& one, Pool& other) noexcept;
  /// Ends a pool whose place another took: reports no leaks, and waits for nothing where its device was lost, of which
  /// nothing can be asked.
  static void end_abandoned(std::unique_ptr<Pool> pool, bool lost) noexcept;
  /// What happens to the pool's memory, for readers. Lives as long as whoever holds it.
  [[nodiscard]] static const std::shared_ptr<track::EventTap>& events(const Pool& pool) noexcept {
    return pool.events();
  }
  /// As Pool::on_pressure; what `remark` gives is part of each refusal's text.
  [[nodiscard]] static PressureRegistration on_pressure(Pool& pool, PressureHandler handler,
                                                        std::function<std::string()> remark);
  /// Says that the use of a block on `stream` ends with the event `end`.
  static void used_until(Pool& pool, BlockHandle block, StreamId stream, device::SharedEvent end) noexcept {
    pool.used_until(block, stream, std::move(end));
  }
};

}  // namespace weir::pool
