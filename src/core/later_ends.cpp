#include "core/later_ends.hpp"

#include <atomic>

#include "core/elsewhere.hpp"
#include "core/process.hpp"

namespace weir::core {
namespace {

// The one that came last; each names the one before it. A child of fork() leaves its parent's.
struct Kept {
  std::atomic<EndsLater*> last{nullptr};
};

constinit std::atomic<bool> any{false};  // of this process or a parent; never false again

std::atomic<EndsLater*>& kept() { return one_a_process<Kept>().last; }

}  // namespace

void prepare_to_end_later() { static_cast<void>(kept()); }

void end_later(std::unique_ptr<EndsLater> object) noexcept {
  EndsLater* const added = object.release();
  std::atomic<EndsLater*>& last = kept();
  added->next_ = last.load(std::memory_order_relaxed);
  while (!last.compare_exchange_weak(added->next_, added, std::memory_order_release, std::memory_order_relaxed)) {
  }
  any.store(true, std::memory_order_release);
}

void end_kept() noexcept {
  if (!any.load(std::memory_order_acquire) || in_queued_work()) return;
  std::atomic<EndsLater*>& last = kept();
  if (last.load(std::memory_order_relaxed) == nullptr) return;
  EndsLater* newest = last.exchange(nullptr, std::memory_order_acquire);
  EndsLater* oldest = nullptr;
  while (newest != nullptr) {
    EndsLater* const before = newest->next_;
    newest->next_ = oldest;
    oldest = newest;
    newest = before;
  }
  const InQueuedWork here;
  while (oldest != nullptr) {
    const std::unique_ptr<EndsLater> ends(oldest);
    oldest = oldest->next_;
  }
}

}  // namespace weir::core
