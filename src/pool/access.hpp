// The way for weir's own rooms to a pool whose memory is counted in tallies beside its own books: managers open
// theirs here, so that no public signature names a tally.
#pragma once

#include <memory>

#include <weir/pool.hpp>

#include "track/tally.hpp"

namespace weir::pool {

struct Access {
  /// As Pool's constructor; what the pool takes and gives back is counted in `tallies` too, which outlive it.
  [[nodiscard]] static std::unique_ptr<Pool> counted_pool(Device device, PoolOptions options,
                                                          const track::Tallies& tallies);
};

}  // namespace weir::pool
