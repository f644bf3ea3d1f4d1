// The events of one thread on their way to the reader. One thread writes, one reads. A ring
// that is half full wakes a reader that asked for it; one that is full has its writer wait as
// long as the reader allows, by itself not at all, then drops the newest event, counts it, and
// tells so in its place once the ring is not full. Invariant: what was pushed is what is read
// plus what was dropped. Made by the tap; a thread that ends leaves its ring to another.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "track/counter.hpp"
#include "track/event.hpp"
#include "track/ticks.hpp"
#include "track/wakeup.hpp"

namespace weir::track {

class EventRing {
 public:
  static constexpr std::uint32_t min_capacity = 4;

  /// For so many events, rounded up to a power of two. Throws std::bad_alloc.
  /// `waker` names the reader to be woken, or null; it outlives the ring.
  EventRing(std::uint32_t capacity, bool processor_ticks, const std::atomic<Wakeup*>& waker = nobody)
      : mask_(std::bit_ceil(capacity < min_capacity ? min_capacity : capacity) - 1),
        processor_ticks_(processor_ticks),
        waker_(waker),
        memory_(std::make_unique_for_overwrite<std::byte[]>((std::uint64_t{mask_} + 1) * sizeof(Event))),
        events_(reinterpret_cast<Event*>(memory_.get())),
        limit_((std::uint64_t{mask_} + 1) / 2) {}

  // --- For the thread that writes ---

  [[nodiscard]] std::uint64_t now() const noexcept { return ticks(processor_ticks_); }
  [[nodiscard]] std::uint64_t ordered_now() const noexcept { return ordered_ticks(processor_ticks_); }
  /// Its number, for events.
  [[nodiscard]] std::uint16_t thread() const noexcept { return thread_; }
  void set_thread(std::uint16_t number) noexcept { thread_ = number; }
  /// Where the next event, of this time, is to be written in all its members; it is the reader's with commit(). Null if
  /// it is dropped. To write an event elsewhere and copy it from there takes as long again as all else: the copy waits
  /// for its narrow stores.
  [[nodiscard]] Event* begin(std::uint64_t time) noexcept {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head == limit_) [[unlikely]] {
      if (!find_space(time)) return nullptr;
      head = head_.load(std::memory_order_relaxed);
    }
    return &events_[head & mask_];
  }
  void commit() noexcept { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  /// False if the event was dropped.
  bool push(const Event& event) noexcept {
    Event* const slot = begin(event.time);
    if (slot == nullptr) return false;
    *slot = event;
    commit();
    return true;
  }

  // --- For the reader. Events are numbered from 0 ---

  [[nodiscard]] std::uint64_t written() const noexcept { return head_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t read() const noexcept { return tail_.load(std::memory_order_relaxed); }
  /// One that is written and not read.
  [[nodiscard]] const Event& at(std::uint64_t number) const noexcept { return events_[number & mask_]; }
  /// All before `number` are read.
  void advance(std::uint64_t number) noexcept { tail_.store(number, std::memory_order_release); }
  /// A new reader: what is there is not for it, nor what was lost before.
  void forgive() noexcept {
    forgiven_.store(dropped_.get(), std::memory_order_relaxed);
    advance(written());
  }

  // --- For both ---

  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.get(); }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return std::uint64_t{mask_} + 1; }
  [[nodiscard]] std::uint64_t waiting() const noexcept { return written() - read(); }

 private:
  static inline const std::atomic<Wakeup*> nobody{nullptr};

  // Looks how far the reader is. After a loss, the event that tells of it must fit, too.
  [[gnu::noinline]] bool find_space(std::uint64_t time) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::uint64_t tail = tail_.load(std::memory_order_acquire);
    const std::uint64_t lost = dropped_.get() - std::max(told_, forgiven_.load(std::memory_order_relaxed));
    const std::uint64_t needed = lost == 0 ? 1 : 2;
    if (Wakeup* const reader = waker_.load(std::memory_order_acquire)) {
      if (head - tail >= capacity() / 2) reader->wake();
      if (capacity() - (head - tail) < needed && patient_at_ != tail) {
        reader->wait_for([&] {
          tail = tail_.load(std::memory_order_acquire);
          return capacity() - (head - tail) >= needed;
        });
        patient_at_ = tail;  // of a reader that stands still, no more is expected
      }
    }
    if (capacity() - (head - tail) < needed) {
      dropped_.bump(1);
      return false;
    }
    limit_ = tail + (head - tail < capacity() / 2 ? capacity() / 2 : capacity());
    if (lost == 0) return true;
    told_ = dropped_.get();
    events_[head & mask_] = {.time = time, .bytes = lost, .thread = thread_, .kind = EventKind::lost};
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  const std::uint32_t mask_;
  const bool processor_ticks_;
  const std::atomic<Wakeup*>& waker_;
  std::uint16_t thread_ = 0;
  // Bytes, as an array of events would write all of them here, and have the system find memory for rings that stay
  // nearly empty.
  const std::unique_ptr<std::byte[]> memory_;
  Event* const events_;
  std::uint64_t limit_;     // the writer's: below it the ring is not full, nor half full unless that was seen
  std::uint64_t told_ = 0;  // of what was dropped
  std::uint64_t patient_at_ = UINT64_MAX;  // where the reader was when it was waited for last
  std::atomic<std::uint64_t> head_{0};
  Counter<std::uint64_t> dropped_;
  std::atomic<std::uint64_t> forgiven_{0};  // of what was dropped, before the reader came
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace weir::track
