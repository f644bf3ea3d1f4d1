#include "model/oracle.hpp"

#include <algorithm>
#include <utility>

namespace weir::model {
namespace {

std::uint64_t rounded(std::uint64_t bytes) { return (bytes + 511) / 512 * 512; }

}  // namespace

std::string Oracle::allocated(const Live& block, std::uint64_t alignment) {
  const std::uint64_t end = block.address + rounded(block.requested);
  const auto next = places_.lower_bound(block.address);
  if (next != places_.end() && next->first < end) return "it overlaps the live block after it";
  if (next != places_.begin()) {
    const Live& before = live_[std::prev(next)->second];
    if (before.address + rounded(before.requested) > block.address) return "it overlaps the live block before it";
  }
  if (block.address == 0 || block.address % std::max<std::uint64_t>(alignment, 512) != 0) return "it is not aligned";
  places_.emplace(block.address, live_.size());
  live_.push_back(block);
  for (std::uint64_t page = block.address / page_bytes_; page <= (end - 1) / page_bytes_; ++page) ++pages_[page];
  requested_ += block.requested;
  requested_total_ += block.requested;
  requested_peak_ = std::max(requested_peak_, requested_);
  allocated_ += rounded(block.requested);
  allocated_total_ += rounded(block.requested);
  allocated_peak_ = std::max(allocated_peak_, allocated_);
  ++allocations_;
  return {};
}

void Oracle::freed(std::uint64_t address) {
  const auto place = places_.find(address);
  const std::size_t index = place->second;
  places_.erase(place);
  const Live gone = live_[index];
  if (index + 1 != live_.size()) {
    live_[index] = live_.back();
    places_[live_[index].address] = index;
  }
  live_.pop_back();
  const std::uint64_t end = gone.address + rounded(gone.requested);
  for (std::uint64_t page = gone.address / page_bytes_; page <= (end - 1) / page_bytes_; ++page) {
    if (--pages_[page] == 0) pages_.erase(page);
  }
  requested_ -= gone.requested;
  allocated_ -= rounded(gone.requested);
  ++frees_;
}

bool Oracle::pages_suffice(std::uint64_t bytes) const {
  if (bytes > limit_ || external_ > limit_) return false;
  // Unaligned, a block touches one page more than it fills.
  const std::uint64_t pages = pages_.size() + (bytes + page_bytes_ - 1) / page_bytes_ + 1;
  return pages * page_bytes_ + external_ <= limit_;
}

std::string Oracle::compare(const Statistics& s) const {
  std::string difference;
  const auto expect = [&](const char* what, std::uint64_t is, std::uint64_t should) {
    if (is == should || !difference.empty()) return;
    difference = std::string(what) + " is " + std::to_string(is) + ", should be " + std::to_string(should);
  };
  const auto expect_at_most = [&](const char* what, std::uint64_t is, std::uint64_t most) {
    if (is <= most || !difference.empty()) return;
    difference = std::string(what) + " is " + std::to_string(is) + ", at most " + std::to_string(most) + " is right";
  };
  expect("requested.live", s.requested.live, requested_);
  expect("requested.cumulative", s.requested.cumulative, requested_total_);
  expect("allocated.live", s.allocated.live, allocated_);
  expect("allocated.cumulative", s.allocated.cumulative, allocated_total_);
  expect("live", s.live, allocated_);
  expect("allocations", s.allocations, allocations_);
  expect("frees", s.frees, frees_);
  expect("refusals", s.refusals, refusals_);
  expect("errors", s.errors, errors_);
  expect("external", s.external, external_);
  expect("hits and misses", s.cache_hits + s.arena_hits + s.misses, allocations_);
  expect("the sum of all states", s.live + s.cached + s.pending + s.mapped_free + s.held, s.reserved.live);
  expect_at_most("reserved and external", s.reserved.live + s.external, limit_);
  expect_at_most("reserved.live", s.reserved.live, s.reserved.peak);
  expect_at_most("the requested peak, too low,", requested_peak_, s.requested.peak);
  expect_at_most("the allocated peak, too low,", allocated_peak_, s.allocated.peak);
  expect_at_most("requested.peak", s.requested.peak, requested_peak_ + loose_peak_);
  expect_at_most("allocated.peak", s.allocated.peak, allocated_peak_ + loose_peak_);
  expect_at_most("largest_free_range", s.largest_free_range, s.mapped_free);
  return difference;
}

}  // namespace weir::model
