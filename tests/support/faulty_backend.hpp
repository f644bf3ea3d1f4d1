// A backend that misbehaves on demand, over any other: it fails the n-th call,
// loses the device, or delays events, so that tests can reach every error path.
// It also keeps the books: what was taken and not given back, and the first
// breach of the contract's rules by the caller (pages: faulty_pages.cpp; events: faulty_events.cpp). `noexcept` calls
// never fail. Thread-safe. Used by tests only.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "device/backend.hpp"

namespace weir::device {

enum class CallKind : std::uint8_t {
  reserve,
  unreserve,
  create,
  destroy,
  map,
  unmap,
  allocate_segment,
  free_segment,
  allocate_pinned,
  free_pinned,
  create_stream,
  destroy_stream,
  record,
  query,
  wait,
  stream_wait,
  release,
  fill,
  copy,
  upload,
  download,
  write,
  run,
  copy_from,
};
inline constexpr std::size_t call_kinds = static_cast<std::size_t>(CallKind::copy_from) + 1;

class FaultyBackend final : public Backend, public StreamObserver {
 public:
  enum class Fault : std::uint8_t { out_of_memory, driver_error };

  explicit FaultyBackend(std::shared_ptr<Backend> inner);
  ~FaultyBackend() override;

  // --- Faults ---

  /// The n-th call from now that may throw (1 is the next), of any kind or of one, fails, and so many in all one after
  /// the other.
  void fail(std::uint64_t nth, Fault fault, std::optional<CallKind> only = std::nullopt, std::uint64_t times = 1);
  /// Every n-th call that may throw fails, once with the one fault and once with the other.
  void fail_every(std::uint64_t n);
  /// From the n-th call from now on, every call that may throw throws DeviceLost, and queued work has ended.
  void lose(std::uint64_t nth);
  /// No fault from here on; a lost device is back.
  void heal();
  /// Whether the fault of the last fail() or lose() has happened.
  [[nodiscard]] bool fired() const;
  /// While denied, there is no memory: whatever would take some throws OutOfMemory.
  void deny_memory(bool denied);
  /// Which streams' events are held; `copied` says whether a copy was ever queued on it.
  using Holding = std::function<bool(StreamId stream, bool copied)>;
  /// While held, no event is done, or none of the streams that `which` is true of: query is false, wait runs into its
  /// deadline.
  void hold_events(Holding which = {});
  void let_events_go();
  /// Events recorded from now on are done so much later than their record at the earliest, in real time.
  void delay_events(std::chrono::nanoseconds delay);

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
  [[nodiscard]] Balance balance() const;
  /// The first rule the caller broke, in words; empty if none.
  [[nodiscard]] std::string breach() const;

  // --- The contract ---

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return facts_; }
  [[nodiscard]] DeviceInfo info() const override;
  Address reserve(std::uint64_t bytes) override;
  void unreserve(Address address, std::uint64_t bytes) noexcept override;
  [[nodiscard]] std::uint32_t max_extent_pages() const noexcept override { return inner_->max_extent_pages(); }
  void create(std::span<Extent> extents) override;
  void destroy(std::span<const Extent> extents) noexcept override;
  void map(Address address, std::span<const Extent> extents) override;
  void unmap(Address address, std::span<const Extent> extents) override;
  Address allocate_segment(std::uint64_t bytes) override;
  void free_segment(Address address, std::uint64_t bytes) noexcept override;
  Address allocate_pinned(std::uint64_t bytes) override;
  void free_pinned(Address address, std::uint64_t bytes) noexcept override;
  StreamId resolve(StreamId stream) override { return inner_->resolve(stream); }
  StreamId create_stream() override;
  void destroy_stream(StreamId stream) noexcept override;
  EventId record(StreamId stream) override;
  bool query(EventId event) override;
  bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) override;
  void stream_wait(StreamId stream, EventId event) override;
  void release(EventId event) noexcept override;
  [[nodiscard]] bool capturing(StreamId stream) const noexcept override { return inner_->capturing(stream); }
  StreamId adopt_stream(std::uint64_t native) override;
  std::uint64_t native_stream(StreamId stream) override { return inner_->native_stream(stream); }
  StreamId begin_capture(StreamId stream) override { return inner_->begin_capture(stream); }
  void end_capture(StreamId stream) noexcept override { inner_->end_capture(stream); }
  bool copy_from(StreamId stream, Address to, Backend& source, Address from, std::uint64_t bytes) override;
  void fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) override;
  void copy(StreamId stream, Address to, Address from, std::uint64_t bytes) override;
  void upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) override;
  void download(StreamId stream, void* to, Address from, std::uint64_t bytes) override;
  void write(StreamId stream, Address to, std::span<const std::byte> bytes) override;
  void run(StreamId stream, std::function<void()> work) override;
  [[nodiscard]] DriverCalls driver_calls() const noexcept override { return inner_->driver_calls(); }
  [[nodiscard]] SimulatedTime* simulated_time() noexcept override { return inner_->simulated_time(); }
  /// A thread's own stream ends below.
  void stream_ends(StreamId stream) noexcept override { announce_end(stream); }

 private:
  using Clock = std::chrono::steady_clock;
  /// What a handle stands for.
  struct Created {
    std::uint32_t pages = 0;
    Address address = 0;  ///< where it is mapped; 0 = nowhere
  };
  struct Recorded {
    EventId inner = EventId::none;  ///< what the inner backend knows it by
    Clock::time_point due;          ///< not done before
    StreamId stream{};
  };
  /// What those who wait for several events can do now.
  struct Outlook {
    std::vector<EventId> due;      ///< inner events that may be done
    Clock::time_point next_due{};  ///< when there is one more; the greatest time for none
  };

  void enter(CallKind kind);
  void expect_at(const Extent& extent, Address address, const char* rule) noexcept;
  void note_address(Address address, std::span<const Extent> extents, bool mapped) noexcept;
  void come_to_rest();
  void note(CallKind kind) noexcept;
  void expect(bool holds, const char* rule) noexcept;
  void expect_open(StreamId stream, const char* rule);
  [[nodiscard]] Recorded recorded(EventId event);
  [[nodiscard]] bool holds(const Recorded& event) const {
    return holding_ && (!held_ || held_(event.stream, copied_.contains(event.stream)));
  }
  void note_copy(StreamId stream);
  [[nodiscard]] Outlook outlook(std::span<const Recorded> events) const;

  const std::shared_ptr<Backend> inner_;
  DeviceInfo facts_;
  const std::uint64_t page_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable events_go_;
  std::array<std::uint64_t, call_kinds> calls_{};
  std::uint64_t countdown_ = 0;  // calls until the fault; 0 = none
  std::uint64_t period_ = 0;     // calls from one fault to the next; 0 = there is no next
  std::uint64_t repeats_ = 0;    // of the fault, after it
  std::optional<Fault> fault_;   // empty: the device is lost
  std::optional<CallKind> only_;
  bool fired_ = false;
  bool lost_ = false;
  bool holding_ = false;
  Holding held_;               // empty for all
  std::set<StreamId> copied_;  // streams that a copy was queued on
  bool denied_ = false;
  std::optional<std::uint64_t> shown_free_;
  mutable std::uint64_t free_asked_ = 0;
  std::chrono::nanoseconds delay_{0};
  std::string breach_;

  std::set<StreamId> streams_{StreamId::legacy_default};
  std::map<Address, std::uint64_t> ranges_;
  std::map<Address, std::uint64_t> segments_;
  std::map<Address, std::uint64_t> pinned_;
  std::unordered_map<PageHandle, Created> handles_;
  std::unordered_map<EventId, Recorded> events_;  // by ours, which are never used twice
  std::uint64_t last_event_ = 0;
};

}  // namespace weir::device
