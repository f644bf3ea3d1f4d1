#include "manager/process_tally.hpp"

#include <algorithm>

#include "core/process.hpp"

namespace weir::manager {

DeviceTally::DeviceTally(const DeviceInfo& device, ProcessTally& process)
    : reserved(&process.reserved),
      external(&process.external),
      pinned(&process.pinned),
      backend_(device.backend),
      index_(device.index),
      name_(device.name) {}

void DeviceTally::add_closed(const Statistics& last) noexcept {
  requested_ += last.requested.cumulative;
  allocated_ += last.allocated.cumulative;
}

// The manager counts all of it there as its own from now on, so it is taken off; modulo 2^64 the sum is right.
void DeviceTally::hand_over(DeviceTally& to, const Statistics& last) noexcept {
  add_closed(last);
  to.requested_ -= last.requested.cumulative;
  to.allocated_ -= last.allocated.cumulative;
}

bool DeviceTally::is(const DeviceInfo& device) const noexcept {
  return backend_ == device.backend && index_ == device.index;
}

DeviceTotals DeviceTally::totals() const {
  DeviceTotals known;
  known.backend = backend_;
  known.index = index_;
  known.name = name_;
  known.requested.cumulative = requested_;
  known.allocated.cumulative = allocated_;
  known.reserved = reserved.amount();
  known.external = external.amount();
  known.pinned = pinned.amount();
  return known;
}

ProcessTally& ProcessTally::of_this_process() { return core::one_a_process<ProcessTally>(); }

DeviceTally& ProcessTally::of(const DeviceInfo& device) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(devices_.begin(), devices_.end(), [&](const DeviceTally& each) { return each.is(device); });
  return found == devices_.end() ? devices_.emplace_back(device, *this) : *found;
}

std::vector<DeviceTotals> ProcessTally::devices() const {
  std::vector<DeviceTotals> all;
  const std::lock_guard lock(mutex_);
  for (const DeviceTally& each : devices_) all.push_back(each.totals());
  return all;
}

}  // namespace weir::manager
