// The pool: device memory by pointer or by handle, in stream order.
//
// Two doors. `allocate`/`deallocate` deal in addresses, as other allocators do;
// `acquire`/`release` deal in checked handles, for devices without pointers and
// for owners that want stale use caught. Both share the same memory and counts.
// Thread-safe throughout. No lock is held across a driver call or a callback. After
// fork() the child makes pools of its own: its parent's throw Unsupported. No function
// here may be called from a signal handler: the thread that it interrupts may hold a
// lock, which the handler then waits for without end.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <weir/call_site.hpp>
#include <weir/clock.hpp>
#include <weir/device.hpp>
#include <weir/log.hpp>
#include <weir/pressure.hpp>
#include <weir/recording.hpp>
#include <weir/statistics.hpp>
#include <weir/stream.hpp>

namespace weir {

/// How a pool takes memory from its device.
enum class PoolMode : std::uint8_t {
  automatic,  ///< pages where the device has virtual memory, and addresses for as much as the limit; else segments
  pages,      ///< one address range, backed by pages as needed
  segments,   ///< plain segments from the driver, carved up
  off,        ///< no pooling: one driver allocation a block
};

struct PoolOptions {
  std::string name = {};  ///< up to 255 bytes of UTF-8 without control characters; empty: "pool"
  PoolMode mode = PoolMode::automatic;
  /// Bound on reserved + external bytes, checked where memory is taken. Default: the device's.
  std::optional<std::uint64_t> limit = {};
  /// A target for the same sum, at most the limit: nothing is refused for it. A request that would pass it first uses
  /// all free memory and calls handlers of memory pressure (but for try_allocate), and is then served up to the limit.
  /// What is free above it goes back to the driver in maintain(), and about once a second at operations. Default: none.
  std::optional<std::uint64_t> soft_limit = {};
  /// Bytes of the device's memory to leave to other programs: the soft limit, or the limit where there is none, sinks
  /// as they take memory, so that as much stays free, and rises again. The driver is asked what is free at a request
  /// that is about to take memory, once in 100 ms at most, which takes what Device::info() does. No effect where the
  /// driver cannot tell. Default: others are not looked at.
  std::optional<std::uint64_t> leave_free = {};
  /// Where memory comes in segments, the least that one is asked of the driver. Bytes.
  std::uint64_t segment_bytes = std::uint64_t{32} << 20;
  /// Free bytes that ageing leaves in the pool.
  std::uint64_t keep_free = 0;
  /// Pages free for longer than this go back to the driver, at operations and in maintain().
  std::chrono::nanoseconds idle_age = std::chrono::seconds(30);
  /// Bytes one thread may keep cached on one stream; 0 switches the thread caches off.
  std::uint64_t thread_cache_bytes = std::uint64_t{1} << 30;
  /// Clear every block before it is handed out, in stream order.
  bool zero = false;
  /// Remember where each block was allocated, for leak reports.
  bool call_sites = false;
  /// The largest handle of the driver that pages come in while memory is to spare: a call for it costs what one for a
  /// page does, but it moves and goes back only as a whole. Less suits a job that shares its device. Bytes.
  std::uint64_t max_handle_bytes = std::uint64_t{32} << 20;
  /// How long a request waits at most, all its waits together: for pending work, handlers of memory pressure and other
  /// threads' frees.
  std::chrono::nanoseconds reclaim_deadline = std::chrono::seconds(10);
  /// What requests that are refused may wait in vain for other threads to free memory: all together until a wait pays,
  /// and a 64th of the time that passes. 0: they do not wait for threads.
  std::chrono::nanoseconds wait_for_threads = std::chrono::milliseconds(500);
  const Clock* clock = nullptr;  ///< not owned; outlives the pool. Default: the device's, which is the system's but
                                 ///< where time is simulated
  LogSink* log = nullptr;        ///< not owned; outlives the pool. Default: silence
  /// Where every event of the pool is recorded. Default: what WEIR_RECORD says, else nowhere.
  RecordOptions record = {};
};

/// A checked reference to one block of one pool. Copyable; holds nothing.
struct BlockHandle {
  std::uint32_t id = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const BlockHandle&, const BlockHandle&) = default;
};

/// Names the owner of blocks in leak reports; made once by Pool::tag, cheap to pass.
enum class Tag : std::uint32_t { none = 0 };

/// What an allocation may ask beyond bytes and a stream. Passed by value, in registers.
struct AllocateOptions {
  /// A power of two, at most the device's page. Bytes. Less than Pool::granule costs nothing and gets a granule.
  std::size_t alignment = 512;
  /// The owner, as reports name it. A value that Pool::tag did not give is reported as no owner.
  Tag tag = Tag::none;
};

class Pool;

namespace track {
class EventTap;
}
namespace detail {
struct Quota;
}
namespace pool {
struct Access;
}
namespace device {
class Event;
}

/// Bytes of another library, counted towards the pool's limit for as long as this lives. Move-only. One that outlives
/// its pool, or its manager, still says how many they were, and counts for nothing.
class ExternalBytes {
 public:
  ExternalBytes() = default;
  ExternalBytes(ExternalBytes&& other) noexcept;
  ExternalBytes& operator=(ExternalBytes&& other) noexcept;
  ~ExternalBytes();
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  friend class Pool;
  ExternalBytes(std::shared_ptr<detail::Quota> quota, std::uint64_t bytes) noexcept
      : quota_(std::move(quota)), bytes_(bytes) {}
  std::shared_ptr<detail::Quota> quota_;
  std::uint64_t bytes_ = 0;
};

class Pool {
 public:
  /// The smallest alignment of any block, and the unit sizes are rounded to. Bytes.
  static constexpr std::size_t granule = 512;

  /// Throws InvalidArgument for options that make no sense, Unsupported for a mode that the device cannot have.
  explicit Pool(Device device, PoolOptions options = {});
  /// Waits for queued work that may still use the memory, reclaim_deadline at most, and frees everything, live blocks
  /// too: they are reported to the log as leaks. Memory whose work did not end in time stays with the system, and the
  /// log says so. No other call may be in flight.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Takes `bytes` of device memory, usable in the order of `stream`. Zero bytes give nullptr, which is valid.
  /// A hit makes no driver call and no host allocation; a miss may map pages and wait, reclaim_deadline at most in all.
  /// One that would be refused while other threads have memory of this pool waits for their frees: see
  /// PoolOptions::wait_for_threads. Of threads that all wait, one is refused at once.
  /// Throws LimitExceeded where a limit that the program set refused, OutOfMemory where the device did,
  /// InvalidArgument for an alignment or a stream that makes no sense, DriverError, DeviceLost, and Unsupported past
  /// 65,535 streams or 32,767 pairs of a thread and a stream at a time; then nothing has changed.
  [[nodiscard]] void* allocate(std::size_t bytes, StreamId stream = StreamId::legacy_default,
                               AllocateOptions options = {}, CallSite where = CallSite::here());
  /// The same, but an empty optional where memory ran out: it calls no handler and waits for no thread.
  [[nodiscard]] std::optional<void*> try_allocate(std::size_t bytes, StreamId stream = StreamId::legacy_default,
                                                  AllocateOptions options = {}, CallSite where = CallSite::here());
  /// Gives a block back once the work now queued on `stream` is done; does not wait.
  /// Throws InvalidArgument for a foreign pointer, one inside a block, or a second free, as long as the
  /// memory has not been handed out again; handles tell that apart too.
  void deallocate(void* address, StreamId stream = StreamId::legacy_default);

  /// The handle door; as allocate. Zero bytes give a handle to an empty block with no memory.
  [[nodiscard]] BlockHandle acquire(std::size_t bytes, StreamId stream = StreamId::legacy_default,
                                    AllocateOptions options = {}, CallSite where = CallSite::here());
  /// A block that can grow in place to `max_bytes`: on a device with virtual memory, in whole pages, with
  /// address space of its own behind it; elsewhere, and where `bytes` is a page or less, as acquire. As acquire
  /// otherwise. A range that cannot be kept throws Unsupported.
  [[nodiscard]] BlockHandle acquire_growable(std::size_t bytes, std::size_t max_bytes,
                                             StreamId stream = StreamId::legacy_default, AllocateOptions options = {},
                                             CallSite where = CallSite::here());
  /// A block that is a driver allocation of its own: never moved, never remapped, fit to be given to other
  /// libraries. Its free waits for its work and goes to the driver at once. As acquire otherwise.
  [[nodiscard]] BlockHandle acquire_plain(std::size_t bytes, StreamId stream = StreamId::legacy_default,
                                          AllocateOptions options = {}, CallSite where = CallSite::here());
  /// Makes a live block `bytes` long without moving it or touching what it holds; false, with nothing changed, where it
  /// cannot. Growth costs the mapping of the pages that are missing. Giving pages back waits for the work that uses the
  /// block, on `stream`, its own and those named by used_on. Where the driver has large handles (CUDA), pages of one go
  /// back together only, so that up to an eighth more than asked stays allocated. Throws as acquire, StaleHandle,
  /// Timeout; then nothing has changed.
  [[nodiscard]] bool resize(BlockHandle block, std::size_t bytes, StreamId stream = StreamId::legacy_default);
  /// How a block became longer.
  struct Enlarged {
    bool moved = false;              ///< its address is another one
    std::uint64_t bytes_copied = 0;  ///< of its contents, on the device; what else it held came along by remapping
  };
  /// Makes a live block `bytes` long, in place or in a range of address space of its own, which is as long as doubling
  /// makes it or as `range_bytes`, whichever is more, `max_bytes` at most: there it grows in place from then on. Its
  /// first `contents` bytes are kept. Of a block that starts at a page's border, the driver's handles that it alone
  /// uses move by remapping, where the work that uses it ends at once, or where there is no memory for a copy: then it
  /// waits for that work. All else is copied in the order of `stream`, after the work on its own stream and those named
  /// by used_on; limits count both copies. Empty, with nothing changed, where it has no virtual memory, where no
  /// addresses are left, and up to a page. Throws as acquire, StaleHandle; then nothing has changed. Should the driver
  /// refuse to map a block's memory anywhere any more, or the device be lost meanwhile, the block is gone: a
  /// DriverError or DeviceLost says so, and the handle is stale.
  [[nodiscard]] std::optional<Enlarged> enlarge(BlockHandle block, std::size_t bytes, std::size_t max_bytes,
                                                std::size_t contents, StreamId stream = StreamId::legacy_default,
                                                std::size_t range_bytes = 0);
  /// As deallocate. Throws StaleHandle for a handle whose block is gone.
  void release(BlockHandle block, StreamId stream = StreamId::legacy_default);
  /// Whether the handle names a live block of this pool.
  [[nodiscard]] bool holds(BlockHandle block) const noexcept;
  /// The device address of a live block; 0 for an empty one. Throws StaleHandle.
  [[nodiscard]] std::uint64_t address(BlockHandle block) const;
  /// The handle of the live block that starts at `address`. Throws InvalidArgument.
  [[nodiscard]] BlockHandle handle(const void* address) const;
  /// The bytes that a live block takes up. Throws StaleHandle.
  [[nodiscard]] std::uint64_t allocated(BlockHandle block) const;
  /// The bytes to which a live block can grow without moving; where it cannot, what it takes up. Throws StaleHandle.
  [[nodiscard]] std::uint64_t growable_bytes(BlockHandle block) const;
  /// What is known of a live block. Throws StaleHandle.
  [[nodiscard]] LiveBlock describe(BlockHandle block) const;

  /// Says that work on `stream` uses the block too: after its free it is not reused
  /// before the work queued on `stream` by then is done. A null address and an empty block are ignored. Throws
  /// InvalidArgument, StaleHandle.
  void used_on(void* address, StreamId stream);
  void used_on(BlockHandle block, StreamId stream);
  /// Says that nothing more will be queued on `stream`; its memory becomes free for
  /// others once its work is done. Streams made by Device::stream retire themselves.
  void retire(StreamId stream);

  /// Returns free memory to the driver, by whole pages and segments, but leaves at least `keep_free`
  /// bytes where there are as many; gives the bytes returned. Waits for work that still uses freed blocks.
  std::uint64_t trim(std::uint64_t keep_free = 0);
  /// Has `bytes` of free memory ready, in one range, for allocations on `stream`: these then need no driver call. For a
  /// start or a pause, where growth is in nobody's way; costs what that growth costs, and nothing where there is as
  /// much. Idle memory still goes back after idle_age, but for keep_free. Throws as allocate, and Unsupported where the
  /// pool is off.
  void map_ahead(std::uint64_t bytes, StreamId stream = StreamId::legacy_default);
  /// Does what is due: finished frees are reclaimed, idle memory goes back. Call now and then.
  void maintain();

  /// Has `handler` called where a request finds no memory, before it is refused; handlers are called in the order in
  /// which they were registered. try_allocate calls none. Throws InvalidArgument for an empty one. The registration may
  /// outlive the pool.
  [[nodiscard]] PressureRegistration on_pressure(PressureHandler handler);

  /// Books `bytes` of another library; idle memory is given back for them, then handlers of memory pressure are called,
  /// and other threads waited for, as for a request. Throws LimitExceeded; then nothing is booked.
  [[nodiscard]] ExternalBytes book_external(std::uint64_t bytes);

  /// The tag for `name`; the same name gives the same tag. It lives as long as the pool, or until it was
  /// dropped as often as it was asked for. Names are as a pool's; throws InvalidArgument for others.
  [[nodiscard]] Tag tag(std::string_view name);
  /// For owners that come and go. No live block may carry the tag when it is dropped for the last time.
  void drop_tag(Tag tag) noexcept;

  /// Looks at every cache and arena; no thread is stopped.
  [[nodiscard]] Statistics statistics() const;
  /// The same but for the largest free range and the latencies, which are left 0: for a live view, as no thread that
  /// allocates is held up. Takes no lock of an arena.
  [[nodiscard]] Statistics quick_statistics() const;
  /// Live blocks and their bytes; under 10 µs.
  [[nodiscard]] LeakCount check_leaks() const;
  /// Every live block, largest first; stops other threads for a moment.
  [[nodiscard]] std::vector<LiveBlock> live_blocks() const;
  /// Walks all records and compares them with the counts; throws std::logic_error naming the first
  /// that differs. For tests; no other call may be in flight.
  void verify() const;

  [[nodiscard]] const Device& device() const noexcept;
  /// The pages that its memory is made of; 0 where that is segments, or the pool is off. Bytes.
  [[nodiscard]] std::uint64_t page_bytes() const noexcept;
  /// As given, with what was left open filled in: the name, the clock, and what WEIR_LIMIT, WEIR_POOL and WEIR_LOG say.
  [[nodiscard]] const PoolOptions& options() const noexcept;

 private:
  friend struct pool::Access;
  class Implementation;
  explicit Pool(std::unique_ptr<Implementation> implementation) noexcept;
  [[nodiscard]] const std::shared_ptr<track::EventTap>& events() const noexcept;
  void used_until(BlockHandle block, StreamId stream, std::shared_ptr<const device::Event> end) noexcept;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace weir
