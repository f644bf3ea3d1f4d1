#include "pool/space/page_store.hpp"

#include <algorithm>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/space/growth_plan.hpp"

namespace weir::pool {
namespace {

void raise(std::atomic<std::uint64_t>& peak, std::uint64_t value) noexcept {
  std::uint64_t seen = peak.load();
  while (seen < value && !peak.compare_exchange_weak(seen, value)) {
  }
}

}  // namespace

PageStore::PageStore(device::Backend& backend, std::string pool_name, std::uint64_t limit, std::uint64_t page_bytes,
                     const track::Tallies& tallies, track::EventTap* events)
    : backend_(backend),
      pool_name_(std::move(pool_name)),
      limit_(limit),
      page_bytes_(page_bytes),
      tallies_(tallies),
      events_(events) {
  quota_->tally = tallies.external;
}

PageStore::~PageStore() { quota_->leave(); }

bool PageStore::charge(std::uint64_t bytes) noexcept {
  std::uint64_t now = quota_->all.load();
  do {
    if (bytes > limit_ || now > limit_ - bytes) return false;
  } while (!quota_->all.compare_exchange_weak(now, now + bytes));
  return true;
}

std::uint64_t PageStore::headroom() const noexcept { return limit_ - std::min(limit_, quota_->all.load()); }

void PageStore::took(std::uint64_t bytes) noexcept {
  total_ += bytes;
  raise(peak_, reserved_ += bytes);
  if (tallies_.reserved != nullptr) tallies_.reserved->take(bytes);
}

void PageStore::gave(std::uint64_t bytes) noexcept {
  reserved_ -= bytes;
  quota_->all -= bytes;
  if (tallies_.reserved != nullptr) tallies_.reserved->give(bytes);
}

void PageStore::tell_pages(track::EventKind kind, std::uint64_t pages, std::uint64_t handles,
                           device::Address address) noexcept {
  if (events_ == nullptr) return;
  events_->note({.bytes = pages * page_bytes_,
                 .address = address,
                 .block = static_cast<std::uint32_t>(pages),
                 .generation = static_cast<std::uint32_t>(handles),
                 .kind = kind,
                 .way = track::EventWay::page});
}

void PageStore::tell_segment(track::EventKind kind, const Segment& segment) noexcept {
  if (events_ == nullptr) return;
  events_->note({.bytes = segment.bytes, .address = segment.address, .kind = kind, .way = track::EventWay::segment});
}

/// A call of the driver about memory, on the books; `takes` if it takes or maps some.
template <class Call>
void PageStore::timed(Call call, bool takes) {
  const auto began = track::Latency::Clock::now();
  const auto by_device = backend_.clock().now();
  call();
  driver_time_ += (backend_.clock().now() - by_device).count();
  if (takes) mapping_.record_since(began);
}

// The limit is asked first. That the device has no more is an answer, too, not an error.
template <class Call>
Taken PageStore::take(std::uint64_t bytes, Call call) {
  if (!charge(bytes)) return Taken::limit_refused;
  try {
    timed(call, true);
  } catch (const std::bad_alloc& refusal) {
    quota_->all -= bytes;
    const auto* const error = dynamic_cast<const Error*>(&refusal);
    if (error == nullptr) throw;  // it is the host's own memory that is short
    refused_at_ = reserved();
    const std::lock_guard lock(mutex_);
    last_refusal_ = error->message();
    return Taken::device_refused;
  } catch (...) {
    quota_->all -= bytes;
    throw;
  }
  took(bytes);
  // A little more than it refused may be what others gave back for a moment.
  constexpr std::uint64_t part_to_tell = 8;
  const std::uint64_t refused = refused_at_;
  if (refused != UINT64_MAX && reserved() > refused + refused / part_to_tell) refused_at_ = UINT64_MAX;
  return Taken::yes;
}

std::string PageStore::last_refusal() const {
  const std::lock_guard lock(mutex_);
  return last_refusal_;
}

std::vector<MovableExtent> PageStore::take_held(std::uint64_t max_pages, bool beyond) {
  std::vector<MovableExtent> taken;
  if (held_pages_ == 0 || max_pages == 0) return taken;
  const std::lock_guard lock(mutex_);
  std::stable_sort(held_.begin(), held_.end(), [](const auto& a, const auto& b) { return a.pages < b.pages; });
  std::uint64_t left = max_pages;
  for (std::size_t i = held_.size(); i-- > 0 && left != 0;) {
    if (held_[i].pages > left) continue;
    left -= held_[i].pages;
    taken.push_back(held_[i]);
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (left != 0 && beyond && !held_.empty()) {
    // All that are left are larger than what is wanted yet.
    taken.push_back(held_.front());
    held_.erase(held_.begin());
  }
  held_pages_ -= pages_of(taken);
  return taken;
}

void PageStore::hold(std::span<const MovableExtent> extents) {
  const std::lock_guard lock(mutex_);
  held_.insert(held_.end(), extents.begin(), extents.end());
  for (const MovableExtent& extent : extents) held_pages_ += extent.pages;
}

Taken PageStore::create(std::span<MovableExtent> extents) {
  if (extents.empty()) return Taken::yes;
  std::vector<device::Extent> made(extents.begin(), extents.end());
  const std::uint64_t pages = device::pages_of(made);
  const Taken taken = take(pages * page_bytes_, [&] { backend_.create(made); });
  if (taken != Taken::yes) return taken;
  for (std::size_t i = 0; i < made.size(); ++i) extents[i] = {made[i], 0};
  raise(peak_pages_, pages_ += pages);
  tell_pages(track::EventKind::create, pages, made.size());
  return taken;
}

void PageStore::map(device::Address address, std::span<const MovableExtent> extents) {
  const std::vector<device::Extent> plain(extents.begin(), extents.end());
  timed([&] { backend_.map(address, plain); }, true);
  page_maps_.fetch_add(device::pages_of(plain), std::memory_order_relaxed);
  tell_pages(track::EventKind::map, device::pages_of(plain), plain.size(), address);
}

void PageStore::unmap(device::Address address, std::span<MovableExtent> extents) {
  const std::vector<device::Extent> plain(extents.begin(), extents.end());
  timed([&] { backend_.unmap(address, plain); }, false);
  for (MovableExtent& extent : extents) ++extent.moves;
  tell_pages(track::EventKind::unmap, device::pages_of(plain), plain.size(), address);
}

void PageStore::destroy(std::span<const MovableExtent> extents) noexcept {
  if (extents.empty()) return;
  std::uint64_t pages = 0;
  for (const MovableExtent& extent : extents) {  // one by one, as a list of plain ones would have to be allocated
    const device::Extent& plain = extent;
    timed([&] { backend_.destroy({&plain, 1}); }, false);
    pages += extent.pages;
  }
  pages_ -= pages;
  gave(pages * page_bytes_);
  tell_pages(track::EventKind::destroy, pages, extents.size());
}

Taken PageStore::allocate_segment(std::uint64_t bytes, Segment& segment) {
  segment = {0, bytes};
  const Taken taken = take(bytes, [&] { segment.address = backend_.allocate_segment(bytes); });
  if (taken == Taken::yes) tell_segment(track::EventKind::create, segment);
  return taken;
}

void PageStore::free_segment(const Segment& segment) noexcept {
  timed([&] { backend_.free_segment(segment.address, segment.bytes); }, false);
  gave(segment.bytes);
  tell_segment(track::EventKind::destroy, segment);
}

std::shared_ptr<detail::Quota> PageStore::book_external(std::uint64_t bytes) {
  if (!charge(bytes)) return nullptr;
  quota_->external += bytes;
  if (tallies_.external != nullptr) tallies_.external->take(bytes);
  return quota_;
}

void PageStore::refuse_external(std::uint64_t bytes) const {
  throw LimitExceeded("pool \"" + pool_name_ + "\": " + format_bytes(bytes) +
                          " of external memory do not fit: " + format_bytes(headroom()) + " of the limit of " +
                          format_bytes(limit_) + " are unused; free memory, or raise the limit",
                      {.name = pool_name_, .bytes_asked = bytes, .limit = limit_, .free = headroom()});
}

std::uint64_t PageStore::page_remaps() const noexcept {
  const std::uint64_t maps = page_maps_.load();
  return maps - std::min(maps, peak_pages_.load());
}

}  // namespace weir::pool
