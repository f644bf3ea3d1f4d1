// The memory manager: one device's memory by name. It makes buffers, finds and
// frees them, moves their contents, keeps limits and counts, and reports. One pool
// stands behind it. Thread-safe, but for two calls about one buffer at a time, unless one
// is wait_for_download. After fork() the child makes managers of its own: its parent's
// throw Unsupported.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <weir/buffer.hpp>
#include <weir/pool.hpp>
#include <weir/recovery.hpp>
#include <weir/scope.hpp>
#include <weir/transfer.hpp>

namespace weir {

struct ManagerOptions {
  /// Names the manager, its pool and its pinned memory. 1 to 240 bytes of UTF-8 without control characters.
  std::string name = "memory";
  /// The pool of device memory. Its name is left empty, else InvalidArgument. Without a limit it takes WEIR_LIMIT's, or
  /// 6 GiB or 90 % of the device, whichever is less. Its clock, log, idle_age and reclaim_deadline hold for buffers and
  /// pinned memory too; clock and log outlive what `pinned` gave as well.
  PoolOptions pool = {};
  TransferOptions transfers = {};
};

/// Counts go on when a device was lost and opened again; blocks that were live then count as freed. The pool's
/// latencies begin anew.
struct ManagerStatistics {
  Statistics pool;  ///< of device memory; refusals and errors include those of the manager and its buffers
  TransferStatistics transfers;
  std::uint64_t buffers = 0;          ///< open now
  std::uint64_t buffers_created = 0;  ///< all told
  std::uint64_t resizes = 0;          ///< of all buffers, open and closed
  std::uint64_t resizes_in_place = 0;
  LatencySummary creation_latency;   ///< of buffers that were made, from the call to the memory; contents come after it
  std::uint64_t host_copies = 0;     ///< bytes of the host that keep_host_copy() keeps now
  std::uint64_t recoveries = 0;      ///< times that a lost device was opened again, or another in its place
  std::uint64_t restored_bytes = 0;  ///< of buffers, by these
  std::uint64_t lost_bytes = 0;      ///< as RecoveryReport::lost_bytes, by these
  LatencySummary recovery_latency;   ///< of these, from the call to the end
};

struct Report {
  std::string manager;
  std::string device;
  ManagerStatistics totals;
  std::vector<BufferStatistics> buffers;  ///< by name
  std::vector<LiveBlock> blocks;          ///< every live block, largest first; names are their tags
};

/// A quantity now, and all that ever passed. Bytes. It has no peak over several managers: their hits would have to
/// share a counter for it. It was never above the peak of what was reserved.
struct Turnover {
  std::uint64_t live = 0;
  std::uint64_t cumulative = 0;
};

/// Of several managers. Peaks are exact, and those of the sum: not a sum of peaks. They and what is cumulative include
/// managers that are closed by now; what a closed one could not give back to its driver stays live.
struct MemoryTotals {
  std::uint64_t managers = 0;  ///< open now
  std::uint64_t buffers = 0;   ///< open now
  Turnover requested = {};
  Turnover allocated = {};
  Amount reserved = {};
  Amount external = {};
  Amount pinned = {};  ///< reserved
};

/// Over the managers that one device has or had.
struct DeviceTotals : MemoryTotals {
  BackendKind backend = BackendKind::host;
  std::size_t index = 0;  ///< among the devices of its backend
  std::string name;
};

/// Over all managers of the process, and those of each device that ever had one; a child of fork() counts its own.
struct ProcessStatistics : MemoryTotals {
  std::vector<DeviceTotals> devices;
};
[[nodiscard]] ProcessStatistics process_statistics();

class MemoryManager {
 public:
  /// Throws as Pool, and InvalidArgument and Unsupported for transfer options that make no sense on the device.
  explicit MemoryManager(Device device, ManagerOptions options = {});
  /// Frees every buffer, also those that Buffers own, which are empty from then on; buffers that are still
  /// there are reported to the log as leaks. No other call may be in flight.
  ~MemoryManager();
  MemoryManager(const MemoryManager&) = delete;
  MemoryManager& operator=(const MemoryManager&) = delete;

  // --- Buffers. Names are 1 to 255 bytes of UTF-8 without control characters ---

  /// Makes a buffer of `count` elements, owned by the manager until free(). `stream` is the order in which its memory
  /// may be used first. Throws InvalidArgument for a bad or taken name or no elements, LimitExceeded and OutOfMemory;
  /// then nothing has changed.
  template <class T>
  BufferHandle<T> create(std::string_view name, std::size_t count, const BufferOptions& options = {},
                         StreamId stream = StreamId::legacy_default, CallSite where = CallSite::here()) {
    return BufferHandle<T>(make(name, element_type<T>(), count, options, stream, IfExists::refuse, where));
  }
  /// The same with contents, complete when it returns. Throws as upload too.
  template <class T>
  BufferHandle<T> create(std::string_view name, std::span<const T> data, const BufferOptions& options = {},
                         StreamId stream = StreamId::legacy_default, CallSite where = CallSite::here()) {
    return BufferHandle<T>(
        make_from(name, element_type<T>(), std::as_bytes(data), options, stream, IfExists::refuse, where));
  }
  template <class T, std::convertible_to<std::span<const T>> Data>
  BufferHandle<T> create(std::string_view name, const Data& data, const BufferOptions& options = {},
                         StreamId stream = StreamId::legacy_default, CallSite where = CallSite::here()) {
    return create<T>(name, std::span<const T>(data), options, stream, where);
  }
  /// The buffer of that name, resized to `count` elements, else a new one. One that is there keeps its options and its
  /// owner. Waits where another thread is making it. Throws as create, and TypeMismatch for one of another type, which
  /// stays as it is.
  template <class T>
  BufferHandle<T> find_or_create(std::string_view name, std::size_t count, const BufferOptions& options = {},
                                 StreamId stream = StreamId::legacy_default, CallSite where = CallSite::here()) {
    return BufferHandle<T>(make(name, element_type<T>(), count, options, stream, IfExists::reuse, where));
  }
  /// The same with contents.
  template <class T, std::convertible_to<std::span<const T>> Data>
  BufferHandle<T> find_or_create(std::string_view name, const Data& data, const BufferOptions& options = {},
                                 StreamId stream = StreamId::legacy_default, CallSite where = CallSite::here()) {
    return BufferHandle<T>(make_from(name, element_type<T>(), std::as_bytes(std::span<const T>(data)), options, stream,
                                     IfExists::reuse, where));
  }
  /// As create, but the result owns it: freed with it, by scope.
  template <class T>
  [[nodiscard]] Buffer<T> scoped(std::string_view name, std::size_t count, const BufferOptions& options = {},
                                 StreamId stream = StreamId::legacy_default, CallSite where = CallSite::here()) {
    return Buffer<T>(make(name, element_type<T>(), count, options, stream, IfExists::refuse, where));
  }

  /// Memory for all columns, of up to `rows` rows, in one block; given back at the scope's end. Of `options`, max_bytes
  /// does not count. Throws as create and PoolingScope::bytes; then nothing has changed.
  [[nodiscard]] PoolingScope scope(std::string_view name, std::size_t rows, std::vector<ScopeColumn> columns,
                                   BufferOptions options = {}, StreamId stream = StreamId::legacy_default,
                                   CallSite where = CallSite::here());

  /// Throws NotFound, which lists the three nearest names there are, and TypeMismatch.
  template <class T>
  [[nodiscard]] BufferHandle<T> find(std::string_view name) const {
    return BufferHandle<T>(find_core(name));
  }
  [[nodiscard]] AnyBuffer find(std::string_view name) const { return AnyBuffer(find_core(name)); }
  [[nodiscard]] bool contains(std::string_view name) const;
  /// Frees the buffer, in the order of the streams it was used on; handles to it are stale from then on. Does not wait.
  /// Throws NotFound.
  void free(std::string_view name);
  /// The same. Throws StaleHandle, and InvalidArgument for another manager's.
  void free(const AnyBuffer& buffer);
  /// Frees every buffer, also those that Buffers own.
  void free_all();

  // --- Transfers. Buffer and data come first, then the stream, then CopyOptions. Windows lie in the elements in use,
  // else InvalidArgument. A deadline of zero or less has passed already: a transfer with one throws Timeout before
  // anything is queued or staged, a wait only looks. A Timeout's facts have the deadline as `limit`, bytes_asked, and
  // bytes_done. All throw StaleHandle, DeviceLost and DriverError too, and Unsupported for data that is not pinned on a
  // stream that is being captured ---

  /// Returns when the data is on the device, in the order of `stream`. Throws Timeout past the deadline: of the window
  /// the first facts().bytes_done bytes were queued and will be new when the stream gets there, the others stay as they
  /// are. `data` may be changed then, but for pinned memory, which is read until the stream has passed. A device that
  /// is written in place has nothing new then.
  template <class T>
  void upload(const BufferHandle<T>& buffer, std::type_identity_t<std::span<const T>> data,
              StreamId stream = StreamId::legacy_default, const CopyOptions& options = {}) {
    upload_bytes(buffer, std::as_bytes(data), data.size(), stream, options);
  }
  /// Returns when `data` may be changed: at once for pinned memory, which must stay as it is until the ticket is
  /// done; else when it has been copied to staging memory. Waits, for the deadline at most, only where the device is
  /// written in place.
  template <class T>
  Transfer start_upload(const BufferHandle<T>& buffer, std::type_identity_t<std::span<const T>> data,
                        StreamId stream = StreamId::legacy_default, const CopyOptions& options = {}) {
    return start_upload_bytes(buffer, std::as_bytes(data), data.size(), stream, options);
  }
  /// Returns when `data` holds the elements as they were in the order of `stream`. Throws Timeout past the deadline:
  /// the first facts().bytes_done bytes of `data` are filled then; pinned memory is still written when the stream gets
  /// there.
  template <class T>
  void download(const BufferHandle<T>& buffer, std::type_identity_t<std::span<T>> data,
                StreamId stream = StreamId::legacy_default, const CopyOptions& options = {}) {
    download_bytes(buffer, std::as_writable_bytes(data), data.size(), stream, options);
  }
  /// The elements in use, from the offset on.
  template <class T>
  [[nodiscard]] std::vector<T> download(const BufferHandle<T>& buffer, StreamId stream = StreamId::legacy_default,
                                        const CopyOptions& options = {}) {
    std::vector<T> data(buffer.size() - std::min(options.offset, buffer.size()));
    download(buffer, std::span<T>(data), stream, options);
    return data;
  }
  /// Downloads all elements in use as they are in the order of `stream`, and returns at once; with a snapshot, later
  /// work may overwrite the buffer at once too. The buffer's options must say `downloads`. A download that finds all
  /// slots taken is refused, or waits, as chosen.
  void start_download(const AnyBuffer& buffer, StreamId stream = StreamId::legacy_default,
                      const DownloadOptions& options = {});
  /// The oldest download that was started and not waited for. The span stays as it is until as many more downloads
  /// of this buffer were started as it has slots. Throws Timeout, after which it may be waited for again; a deadline of
  /// zero or less only looks. One thread may wait for a download whose start has returned while another uses the
  /// buffer, resizes it and starts its next downloads, but for those with WhenFull::wait; not while it is freed.
  template <class T>
  [[nodiscard]] std::span<const T> wait_for_download(const BufferHandle<T>& buffer,
                                                     std::chrono::nanoseconds deadline = default_deadline) {
    const std::span<const std::byte> bytes = wait_for_bytes(buffer, deadline);
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  /// Copies all elements in use of another manager's buffer, on this device or another, to the offset in one of this
  /// manager's, where they have to fit; never of one buffer to itself. They are taken as they are in the order of
  /// `from_stream`, a stream of the source's device, and written in the order of `stream`, one of this device's; done
  /// when it returns. Goes from device to device where the drivers can, else through the host. Throws as transfers;
  /// past the deadline the target may have some of the elements, in their order.
  template <class T>
  void copy(const BufferHandle<T>& to, MemoryManager& source, const BufferHandle<T>& from,
            StreamId stream = StreamId::legacy_default, StreamId from_stream = StreamId::legacy_default,
            const CopyOptions& options = {}) {
    copy_bytes(to, source, from, from.size(), stream, from_stream, options);
  }
  /// Pinned host memory for `count` elements, which transfers use without staging. Freed with the result, which may
  /// outlive the manager. Throws LimitExceeded past TransferOptions::pinned_limit, OutOfMemory, InvalidArgument for a
  /// size that overflows.
  template <class T>
  [[nodiscard]] Pinned<T> pinned(std::size_t count) {
    return Pinned<T>(pinned_bytes(count, sizeof(T)));
  }

  // --- A lost device ---

  /// Opens a lost device again, or another in its place, and brings the buffers back: those with a host copy as
  /// keep_host_copy() took it last; spilled ones and staging buffers with what they hold; those with a restore function
  /// by calling that; all others are marked lost. Names, sizes and handles stay valid, and so do pool(), its tags and
  /// handlers of memory pressure, and the limit; device() and pool().options() are new. All addresses, streams, events,
  /// transfers and downloads of the lost device are gone: make what you need anew; what is left of them may end at any
  /// time. Blocks of the pool that are no buffer's are gone too, and are not to be freed; their handles are stale.
  /// Bytes that were booked by book_external() count for nothing any more: book them again. Pinned memory that the
  /// program has stays readable, but transfers take it for ordinary memory. Call it when a call threw DeviceLost and
  /// all other threads have come back from theirs: no other call on the manager, its pool, its buffers or what was made
  /// of them may be in flight, but process_statistics(). A device that answers is left as it is. Where CUDA's context
  /// is broken it is new only if nobody else in the process holds it, so give up Pinned memory of it first; else the
  /// next device is tried. Throws DeviceLost with the reasons of all refusals where no device could be opened,
  /// Unsupported for a device that open_device() did not give, InvalidArgument for options out of range; then the
  /// manager stays as it is, and recover() may be called again. Not in work that is queued on a stream.
  RecoveryReport recover(const RecoveryOptions& options = {});
  /// Copies the elements in use of these buffers, as they are in the order of `stream`, to ordinary memory of the host,
  /// for recover(); returns when that is done. They are one state: the copies take the places of those that were kept
  /// of these buffers before together, or not at all where this throws. So a buffer that comes back has the elements
  /// that it had at the last call that returned, and its size then. Costs a download each. Throws as download, then
  /// nothing has changed.
  void keep_host_copy(std::span<const AnyBuffer> buffers, StreamId stream = StreamId::legacy_default,
                      std::chrono::nanoseconds deadline = default_deadline);
  void keep_host_copy(std::initializer_list<AnyBuffer> buffers, StreamId stream = StreamId::legacy_default,
                      std::chrono::nanoseconds deadline = default_deadline) {
    keep_host_copy(std::span(buffers.begin(), buffers.size()), stream, deadline);
  }
  void keep_host_copy(const AnyBuffer& buffer, StreamId stream = StreamId::legacy_default,
                      std::chrono::nanoseconds deadline = default_deadline) {
    keep_host_copy(std::span(&buffer, 1), stream, deadline);
  }
  /// Frees what is kept of the buffer.
  void drop_host_copy(const AnyBuffer& buffer);
  /// Has recover() call `restore` for the buffer where no copy of it is kept; an empty function takes that back.
  void on_restore(const AnyBuffer& buffer, RestoreFunction restore);

  // --- Limits and counts ---

  /// Books `bytes` of another library, for as long as the result lives. Throws LimitExceeded.
  [[nodiscard]] ExternalBytes book_external(std::uint64_t bytes);
  [[nodiscard]] ManagerStatistics statistics() const;
  /// The same but for what Pool::quick_statistics leaves out, of device memory and of pinned memory, and for resizes
  /// and host copies, which are left 0: for a live view. Takes no lock of an arena nor of a buffer.
  [[nodiscard]] ManagerStatistics quick_statistics() const;
  /// Live blocks and their bytes; under 10 µs.
  [[nodiscard]] LeakCount check_leaks() const;
  /// Totals, every buffer, every live block.
  [[nodiscard]] Report report() const;
  /// Does what is due: finished frees and staging memory are reclaimed, idle memory goes back.
  void maintain();
  /// Returns free device memory to the driver, as Pool::trim; gives the bytes. Waits for work that still uses freed
  /// blocks.
  std::uint64_t trim();

  [[nodiscard]] const std::string& name() const noexcept;
  [[nodiscard]] std::uint64_t limit() const noexcept;
  /// Good until recover().
  [[nodiscard]] const Device& device() const noexcept;
  /// The pool behind it, for allocation by pointer.
  [[nodiscard]] Pool& pool() noexcept;

  /// The process's default manager: opened on the best device at its first use, unless set_default() named one.
  /// A child of fork() has one of its own.
  [[nodiscard]] static MemoryManager& process_default();
  /// Names it before its first use; throws InvalidArgument after that. nullptr takes back what was named.
  static void set_default(MemoryManager* manager);

 private:
  friend class Batch;
  class Implementation;
  enum class IfExists : std::uint8_t { refuse, reuse };

  std::shared_ptr<detail::BufferCore> make(std::string_view name, const ElementType& type, std::size_t count,
                                           const BufferOptions& options, StreamId stream, IfExists if_exists,
                                           CallSite where);
  std::shared_ptr<detail::BufferCore> make_from(std::string_view name, const ElementType& type,
                                                std::span<const std::byte> data, const BufferOptions& options,
                                                StreamId stream, IfExists if_exists, CallSite where);
  [[nodiscard]] std::shared_ptr<detail::BufferCore> find_core(std::string_view name) const;
  void upload_bytes(const AnyBuffer& buffer, std::span<const std::byte> data, std::size_t count, StreamId stream,
                    const CopyOptions& options);
  Transfer start_upload_bytes(const AnyBuffer& buffer, std::span<const std::byte> data, std::size_t count,
                              StreamId stream, const CopyOptions& options);
  void download_bytes(const AnyBuffer& buffer, std::span<std::byte> data, std::size_t count, StreamId stream,
                      const CopyOptions& options);
  void copy_bytes(const AnyBuffer& to, MemoryManager& source, const AnyBuffer& from, std::size_t count, StreamId stream,
                  StreamId from_stream, const CopyOptions& options);
  [[nodiscard]] std::span<const std::byte> wait_for_bytes(const AnyBuffer& buffer, std::chrono::nanoseconds deadline);
  [[nodiscard]] PinnedBytes pinned_bytes(std::size_t count, std::size_t element_bytes);
  /// What stands behind every call but name(), limit(), device() and pool(). Throws Unsupported in a child of fork().
  [[nodiscard]] Implementation& checked() const;

  std::unique_ptr<Implementation> implementation_;
};

}  // namespace weir
