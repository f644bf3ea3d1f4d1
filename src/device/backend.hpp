// The backend contract: all that weir asks of a driver. Small and without
// policy; what a device lacks is a flag, and the pool has a fallback for each.
//
// Rules for implementers. Every function is thread-safe. A function that throws
// (a weir::Error) has changed nothing. `noexcept` functions report nothing: they
// are the ones that give things back. The caller holds no lock of weir's.
//
// Rules the caller keeps. Memory is unmapped, destroyed or freed only when no
// queued work uses it: the pool waits for events first. map() is complete in
// the order of work submitted after it returns (on Vulkan a semaphore sees to
// that; on CUDA it is complete at once). While capturing(stream), no event is
// recorded on it or queried for it. On a lost device nothing runs any more, and
// pages may be destroyed and ranges unreserved that could not be unmapped. In a
// child of fork() nothing of the parent's backend is called but in_own_process() and
// require_own_process(); its makers see to it that it is not destroyed there either.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <span>
#include <vector>

#include <weir/clock.hpp>
#include <weir/device.hpp>
#include <weir/stream.hpp>

#include "core/process.hpp"
#include "device/simulated_time.hpp"

namespace weir::device {

/// A device address, in bytes; on devices with pointers, the pointer's value.
using Address = std::uint64_t;

/// The driver's name for physical memory.
enum class PageHandle : std::uint64_t { none = 0 };

/// Physical memory under one handle of the driver: so many pages, side by side wherever they are mapped. Created,
/// mapped at most once, unmapped and destroyed as a whole.
struct Extent {
  PageHandle handle = PageHandle::none;
  std::uint32_t pages = 1;
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// The pages of several extents, whatever else a user of theirs knows of each.
template <class Extents>
[[nodiscard]] std::uint64_t pages_of(const Extents& extents) noexcept {
  return std::accumulate(extents.begin(), extents.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Extent& extent) { return sum + extent.pages; });
}

/// An event in a stream: done when all work queued before it is done. `none` is done.
enum class EventId : std::uint64_t { none = 0 };

/// How often a driver was called, by what for. On a driver without such calls, what comes next to them.
struct DriverCalls {
  std::uint64_t reserves = 0;  ///< address ranges, also given back
  std::uint64_t creates = 0;
  std::uint64_t maps = 0;
  std::uint64_t accesses = 0;  ///< made mapped memory readable and writable
  std::uint64_t unmaps = 0;
  std::uint64_t destroys = 0;
  std::uint64_t segments = 0;  ///< plain memory, also given back
  std::uint64_t pinned = 0;    ///< the same of the host
  std::uint64_t events = 0;    ///< recorded, asked, waited for
  std::uint64_t others = 0;    ///< streams, copies, fills, host functions

  [[nodiscard]] std::uint64_t about_memory() const noexcept {
    return reserves + creates + maps + accesses + unmaps + destroys + segments;
  }
  [[nodiscard]] std::uint64_t all() const noexcept { return about_memory() + pinned + events + others; }
};

/// Told when a stream ends, so that nothing waits for it or is kept for it.
class StreamObserver {
 public:
  virtual ~StreamObserver() = default;
  virtual void stream_ends(StreamId stream) noexcept = 0;
};

class Backend : public std::enable_shared_from_this<Backend> {
 public:
  Backend() = default;
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  /// False in a child that fork() made since: neither the driver nor the streams' threads are there.
  [[nodiscard]] bool in_own_process() const noexcept { return process_.is_current(); }
  /// Throws Unsupported there.
  void require_own_process() const;

  /// The backend of a driver: this one, or what it stands before. Lives as long as this one.
  [[nodiscard]] virtual Backend& concrete() noexcept { return *this; }

  /// What the device is and can do, which does not change; without what is free. Calls no driver.
  [[nodiscard]] virtual const DeviceInfo& facts() const noexcept = 0;
  /// The facts and what is free. Asks the driver, which takes from microseconds to milliseconds.
  [[nodiscard]] virtual DeviceInfo info() const = 0;

  // --- Virtual memory: only where facts().virtual_memory ---

  /// An address range backed by nothing, aligned to a page. `bytes` is a multiple of the page.
  [[nodiscard]] virtual Address reserve(std::uint64_t bytes) = 0;
  virtual void unreserve(Address address, std::uint64_t bytes) noexcept = 0;
  /// The most pages that one handle may stand for. Drivers charge by the handle, not by the page.
  [[nodiscard]] virtual std::uint32_t max_extent_pages() const noexcept { return 1; }
  /// Gives each extent a handle of its own for its number of pages; throws OutOfMemory with none created.
  virtual void create(std::span<Extent> extents) = 0;
  virtual void destroy(std::span<const Extent> extents) noexcept = 0;
  /// Maps the extents one after the other from `address` on, readable and writable. One that was mapped before holds
  /// what it held, if nothing else was mapped meanwhile where it was; all else is undefined.
  virtual void map(Address address, std::span<const Extent> extents) = 0;
  /// Unmaps the extents that were mapped one after the other from `address` on; they stay created.
  virtual void unmap(Address address, std::span<const Extent> extents) = 0;

  // --- Segments: plain memory, never moved; everywhere ---

  /// Memory aligned to at least 512 bytes; throws OutOfMemory.
  [[nodiscard]] virtual Address allocate_segment(std::uint64_t bytes) = 0;
  virtual void free_segment(Address address, std::uint64_t bytes) noexcept = 0;

  // --- Pinned memory: the host's, which the device copies from and to without help ---

  /// The address for the host, aligned to at least 512 bytes; throws OutOfMemory.
  [[nodiscard]] virtual Address allocate_pinned(std::uint64_t bytes) = 0;
  virtual void free_pinned(Address address, std::uint64_t bytes) noexcept = 0;

  // --- Streams and events ---

  /// The stream that an id means on the calling thread: per_thread_default becomes the thread's own.
  /// Throws InvalidArgument, as all that takes a stream does, for one that does not exist or was destroyed.
  [[nodiscard]] virtual StreamId resolve(StreamId stream) { return stream; }
  [[nodiscard]] virtual StreamId create_stream() = 0;
  /// The stream's queued work finishes first. Not on a thread that runs queued work.
  virtual void destroy_stream(StreamId stream) noexcept = 0;
  [[nodiscard]] virtual EventId record(StreamId stream) = 0;
  /// True once all work before the event is done.
  [[nodiscard]] virtual bool query(EventId event) = 0;
  /// Blocks the host until one of the events, or more, is done; false when the deadline passed first, true for none.
  [[nodiscard]] virtual bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) = 0;
  /// The same for one event.
  [[nodiscard]] bool wait(EventId event, std::chrono::nanoseconds deadline) { return wait_any({&event, 1}, deadline); }
  /// Work queued on `stream` from now on starts after the event; the host does not wait.
  virtual void stream_wait(StreamId stream, EventId event) = 0;
  virtual void release(EventId event) noexcept = 0;
  [[nodiscard]] virtual bool capturing(StreamId stream) const noexcept {
    static_cast<void>(stream);
    return false;
  }

  // --- The driver's own streams, and their capture into graphs; Unsupported where there is nothing like it ---

  /// A stream that the program made, under an id of weir's; destroy_stream() ends the id, not the stream.
  [[nodiscard]] virtual StreamId adopt_stream(std::uint64_t native);
  /// The driver's handle.
  [[nodiscard]] virtual std::uint64_t native_stream(StreamId stream);
  /// Told before work of the program's own goes onto the stream past this interface, as a command buffer; throws what a
  /// submission would. Work on native_stream() is told of by that call.
  virtual void before_foreign_work(StreamId stream) { static_cast<void>(stream); }
  /// An id of its own for the work of a capture of `stream`; capturing() is true of it until end_capture(), which says
  /// that nothing will run the captured work any more.
  [[nodiscard]] virtual StreamId begin_capture(StreamId stream);
  virtual void end_capture(StreamId stream) noexcept { static_cast<void>(stream); }

  // --- Data, in the order of a stream ---

  virtual void fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) = 0;
  virtual void copy(StreamId stream, Address to, Address from, std::uint64_t bytes) = 0;
  /// Between pinned memory and the device; the pinned bytes stay as they are until the copy is done.
  virtual void upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) = 0;
  virtual void download(StreamId stream, void* to, Address from, std::uint64_t bytes) = 0;
  /// Copies from `source`, another device, in the order of `stream`, one of this device's. False where the drivers,
  /// that of source.concrete() and this one's, have no way from there to here; the caller then goes by the host.
  [[nodiscard]] virtual bool copy_from(StreamId stream, Address to, Backend& source, Address from, std::uint64_t bytes);
  /// The most that write() takes. Bytes.
  static constexpr std::uint64_t max_written = std::uint64_t{64} << 10;
  /// As upload, from any memory; the bytes have been taken along when it returns.
  virtual void write(StreamId stream, Address to, std::span<const std::byte> bytes) = 0;
  /// Queues a host function; throws Unsupported where streams run no host code. It is called before the work counts as
  /// done, and ends before query() or wait_any() says so, each on a thread that counts as core::in_queued_work(), under
  /// no lock. On CUDA it must make no call into the backend, and ends in a later call of a thread of the program's. A
  /// captured one is called at each launch of the graph, and ends after the graph. On a lost device none is called.
  virtual void run(StreamId stream, std::function<void()> work) = 0;

  /// Calls made into the driver so far, counted as the driver sees them.
  [[nodiscard]] virtual DriverCalls driver_calls() const noexcept = 0;

  /// The time of a device that only plays one; nullptr on others, which live in real time.
  [[nodiscard]] virtual SimulatedTime* simulated_time() noexcept { return nullptr; }
  /// The clock by which the device's events are done and deadlines pass.
  [[nodiscard]] const Clock& clock() noexcept;

  // --- Who wants to know of ended streams ---

  void observe(StreamObserver& observer);
  void forget(StreamObserver& observer) noexcept;
  void announce_end(StreamId stream) noexcept;

 protected:
  /// What resolve() makes of per_thread_default where each thread has a stream of its own: made by
  /// create_thread_stream() at its first use, ended by end_thread_stream() with its thread.
  [[nodiscard]] StreamId stream_of_thread();
  /// That stream for per_thread_default; any other id as it is.
  [[nodiscard]] StreamId meant_by(StreamId stream) {
    return stream == StreamId::per_thread_default ? stream_of_thread() : stream;
  }

 private:
  friend class ThreadStreams;
  [[nodiscard]] virtual StreamId create_thread_stream() { return create_stream(); }
  /// Its thread ends.
  virtual void end_thread_stream(StreamId stream) noexcept {
    announce_end(stream);
    end_after_work(stream);
  }
  /// Waits for no work: the stream ends after that, and stays known until then.
  virtual void end_after_work(StreamId stream) noexcept { destroy_stream(stream); }

  const core::OwnerProcess process_;
  std::mutex observers_mutex_;
  std::vector<StreamObserver*> observers_;
};

/// The next id for a stream; unique in the program.
[[nodiscard]] StreamId next_stream_id() noexcept;
/// Whether it is such an id, or a default stream's: a stream that there is or was.
[[nodiscard]] bool was_given_out(StreamId stream) noexcept;
/// Throws InvalidArgument, for a stream that a device does not have.
[[noreturn]] void refuse_stream(StreamId stream);

}  // namespace weir::device
