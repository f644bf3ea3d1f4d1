// Streams: each an ordered sequence of items with a timeline semaphore that has
// reached n when item n is done. An event is a value, (stream, n). Most items are
// submitted at once. A host function is run by a thread that the stream gets with its
// first one; what comes after it, on its own stream or by events on others, is kept
// back in software until it has run, so that no queue ever holds a wait that nothing
// submitted before it ends: with one queue for all, that would block all.
//
// Streams take turns at the device's queues, so that what they do may overlap; where two
// share a queue their submissions are in one order, and end in it.
//
// Invariant: a stream's items are issued (submitted to a queue, or run) in their
// order, and only after everything they wait for was issued; issued ≤ submitted, and
// both only grow. What a user queued is called and destroyed under no lock. `order_` keeps
// this, and no driver is called under it. Two others are held while one is: a stream's
// `turn`, by those who queue to it, lest the items that they submit change places; and a
// queue's, by the one who calls it. They are taken in this order: turn, then a queue's, then
// order_: a call on a queue that finds the device lost takes it to tell those who wait. Thread-safe. Called by the
// backend.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "backend/vulkan/commands.hpp"
#include "device/stream_table.hpp"

namespace weir::backend::vulkan {

/// Mapped memory that does not follow the other side's writes by itself.
struct HostRange {
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkDeviceSize offset = 0;
  VkDeviceSize bytes = 0;
};

/// What is queued on a stream: one of a command, a user's command buffer, a host function; or nothing, to wait.
struct Work {
  Commands::Command command = {};
  VkCommandBuffer foreign = VK_NULL_HANDLE;
  std::function<void()> function = {};
  std::optional<HostRange> flush = {};       ///< written by the host before
  std::optional<HostRange> invalidate = {};  ///< read by the host after
  bool host_looks = false;                   ///< at what the command writes
};

class Streams {
 public:
  Streams(Gpu& gpu, Commands& commands);
  /// All queued work finishes first.
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  [[nodiscard]] StreamId create();
  void destroy(StreamId id) noexcept;
  /// The same, but does not wait: the stream takes no more work, and is there until what it has is done.
  void end_after_work(StreamId id) noexcept;
  [[nodiscard]] StreamId resolve(StreamId id);

  /// Throws DriverError where a thread is needed and the system makes none; then nothing was queued.
  void submit(StreamId id, Work work);
  [[nodiscard]] device::EventId record(StreamId id);
  [[nodiscard]] bool query(device::EventId event);
  [[nodiscard]] bool wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline);
  void stream_wait(StreamId id, device::EventId event);

  // --- Sparse memory (binds.cpp): bound in order, before all that is submitted later on any stream ---
  void bind(VkBuffer buffer, std::span<const VkSparseMemoryBind> binds);
  /// Waits until all binds are done; false if the device was lost.
  bool await_binds() noexcept;

  // --- For users who submit themselves ---
  struct TimelinePoint {
    VkSemaphore semaphore = VK_NULL_HANDLE;
    std::uint64_t value = 0;
  };
  /// Reached when all work queued on the stream so far is done. Everything before it is submitted when this returns.
  [[nodiscard]] TimelinePoint timeline_point(StreamId id);
  /// Work queued on the stream from now on starts after a point of the user's, whose signal is submitted already.
  void wait_for(StreamId id, TimelinePoint point);

 private:
  struct Stream;
  struct Item;
  struct Submission;
  using Shared = std::shared_ptr<Stream>;
  /// A value of a stream's timeline.
  struct Goal {
    Shared stream;
    std::uint64_t value = 0;
  };

  [[nodiscard]] VkSemaphore make_timeline();
  [[nodiscard]] Shared make_stream(StreamId id);
  void destroy_timelines() noexcept;
  void keep_timeline(TimelinePoint last) noexcept;
  void submit(const Shared& stream, Work work);
  [[nodiscard]] bool queue(const Shared& stream, Item& item);
  void take_back(Stream& stream, Item& item) noexcept;
  void issue(Stream& stream, Item& item);
  void tell_progress() noexcept;
  [[nodiscard]] bool ready(const Stream& stream, const Item& item) const noexcept;

  // --- backlog.cpp ---
  void drain(const Shared& stream) noexcept;
  void drain_one(Stream& stream, std::unique_lock<std::mutex>& order);
  [[nodiscard]] bool pass_over_failed(Stream& stream, std::unique_lock<std::mutex>& order) noexcept;
  void run(Stream& stream, Item& item);
  void close(Stream& stream) noexcept;
  void finish(Stream& stream) noexcept;
  [[nodiscard]] bool over(Stream& stream) noexcept;
  void abandon(Stream& stream) noexcept;

  // --- events.cpp ---
  [[nodiscard]] bool reached(Stream& stream, std::uint64_t value);
  [[nodiscard]] bool await(Stream& stream, std::uint64_t value, std::chrono::nanoseconds deadline);
  void await_some(std::span<const Goal> goals, std::chrono::steady_clock::time_point end);
  [[nodiscard]] bool await_issue(Stream& stream, std::uint64_t value, std::chrono::nanoseconds deadline);
  [[nodiscard]] bool await_semaphore(VkSemaphore semaphore, std::uint64_t value, std::chrono::nanoseconds deadline);
  void settle(Stream& stream, std::uint64_t value);
  void note_reached(Stream& stream, std::uint64_t value) noexcept;
  void land(Stream& stream, std::uint64_t value);
  static void gather_landings(Stream& stream, std::uint64_t value, std::map<Stream*, std::uint64_t>& upto,
                              std::vector<VkMappedMemoryRange>& ranges);
  void tell_failure(Stream& stream, std::uint64_t value);
  void collect(Stream& stream);
  void flush(const HostRange& range);

  // --- binds.cpp ---
  [[nodiscard]] std::uint64_t pending_binds();

  Gpu& gpu_;
  Commands& commands_;
  std::mutex order_;
  std::condition_variable changed_;
  bool landing_ = false;  // a thread makes downloads visible
  VkSemaphore binds_ = VK_NULL_HANDLE;
  std::atomic<std::uint64_t> bound_{0};       // binds submitted; grows under the lock of the queue that binds
  std::atomic<std::uint64_t> bound_done_{0};  // known to be done
  // Ends a wait in the driver for some of what others also wait for here: each issue signals it while there is one.
  VkSemaphore wake_ = VK_NULL_HANDLE;
  std::mutex waking_;  // its values are signalled in order; order_ is taken under it
  std::uint64_t woken_ = 0;
  std::atomic<std::uint32_t> wakers_wanted_{0};  // grows under order_
  std::atomic<std::uint32_t> turns_{0};          // at the queues
  device::StreamTable<Stream> streams_;
  std::mutex spare_mutex_;
  std::vector<TimelinePoint> spare_;  // timelines of streams that ended, to go on from
};

}  // namespace weir::backend::vulkan
