#include "faults/slow_streams.hpp"

#include <utility>

#include "faults/late_events.hpp"

namespace weir::faults {

void SlowStreams::add(StreamId stream, double factor) {
  const std::lock_guard lock(mutex_);
  slow_[stream].factor = factor;
  any_ = true;
}

void SlowStreams::remove(StreamId stream) noexcept {
  if (!any_) return;
  const std::lock_guard lock(mutex_);
  slow_.erase(stream);
}

void SlowStreams::before(device::Backend& inner, CallKind kind, StreamId stream) {
  if (!any_) return;
  const StreamId meant = inner.resolve(stream);
  if (inner.capturing(meant)) return;
  std::shared_ptr<Operation> ended, begun;
  double factor = 1;
  {
    const std::lock_guard lock(mutex_);
    const auto found = slow_.find(meant);
    if (found == slow_.end()) return;
    factor = found->second.factor;
    if (submits(kind)) begun = std::make_shared<Operation>();
    ended = std::exchange(found->second.open, begun);
  }
  if (ended) {
    inner.run(meant, [ended, factor] {
      const Clock::time_point start = ended->started, now = Clock::now();
      sleep_until(start + std::chrono::duration_cast<Clock::duration>(factor * (now - start)));
    });
  }
  if (begun) inner.run(meant, [begun] { begun->started = Clock::now(); });
}

}  // namespace weir::faults
