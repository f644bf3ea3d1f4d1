// Keeps in whose order a pool's free memory may be used again. An event hands one
// stream's memory over to another stream, or makes it clean; events are recorded only
// when somebody wants the memory.
//
// A look asks checkpoints that were recorded earlier; only who must have the memory now
// records a new one and waits for it, or has its stream wait for it on the device.
// Thread-safe; no lock is held across a driver call.
#pragma once

#include <memory>
#include <vector>

#include <weir/stream.hpp>

#include "core/deadline.hpp"
#include "pool/journal.hpp"
#include "pool/order/pending_frees.hpp"
#include "pool/order/stream_epochs.hpp"
#include "track/latency.hpp"

namespace weir::pool {

class Space;

class StreamOrder {
 public:
  StreamOrder(std::shared_ptr<device::Backend> backend, const Journal& journal);

  [[nodiscard]] StreamEpochs& epochs() noexcept { return epochs_; }
  [[nodiscard]] PendingFrees& pending() noexcept { return pending_; }
  [[nodiscard]] const PendingFrees& pending() const noexcept { return pending_; }

  /// The fence of a block that is freed and that other streams used; what the driver refuses is recorded later.
  [[nodiscard]] device::Fence fence_of(std::uint32_t id);

  /// Makes memory clean whose checkpoints are done: of all streams, or of those with whole pages. Waits for nothing and
  /// records nothing. True if any became so.
  bool look(Space& space, bool only_pages);
  /// Records checkpoints for those streams with whole pages that have none yet: they will be done when pages are wanted
  /// next.
  void prepare_pages(Space& space);
  /// The same, and waits for those checkpoints, `deadline` at most in all.
  void await_pages(Space& space, std::chrono::nanoseconds deadline);
  /// Makes other streams' free memory usable in the order of `target`: at once where their work is done, else after an
  /// event that the target's stream waits for on the device. True if any became so.
  bool take_over(Space& space, StreamIndex target);
  /// Waits for the work that last used the stream's free memory, so that it is clean; false if the work goes on.
  bool clean(Space& space, StreamIndex stream_index, const core::Deadline& deadline);
  /// Waits until some of the work that keeps memory back is done, whichever it is; false when none is done in time, or
  /// none keeps any. Free memory whose checkpoints are done is clean then; pending frees are still to be reclaimed.
  [[nodiscard]] bool await_any(Space& space, const core::Deadline& deadline);
  /// Waits for all of a fence; the time of it is recorded. Throws what the driver throws.
  [[nodiscard]] bool await(device::Fence& fence, const core::Deadline& deadline);
  /// Waits until the stream's work is done, or will never be: its device is lost. For the end of a pool.
  [[nodiscard]] bool comes_to_rest(StreamIndex stream_index, const core::Deadline& deadline) noexcept;

  /// Nothing more will be queued on the stream: its last checkpoint is recorded.
  void retire(StreamId stream) { epochs_.retire(stream); }
  /// Makes memory of retired streams clean: of the one retired last, and of a few that were not done then.
  void look_at_retired(Space& space);
  [[nodiscard]] LatencySummary waits() const noexcept { return waits_.summary(); }

 private:
  [[nodiscard]] device::Fence events_of_pages(Space& space);
  bool take_done(Space& space, StreamIndex stream_index);

  const std::shared_ptr<device::Backend> backend_;
  const Journal& journal_;
  StreamEpochs epochs_;
  PendingFrees pending_;
  track::Latency waits_;
};

}  // namespace weir::pool
