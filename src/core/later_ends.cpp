#include "core/later_ends.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "core/elsewhere.hpp"
#include "core/process.hpp"

namespace weir::core {
namespace {

// The one that came last; each names the one before it. A child of fork() leaves its parent's.
struct Kept {
  std::atomic<EndsLater*> last{nullptr};
  std::mutex ending;  // held while some end, which is never within another end
};

constinit thread_local bool nothing_here = false;

constinit std::atomic<bool> any{false};  // of this process or a parent; never false again

Kept& kept() { return one_a_process<Kept>(); }

}  // namespace

void prepare_to_end_later() { static_cast<void>(kept()); }

void end_later(std::unique_ptr<EndsLater> object) noexcept {
  EndsLater* const added = object.release();
  std::atomic<EndsLater*>& last = kept().last;
  added->next_ = last.load(std::memory_order_relaxed);
  while (!last.compare_exchange_weak(added->next_, added, std::memory_order_release, std::memory_order_relaxed)) {
  }
  any.store(true, std::memory_order_release);
}

EndNothingHere::EndNothingHere() noexcept : before_(std::exchange(nothing_here, true)) {}
EndNothingHere::~EndNothingHere() { nothing_here = before_; }

bool ends_nothing_here() noexcept { return nothing_here || in_queued_work(); }

void EndsLater::end_in_order(std::atomic<EndsLater*>& last) noexcept {
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

void end_kept() noexcept {
  if (!any.load(std::memory_order_acquire) || ends_nothing_here()) return;
  Kept& all = kept();
  if (all.last.load(std::memory_order_relaxed) == nullptr) return;
  const std::unique_lock lock(all.ending, std::try_to_lock);
  if (lock) EndsLater::end_in_order(all.last);
}

void end_all_kept() noexcept {
  if (!any.load(std::memory_order_acquire) || ends_nothing_here()) return;
  Kept& all = kept();
  const std::lock_guard lock(all.ending);
  EndsLater::end_in_order(all.last);
}

}  // namespace weir::core
