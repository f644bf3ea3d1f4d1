#include "pool/cache/credits.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "pool/cache/caches.hpp"

namespace weir::pool {

void Credits::take_back(ThreadCache& cache) noexcept {
  const auto back = [&](track::PeakMeter& meter, track::Ledger ThreadCache::*book) {
    // One that is overdrawn is its owner's to settle: handed on, it would hide that the peak was passed.
    const std::int64_t credit = std::max<std::int64_t>(0, (cache.*book).credit());
    cache.grant(book, -credit);
    meter.give(credit);
  };
  back(requested_, &ThreadCache::requested);
  back(allocated_, &ThreadCache::allocated);
}

void Credits::settle(ThreadCache& cache) {
  const Moving moving(*this);
  settle(requested_, &ThreadCache::requested, cache);
  settle(allocated_, &ThreadCache::allocated, cache);
}

void Credits::settle(track::PeakMeter& meter, track::Ledger ThreadCache::*ledger, ThreadCache& cache) {
  const std::int64_t debt = -(cache.*ledger).credit();
  if (debt <= 0) return;
  // Half of what is left beyond the debt comes along, so that the next requests need not come here.
  const std::int64_t spare = std::max<std::int64_t>(0, meter.headroom() - debt) / 2;
  std::int64_t found = meter.take(debt + spare);
  if (found < debt) {
    std::vector<ThreadCache*> rich;
    std::map<const void*, std::int64_t> credits;  // of each other thread, in all its caches
    const auto credit_of = [&](const ThreadCache& other) {
      return std::max<std::int64_t>(0, (other.*ledger).credit());
    };
    caches_.look_at_awake([&](ThreadCache& other) {
      if (!is_own(other)) credits[other.thread] += credit_of(other);
    });
    caches_.look_at_awake([&](ThreadCache& other) {
      if (&other == &cache || credit_of(other) == 0) return;
      // This thread's other caches give up all they have: with one thread the peak is exact.
      if (is_own(other) || credits[other.thread] > track::PeakMeter::tolerance) rich.push_back(&other);
    });
    Caches::visit(rich, [&](ThreadCache& other) {
      const std::int64_t theirs = (other.*ledger).credit();
      other.grant(ledger, -theirs);
      found += theirs;
    });
    if (found < debt) {
      meter.rise(debt - found);
      found = debt;
    }
    const std::int64_t shared = (found - debt) / 2;
    meter.give(shared);
    found -= shared;
  }
  caches_.enter(cache);
  cache.grant(ledger, found);
  cache.lock.leave();
}

Credits::Sums Credits::live() const noexcept {
  Sums sums{requested_.peak() - requested_.headroom(), allocated_.peak() - allocated_.headroom()};
  caches_.for_each([&](const ThreadCache& cache) {
    sums.requested -= cache.requested.credit();
    sums.allocated -= cache.allocated.credit();
  });
  return sums;
}

// What was handed out is read before what came back, for both only grow: the sum is at most what was live between the
// two. Cache by cache, a block that one thread freed and another took meanwhile would count twice.
std::optional<std::uint64_t> Credits::allocated_now() const noexcept {
  const std::uint64_t before = moves_.load(std::memory_order_acquire);
  if (before % 2 != 0) return std::nullopt;
  // One that is asleep has no credit: what it handed out and what came back are the same.
  std::uint64_t sum = 0;
  caches_.look_twice_at_awake([&](const ThreadCache& cache) { sum += cache.allocated.out.get(); },
                              [&](const ThreadCache& cache) { sum -= cache.allocated.returned.get(); });
  const std::int64_t live = static_cast<std::int64_t>(sum) + allocated_.peak() - allocated_.headroom();
  std::atomic_thread_fence(std::memory_order_acquire);
  if (moves_.load(std::memory_order_relaxed) != before || live < 0) return std::nullopt;
  return static_cast<std::uint64_t>(live);
}

}  // namespace weir::pool
