// Lanes: the streams a pool has seen, as small numbers, and how far each has
// come. A free range carries its lane and the lane's epoch at its free. The
// epoch rises just before an event is recorded, so an event covers exactly the
// ranges freed up to the epoch it was recorded for; later frees never count as
// covered. Recorded points are kept until they are past: an event is never done
// when it was recorded a moment ago, so whoever looks, looks at earlier ones.
//
// Lane 0 is no stream. A retired lane keeps its last point until its
// ranges are clean, and then its number is used again; a stream that is used after
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
#include "pool/lane.hpp"

namespace weir::pool {

class Lanes {
 public:
  explicit Lanes(std::shared_ptr<device::Backend> backend);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// The lane of a stream, made at its first use.
  [[nodiscard]] Lane of(StreamId stream);
  [[nodiscard]] StreamId stream(Lane lane) const;
  /// All numbers but 0, also those that wait to be used again: a late free may still arrive there.
  [[nodiscard]] std::vector<Lane> all() const;
  [[nodiscard]] std::uint64_t epoch(Lane lane) const noexcept { return epochs_[lane].load(std::memory_order_acquire); }

  /// A point in a lane: everything freed on it up to `epoch` is past once its event is done.
  struct Point {
    std::uint64_t epoch = 0;
    device::SharedEvent event;  ///< null: long past
  };
  /// Looks at the points that were recorded, the oldest first, until one is not done: everything freed on the lane up
  /// to the result is past. Throws what the driver throws.
  [[nodiscard]] std::uint64_t past(Lane lane);
  /// The first point that covers what was freed up to `epoch`: one that was recorded, or a new one. Empty when no event
  /// can be recorded now, as the stream is being captured. Throws what the driver throws.
  [[nodiscard]] std::optional<Point> covering(Lane lane, std::uint64_t epoch);
  /// The oldest point that was not done when it was last looked at; its event is null if there is none.
  [[nodiscard]] Point oldest(Lane lane) const;

  [[nodiscard]] bool retired(Lane lane) const;
  /// Retired lanes whose numbers are not free yet: at most so many, the one retired last among them.
  [[nodiscard]] std::vector<Lane> retired_last(std::size_t max) const;
  /// Records the lane's last point; its stream is not touched again.
  void retire(StreamId stream);
  /// What was freed on the lane up to `epoch` is clean: if that is all that a retired lane had, its number may be used
  /// again.
  void forget(Lane lane, std::uint64_t epoch) noexcept;

 private:
  struct Entry {
    StreamId stream{};
    bool used = false;
    bool retired = false;
    std::size_t place = 0;     // of a retired lane, in retired_
    std::uint64_t past = 0;    // epoch
    std::deque<Point> points;  // not past when last looked at; by epoch
  };

  [[nodiscard]] Point record(Lane lane, StreamId stream);
  void take_back(Entry& entry) noexcept;

  const std::shared_ptr<device::Backend> backend_;
  std::atomic<std::uint64_t>* epochs_;  // by lane; lane 0 stays at 0
  mutable std::mutex mutex_;
  std::map<StreamId, Lane> by_stream_;
  std::vector<Entry> entries_;  // by lane
  std::vector<Lane> spare_;
  std::vector<Lane> retired_;
};

}  // namespace weir::pool
