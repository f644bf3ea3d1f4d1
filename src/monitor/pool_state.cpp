#include "monitor/pool_state.hpp"

#include <algorithm>

#include "index/size_bins.hpp"

namespace weir::monitor {

namespace {

using track::Event;
using track::EventKind;
using track::EventWay;

std::uint64_t allocated(const Event& event) noexcept { return std::uint64_t{event.granules} << index::granule_shift; }

void change(Amount& amount, std::uint64_t before, std::uint64_t after) noexcept {
  amount.live += after - before;
  if (after > before) amount.cumulative += after - before;
  amount.peak = std::max(amount.peak, amount.live);
}

}  // namespace

std::string PoolState::name_of(std::uint32_t tag) const {
  if (tag == 0) return {};
  const auto found = names_.find(tag);
  return found == names_.end() ? "tag " + std::to_string(tag) : found->second;
}

PoolState::Outcome PoolState::allocate(const Event& event) {
  Outcome outcome = Outcome::applied;
  const auto [place, fresh] = live_.try_emplace(event.block, event);
  if (!fresh) {
    change(counts_.requested, place->second.bytes, 0);
    change(counts_.allocated, allocated(place->second), 0);
    place->second = event;
    outcome = Outcome::replaced;
  }
  change(counts_.requested, 0, event.bytes);
  change(counts_.allocated, 0, allocated(event));
  ++counts_.allocations;
  if (event.way == EventWay::cache) ++counts_.cache_hits;
  if (event.way == EventWay::arena) ++counts_.arena_hits;
  if (event.way == EventWay::miss) ++counts_.misses;
  return outcome;
}

PoolState::Outcome PoolState::free(const Event& event) {
  ++counts_.frees;
  const auto found = live_.find(event.block);
  if (found == live_.end()) return Outcome::unmatched;
  change(counts_.requested, found->second.bytes, 0);
  change(counts_.allocated, allocated(found->second), 0);
  live_.erase(found);
  return Outcome::applied;
}

PoolState::Outcome PoolState::resize(const Event& event) {
  const auto found = live_.find(event.block);
  if (found == live_.end()) return Outcome::unmatched;
  change(counts_.requested, found->second.bytes, event.bytes);
  change(counts_.allocated, allocated(found->second), allocated(event));
  found->second.bytes = event.bytes;
  found->second.granules = event.granules;
  found->second.address = event.address;
  return Outcome::applied;
}

PoolState::Outcome PoolState::apply(const Event& event) {
  switch (event.kind) {
    case EventKind::allocate: return allocate(event);
    case EventKind::free: return free(event);
    case EventKind::resize: return resize(event);
    case EventKind::create: change(counts_.reserved, 0, event.bytes); break;
    case EventKind::destroy: change(counts_.reserved, event.bytes, 0); break;
    case EventKind::map: counts_.page_maps += event.block; break;
    case EventKind::refuse: ++counts_.refusals; break;
    case EventKind::lost: lost_ += event.bytes; break;
    case EventKind::unmap:
    case EventKind::transfer_start:
    case EventKind::transfer_end:
    case EventKind::fall_back:
    case EventKind::spill:
    case EventKind::restore: break;
  }
  return Outcome::applied;
}

}  // namespace weir::monitor
