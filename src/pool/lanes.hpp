// Lanes: the streams a pool has seen, as small numbers, and how far each has
// come. A free range carries its lane and the lane's epoch at its free. The
// epoch rises just before an event is recorded, so an event covers exactly the
// ranges freed up to the epoch it was recorded for; later frees never count as
// covered. Lane 0 is no stream. A retired lane keeps its last event until its
// ranges are clean, and then its number is used again.
// Thread-safe; no lock is held across a driver call.
#pragma once

#include <atomic>
#include <map>
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
  [[nodiscard]] std::vector<Lane> all() const;
  [[nodiscard]] std::uint64_t epoch(Lane lane) const noexcept { return epochs_[lane].load(std::memory_order_acquire); }

  /// A point in a lane: everything freed on it up to `epoch` is past once `event` is done.
  struct Point {
    std::uint64_t epoch = 0;
    device::EventId event = device::EventId::none;
    bool retired = false;
  };
  /// Empty when no event can be recorded now: the stream is being captured.
  [[nodiscard]] std::optional<Point> record(Lane lane);
  void release(const Point& point) noexcept;

  [[nodiscard]] bool retired(Lane lane) const;
  /// Records the lane's last point; its stream is not touched again.
  void retire(StreamId stream);
  /// The ranges of a retired lane are clean: its number may be used again.
  void forget(Lane lane) noexcept;

 private:
  struct Entry {
    StreamId stream{};
    bool used = false;
    bool retired = false;
    device::EventId last = device::EventId::none;  // of a retired lane
  };

  device::Backend& backend_;
  std::atomic<std::uint64_t>* epochs_;  // by lane; lane 0 stays at 0
  mutable std::mutex mutex_;
  std::map<StreamId, Lane> by_stream_;
  std::vector<Entry> entries_;  // by lane
  std::vector<Lane> spare_;
};

}  // namespace weir::pool
