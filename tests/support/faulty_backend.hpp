// A backend that misbehaves on demand, over any other, and keeps the books: what was taken and not given back, and the
// first breach of the contract's rules by the caller (pages: faulty_pages.cpp; events: faulty_events.cpp). With it
// tests reach every error path. `noexcept` calls never fail. Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "faults/injecting_backend.hpp"

namespace weir::device {

using faults::CallKind;

class FaultyBackend final : public faults::InjectingBackend {
 public:
  enum class Fault : std::uint8_t { out_of_memory, driver_error };

  explicit FaultyBackend(std::shared_ptr<Backend> inner);

  // --- Faults ---

  /// The n-th call from now that may throw (1 is the next), of any kind or of one, fails, and so many in all one after
  /// the other.
  void fail(std::uint64_t nth, Fault fault, std::optional<CallKind> only = std::nullopt, std::uint64_t times = 1);
  /// Every n-th call that may throw fails, once with the one fault and once with the other.
  void fail_every(std::uint64_t n);
  /// From the n-th call from now on, every call that may throw throws DeviceLost, and queued work has ended.
  void lose(std::uint64_t nth);
  /// The same from the n-th call on that queues work: a copy, a fill, a write, a host function, kernels.
  void lose_at_submit(std::uint64_t nth);
  /// No fault from here on; a lost device is back.
  void heal();
  /// Whether the fault of the last fail() or lose() has happened.
  [[nodiscard]] bool fired() { return schedule().fired(); }
  /// While denied, there is no memory: whatever would take some throws OutOfMemory.
  void deny_memory(bool denied);
  /// From here on, what is copied to the device arrives there changed.
  void spoil_writes() noexcept { spoils_ = true; }
  /// Which streams' events are held; `copied` says whether a copy was ever queued on it.
  using Holding = std::function<bool(StreamId stream, bool copied)>;
  /// While held, no event is done, or none of the streams that `which` is true of: query is false, wait runs into its
  /// deadline.
  void hold_events(Holding which = {});
  void let_events_go() { late_events().let_go(); }
  /// Events recorded from now on are done so much later than their record at the earliest, in real time.
  void delay_events(std::chrono::nanoseconds delay) { late_events().delay(delay); }

  /// Says of the device that the host can use its addresses, as a fake driver's are.
  void show_pointers() noexcept { facts_.pointers = true; }

  /// What the device says to be free from now on, as if other programs took the rest; empty: what is free.
  void show_free(std::optional<std::uint64_t> bytes);
  /// How often it was asked what is free.
  [[nodiscard]] std::uint64_t free_asked() const;

  // --- The books ---

  [[nodiscard]] std::uint64_t calls(CallKind kind) const;
  /// Taken and not given back.
  struct Balance {
    std::uint64_t ranges = 0;
    std::uint64_t pages = 0;
    std::uint64_t mapped_pages = 0;
    std::uint64_t segments = 0;
    std::uint64_t segment_bytes = 0;
    std::uint64_t pinned_bytes = 0;
    std::uint64_t events = 0;
    friend bool operator==(const Balance&, const Balance&) = default;
  };
  [[nodiscard]] Balance balance();
  /// What the driver has not back, in words; empty if nothing. What queued work ends is given back by a thread that is
  /// made for it, so it looks for ten seconds.
  [[nodiscard]] std::string not_given_back();
  /// The first rule the caller broke, in words; empty if none.
  [[nodiscard]] std::string breach() const;

  // --- The contract ---

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return facts_; }
  [[nodiscard]] DeviceInfo info() const override;
  Address reserve(std::uint64_t bytes) override;
  void unreserve(Address address, std::uint64_t bytes) noexcept override;
  void create(std::span<Extent> extents) override;
  void destroy(std::span<const Extent> extents) noexcept override;
  void map(Address address, std::span<const Extent> extents) override;
  void unmap(Address address, std::span<const Extent> extents) override;
  Address allocate_segment(std::uint64_t bytes) override;
  void free_segment(Address address, std::uint64_t bytes) noexcept override;
  Address allocate_pinned(std::uint64_t bytes) override;
  void free_pinned(Address address, std::uint64_t bytes) noexcept override;
  EventId record(StreamId stream) override;
  bool query(EventId event) override;
  bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) override;
  void stream_wait(StreamId stream, EventId event) override;
  void release(EventId event) noexcept override;
  void upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) override;
  void write(StreamId stream, Address to, std::span<const std::byte> bytes) override;

 private:
  /// What a handle stands for.
  struct Created {
    std::uint32_t pages = 0;
    Address address = 0;  ///< where it is mapped; 0 = nowhere
  };

  void before(const faults::Call& call) override;
  void before_giving_back(CallKind kind) noexcept override;
  void expect_at(const Extent& extent, Address address, const char* rule) noexcept;
  void note_address(Address address, std::span<const Extent> extents, bool mapped) noexcept;
  void expect(bool holds, const char* rule) noexcept;
  void expect_now(bool holds, const char* rule) noexcept;

  DeviceInfo facts_;
  const std::uint64_t page_bytes_;
  mutable std::mutex mutex_;
  std::array<std::uint64_t, faults::call_kinds> calls_{};
  std::set<StreamId> copied_;  // streams that a copy was queued on
  bool denied_ = false;
  std::atomic<bool> spoils_{false};
  std::optional<std::uint64_t> shown_free_;
  mutable std::uint64_t free_asked_ = 0;
  std::string breach_;

  std::map<Address, std::uint64_t> ranges_;
  std::map<Address, std::uint64_t> segments_;
  std::map<Address, std::uint64_t> pinned_;
  std::unordered_map<PageHandle, Created> handles_;
};

}  // namespace weir::device
