// Where a pool's events are tapped, below its doors: a ring for each thread that has a
// cache, one ring that all share for what is rare, and the switch. While nobody reads, a
// hit pays nothing: the switch is the word by which it finds its cache, which finds none
// while somebody does, so that the way beside the hit is taken, where events are written.
//
// Invariant: a ring has one writer at a time, and rings live as long as the tap, which
// its pool, its transfers and its reader share. Thread-safe; in a child of fork() it does
// nothing. Lock order: after all of the pool's.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/process.hpp"
#include "core/spin_lock.hpp"
#include "track/event_ring.hpp"
#include "track/wakeup.hpp"

namespace weir::track {

class EventTap {
 public:
  explicit EventTap(std::string name);
  EventTap(const EventTap&) = delete;
  EventTap& operator=(const EventTap&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Whether somebody reads.
  [[nodiscard]] bool on() const noexcept { return on_.load(std::memory_order_relaxed); }

  // --- For those who write events ---

  /// One that costs its thread microseconds anyway; gets its time and its thread here. Nothing while nobody reads.
  void note(Event event) noexcept {
    if (on()) note_in_shared(event);
  }
  /// The calling thread's ring; `owner` stands for the thread until leave(owner). Null, and an event counted as
  /// dropped, where the host has no memory for one.
  [[nodiscard]] EventRing* ring_of(const void* owner) noexcept;
  /// That thread writes no more into its ring.
  void leave(const void* owner) noexcept;

  /// The tag `number` means `name` from now on. For a reader that asks for names; nothing while there is none.
  void name_tag(std::uint32_t number, std::string_view name) noexcept;

  /// A word that the hot path has, and what it is while nobody reads.
  void steer(std::atomic<std::uint64_t>& word, std::uint64_t usual) noexcept;
  /// Nothing for a cache has such a key.
  static constexpr std::uint64_t no_key = UINT64_MAX;
  /// Whose word it is ends; nothing is done where the tap steers another one's by now.
  void let_go(const std::atomic<std::uint64_t>& word) noexcept;

  // --- For the reader ---

  /// A tag that was named.
  struct Naming {
    std::uint64_t time = 0;  ///< ticks
    std::uint32_t number = 0;
    std::string name;
  };
  /// Begins reading: rings made from now on are for so many events. Full ones and half full ones wake the reader, if
  /// it can be woken. Throws InvalidArgument where somebody reads already, Unsupported in a child of fork().
  void open(std::uint32_t capacity, std::shared_ptr<Wakeup> wakeup = nullptr);
  /// From now on namings are kept.
  void keep_namings() noexcept { keeps_namings_ = true; }
  /// What was named since the last call, in order.
  [[nodiscard]] std::vector<Naming> take_namings();
  /// Namings that were too many to keep between two calls.
  [[nodiscard]] std::uint64_t namings_lost() const noexcept { return namings_lost_.load(); }
  void close() noexcept;
  /// Adds all rings there are.
  void list(std::vector<EventRing*>& rings) const;
  /// Events dropped as their ring was full, since the tap was made, or opened last.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  [[nodiscard]] bool processor_ticks() const noexcept { return processor_ticks_; }

 private:
  struct Kept {
    std::unique_ptr<EventRing> ring;
    const void* owner = nullptr;  // null: its thread has ended
  };
  void note_in_shared(Event event) noexcept;
  void set_word() noexcept;
  [[nodiscard]] std::uint64_t dropped_so_far() const noexcept;

  const std::string name_;
  const core::OwnerProcess process_;
  const bool processor_ticks_ = has_processor_ticks();
  std::atomic<bool> on_{false};
  core::SpinLock sharing_;  // the end of the shared ring that is written to
  std::unique_ptr<EventRing> shared_;

  mutable std::mutex mutex_;  // all below
  std::vector<Kept> rings_;
  std::uint32_t capacity_ = EventRing::min_capacity;
  std::atomic<std::uint64_t>* word_ = nullptr;
  std::uint64_t usual_ = no_key;
  std::uint64_t dropped_before_ = 0;
  std::atomic<std::uint64_t> without_ring_{0};
  std::atomic<Wakeup*> waker_{nullptr};
  std::vector<std::shared_ptr<Wakeup>> wakeups_;  // writers may be looking at one that is closed
  std::atomic<bool> keeps_namings_{false};
  std::vector<Naming> namings_;
  std::atomic<std::uint64_t> namings_lost_{0};
};

}  // namespace weir::track
