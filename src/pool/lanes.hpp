// Lanes: the streams a pool has seen, as small numbers, and how far each has
// come. A free range carries its lane and the lane's epoch at its free. The
// epoch rises just before an event is recorded, so an event covers exactly the
// ranges freed up to the epoch it was recorded for; later frees never count as
// covered. Lane 0 is no stream. A retired lane keeps its last event until its
// ranges are clean, and then its number is used again; a stream that is used after
// all is followed anew. A stream that the device does not know any more has no work left.
// Thread-safe; no lock is held across a driver call.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "device/backend.hpp"
#include "pool/arena.hpp"

namespace weir::pool {

class Lanes {
 public:
  explicit Lanes(device::Backend& backend);
  ~Lanes();
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// The lane of a stream, made at its first use.
  [[nodiscard]] Lane of(StreamId stream);
  [[nodiscard]] StreamId stream(Lane lane) const;
  /// All numbers but 0, also those that wait to be used again: a late free may still arrive there.
  [[nodiscard]] std::vector<Lane> all() const;
  [[nodiscard]] std::uint64_t epoch(Lane lane) const noexcept { return epochs_[lane].load(std::memory_order_acquire); }

  /// An event, released with its last user.
  using Mark = std::shared_ptr<const device::EventId>;
  /// Throws what the driver throws.
  [[nodiscard]] Mark mark(StreamId stream);

  /// A point in a lane: everything freed on it up to `epoch` is past once its event is done.
  struct Point {
    std::uint64_t epoch = 0;
    Mark mark;

    [[nodiscard]] device::EventId event() const noexcept { return mark ? *mark : device::EventId::none; }
  };
  /// Empty when no event can be recorded now: the stream is being captured.
  [[nodiscard]] std::optional<Point> record(Lane lane);

  [[nodiscard]] bool retired(Lane lane) const;
  /// Retired lanes whose numbers are not free yet: at most so many, the one retired last among them.
  [[nodiscard]] std::vector<Lane> retired_last(std::size_t most) const;
  /// Records the lane's last point; its stream is not touched again.
  void retire(StreamId stream);
  /// What was freed on the lane up to the point is clean: if that was a retired lane's last, its number
  /// may be used again.
  void forget(Lane lane, const Point& point) noexcept;

 private:
  struct Entry {
    StreamId stream{};
    bool used = false;
    bool retired = false;
    Mark last;              // of a retired lane
    std::size_t place = 0;  // the same, in retired_
  };

  void take_back(Entry& entry) noexcept;

  device::Backend& backend_;
  std::atomic<std::uint64_t>* epochs_;  // by lane; lane 0 stays at 0
  mutable std::mutex mutex_;
  std::map<StreamId, Lane> by_stream_;
  std::vector<Entry> entries_;  // by lane
  std::vector<Lane> spare_;
  std::vector<Lane> retired_;
};

}  // namespace weir::pool
