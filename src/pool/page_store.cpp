#include "pool/page_store.hpp"

#include <algorithm>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/bundles.hpp"

namespace weir::pool {
namespace {

void raise(std::atomic<std::uint64_t>& peak, std::uint64_t value) noexcept {
  std::uint64_t seen = peak.load();
  while (seen < value && !peak.compare_exchange_weak(seen, value)) {
  }
}

}  // namespace

PageStore::PageStore(device::Backend& backend, std::string pool_name, std::uint64_t limit, std::uint64_t page_bytes,
                     const track::Tallies& tallies)
    : backend_(backend), pool_name_(std::move(pool_name)), limit_(limit), page_bytes_(page_bytes), tallies_(tallies) {
  claims_->tally = tallies.external;
}

PageStore::~PageStore() { claims_->leave(); }

void PageStore::claim(std::uint64_t bytes) {
  std::uint64_t now = claims_->all.load();
  do {
    if (bytes > limit_ || now > limit_ - bytes) {
      const std::uint64_t free = limit_ - std::min(limit_, now);
      throw LimitExceeded("pool \"" + pool_name_ + "\": " + format_bytes(bytes) + " more would pass its limit of " +
                              format_bytes(limit_) + ", " + format_bytes(free) +
                              " of it are left; free memory, or raise the limit",
                          {.name = pool_name_, .bytes_asked = bytes, .limit = limit_, .free = free});
    }
  } while (!claims_->all.compare_exchange_weak(now, now + bytes));
}

void PageStore::took(std::uint64_t bytes) noexcept {
  total_ += bytes;
  raise(peak_, reserved_ += bytes);
  if (tallies_.reserved != nullptr) tallies_.reserved->take(bytes);
}

void PageStore::gave(std::uint64_t bytes) noexcept {
  reserved_ -= bytes;
  claims_->all -= bytes;
  if (tallies_.reserved != nullptr) tallies_.reserved->give(bytes);
}

std::vector<device::PageHandle> PageStore::take_held(const PagesWanted& wanted, bool bundles_first) {
  std::vector<device::PageHandle> pages;
  const std::lock_guard lock(mutex_);
  const auto left = [&] { return wanted.most - std::min<std::uint64_t>(wanted.most, pages.size()); };
  const auto take_bundles = [&] {
    while (!bundles_.empty() && left() != 0) {
      if (!wanted.beyond && bundles_.back().size() > left()) return;
      pages.insert(pages.end(), bundles_.back().begin(), bundles_.back().end());
      bundles_.pop_back();
    }
  };
  if (bundles_first) take_bundles();
  const std::size_t count = std::min<std::size_t>(left(), held_.size());
  pages.insert(pages.end(), held_.end() - static_cast<std::ptrdiff_t>(count), held_.end());
  held_.resize(held_.size() - count);
  if (!bundles_first) take_bundles();
  return pages;
}

void PageStore::hold(std::span<const device::PageHandle> pages) {
  const std::lock_guard lock(mutex_);
  for_each_handle(pages, [&](std::size_t first, std::size_t count) {
    const auto handle = pages.subspan(first, count);
    if (count == 1) {
      held_.push_back(handle.front());
    } else {
      bundles_.emplace_back(handle.begin(), handle.end());
    }
  });
}

void PageStore::create(std::span<device::PageHandle> pages) {
  if (pages.empty()) return;
  const std::uint64_t bytes = pages.size() * page_bytes_;
  claim(bytes);
  const auto began = track::Latency::Clock::now();
  try {
    std::vector<device::Extent> row = extents_of(pages);
    backend_.create(row);
    auto next = row.cbegin();
    for_each_handle(pages, [&](std::size_t first, std::size_t) { pages[first] = (next++)->handle; });
  } catch (...) {
    claims_->all -= bytes;
    throw;
  }
  mapping_.record_since(began);
  took(bytes);
  raise(peak_pages_, pages_ += pages.size());
}

void PageStore::map(device::Address address, std::span<const device::PageHandle> pages) {
  const auto began = track::Latency::Clock::now();
  backend_.map(address, extents_of(pages));
  mapping_.record_since(began);
  page_maps_.fetch_add(pages.size(), std::memory_order_relaxed);
}

void PageStore::destroy(std::span<const device::PageHandle> pages) noexcept {
  if (pages.empty()) return;
  backend_.destroy(extents_of(pages));
  pages_ -= pages.size();
  gave(pages.size() * page_bytes_);
}

Segment PageStore::allocate_segment(std::uint64_t bytes) {
  claim(bytes);
  Segment segment{0, bytes};
  const auto began = track::Latency::Clock::now();
  try {
    segment.address = backend_.allocate_segment(bytes);
  } catch (...) {
    claims_->all -= bytes;
    throw;
  }
  mapping_.record_since(began);
  took(bytes);
  return segment;
}

void PageStore::free_segment(const Segment& segment) noexcept {
  backend_.free_segment(segment.address, segment.bytes);
  gave(segment.bytes);
}

std::shared_ptr<detail::Claims> PageStore::book_external(std::uint64_t bytes) {
  claim(bytes);
  claims_->external += bytes;
  if (tallies_.external != nullptr) tallies_.external->take(bytes);
  return claims_;
}

std::uint64_t PageStore::held() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t pages = held_.size();
  for (const auto& bundle : bundles_) pages += bundle.size();
  return pages * page_bytes_;
}

std::uint64_t PageStore::page_remaps() const noexcept {
  const std::uint64_t maps = page_maps_.load();
  return maps - std::min(maps, peak_pages_.load());
}

}  // namespace weir::pool
