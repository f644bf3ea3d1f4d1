#include "pool/soft_limit.hpp"

#include <weir/errors.hpp>

namespace weir::pool {

// What is free beside what the pool has is what it may have in all. A device that does not answer leaves things as they
// are: the call that needs it will say so.
void SoftLimit::follow() noexcept {
  if (!leave_free_) return;
  const std::uint64_t time = clock_.units();
  std::uint64_t due = follows_from_.load(std::memory_order_relaxed);
  if (time < due || !follows_from_.compare_exchange_strong(due, time + pause, std::memory_order_relaxed)) return;
  try {
    const std::uint64_t taken = store_.reserved() + store_.external();
    const std::optional<std::uint64_t> free = backend_.info().memory_free;
    if (!free) return;
    const std::uint64_t all = taken + std::min(*free, none - taken);
    now_ = std::min({option_.value_or(none), store_.limit(), all - std::min(all, *leave_free_)});
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): as said above
  }
}

}  // namespace weir::pool
