// What of a pool outlives the device that it stands on: who reads its events, the names of its tags, the handlers of
// memory pressure, and what it came to so far. A pool on another device that takes a lost one's place has it.
#pragma once

#include <memory>

#include <weir/statistics.hpp>

#include "pool/pressure.hpp"
#include "track/event_tap.hpp"
#include "track/tag_names.hpp"

namespace weir::pool {

struct Lasting {
  std::shared_ptr<track::EventTap> events = {};  ///< null: the pool makes its own
  std::shared_ptr<track::TagNames> tags = std::make_shared<track::TagNames>();
  std::shared_ptr<PressureHandlers> pressure = std::make_shared<PressureHandlers>();
  Statistics past = {};  ///< nothing is live in them
};

/// The sums of all time, of a pool's last statistics: blocks that were live count as freed, for the device took them.
/// Latencies are left out: they are those of one device.
[[nodiscard]] Statistics of_a_lost_device(Statistics last) noexcept;
/// Adds what a pool came to before. A peak is the highest of either time.
void add(Statistics& now, const Statistics& past) noexcept;

}  // namespace weir::pool
