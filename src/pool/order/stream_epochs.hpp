// The streams that a pool has seen, by small numbers (indices), and how far each has
// come. A free range carries its stream's index and the stream's epoch at its free. The
// epoch rises just before an event is recorded, so an event covers exactly the
// ranges freed up to the epoch it was recorded for; later frees never count as
// covered. Both together are a checkpoint. Checkpoints are kept until their events are
// done: an event is never done when it was recorded a moment ago, so earlier ones are asked.
//
// Index 0 is no stream. A retired stream keeps its last checkpoint until its
// ranges are clean, and then its index is used again; a stream that is used after
// all is followed anew. A stream that the device does not know any more has no work left.
// Thread-safe; no lock is held across a driver call.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "device/event.hpp"
#include "pool/stream_index.hpp"

namespace weir::pool {

class StreamEpochs {
 public:
  explicit StreamEpochs(std::shared_ptr<device::Backend> backend);
  ~StreamEpochs();
  StreamEpochs(const StreamEpochs&) = delete;
  StreamEpochs& operator=(const StreamEpochs&) = delete;

  /// The index of a stream, given at its first use.
  [[nodiscard]] StreamIndex index_of(StreamId stream);
  [[nodiscard]] StreamId stream(StreamIndex index) const;
  /// All indices but 0, also those that wait to be used again: a late free may still arrive there.
  [[nodiscard]] std::vector<StreamIndex> all() const;
  [[nodiscard]] std::uint64_t epoch(StreamIndex index) const noexcept {
    return epochs_[index].load(std::memory_order_acquire);
  }

  /// An epoch of a stream and the event recorded for it: everything freed on the stream up to `epoch` is clean once the
  /// event is done.
  struct Checkpoint {
    std::uint64_t epoch = 0;
    device::SharedEvent event;  ///< null: long done
  };
  /// Asks the recorded checkpoints, the oldest first, until one is not done: the work is done that used what was freed
  /// on the stream up to the result. Throws what the driver throws.
  [[nodiscard]] std::uint64_t done_epoch(StreamIndex index);
  /// The first checkpoint that covers what was freed up to `epoch`: one that was recorded, or a new one. Empty when no
  /// event can be recorded now, as the stream is being captured. Throws what the driver throws.
  [[nodiscard]] std::optional<Checkpoint> covering(StreamIndex index, std::uint64_t epoch);
  /// The oldest checkpoint that was not done when it was last asked; its event is null if there is none.
  [[nodiscard]] Checkpoint oldest(StreamIndex index) const;

  [[nodiscard]] bool retired(StreamIndex index) const;
  /// Retired streams whose indices are not free yet: at most `max`, the one retired last among them.
  [[nodiscard]] std::vector<StreamIndex> retired_last(std::size_t max) const;
  /// Records the stream's last checkpoint; the stream is not touched again.
  void retire(StreamId stream);
  /// What was freed on the stream up to `epoch` is clean: if that is all that a retired stream had, its index may be
  /// used again.
  void forget(StreamIndex index, std::uint64_t epoch) noexcept;

 private:
  struct Entry {
    StreamId stream{};
    bool used = false;
    bool retired = false;
    std::size_t place = 0;  // of a retired stream, in retired_
    std::uint64_t done_epoch = 0;
    std::deque<Checkpoint> checkpoints;  // not done when last asked; by epoch
  };

  [[nodiscard]] Checkpoint record(StreamIndex index, StreamId stream);
  void take_back(Entry& entry) noexcept;

  const std::shared_ptr<device::Backend> backend_;
  std::atomic<std::uint64_t>* epochs_;  // by index; that of 0 stays at 0
  mutable std::mutex mutex_;
  std::map<StreamId, StreamIndex> by_stream_;
  std::vector<Entry> entries_;  // by index
  std::vector<StreamIndex> spare_;
  std::vector<StreamIndex> retired_;
};

}  // namespace weir::pool
