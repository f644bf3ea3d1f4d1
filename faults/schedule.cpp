#include "faults/schedule.hpp"

#include <algorithm>
#include <iterator>

namespace weir::faults {

void Schedule::add(const Fault& fault) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back({.fault = fault, .left = fault.nth});
}

void Schedule::clear() {
  const std::lock_guard lock(mutex_);
  waiting_.clear();
}

void Schedule::restart(const std::vector<Fault>& faults) {
  const std::lock_guard lock(mutex_);
  waiting_.clear();
  fired_ = false;
  for (const Fault& each : faults) waiting_.push_back({.fault = each, .left = each.nth});
}

std::optional<Fault> Schedule::strike(CallKind kind) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  std::optional<Fault> struck;
  for (auto& [fault, left] : waiting_) {
    if (fault.counted && !fault.counted(kind)) continue;
    if (left != 0) --left;
    if (left != 0 || struck || (fault.fitting && !fault.fitting(kind))) continue;
    struck = fault;
    fired_ = true;
    --fault.times;
    left = fault.period;
  }
  std::erase_if(waiting_, [](const Waiting& each) { return each.fault.times == 0; });
  return struck;
}

std::uint64_t Schedule::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

bool Schedule::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

std::vector<Fault> Schedule::waiting() const {
  const std::lock_guard lock(mutex_);
  std::vector<Fault> all;
  std::transform(waiting_.begin(), waiting_.end(), std::back_inserter(all),
                 [](const Waiting& each) { return each.fault; });
  return all;
}

}  // namespace weir::faults
