// One buffer, untyped: its block, its size and capacity, how it grows, and who
// used it. Invariant: while it is open it has a live block of capacity × element
// bytes, or a copy of its contents on the host, and size ≤ capacity ≤ max_elements.
// Called through AnyBuffer; counts may be read by any thread, and any thread may spill
// it; all else is for one at a time. In a child of fork() its parent's buffers are as
// good as closed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <weir/buffer.hpp>
#include <weir/clock.hpp>
#include <weir/pool.hpp>
#include <weir/stream.hpp>

#include "buffer/host_copy.hpp"
#include "buffer/manager_link.hpp"
#include "buffer/pins.hpp"
#include "core/deadline.hpp"
#include "core/process.hpp"
#include "device/fence.hpp"

namespace weir::detail {

/// What a room above keeps with a buffer; it ends just before the buffer's memory does.
class Companion {
 public:
  virtual ~Companion() = default;
};

/// A request for a buffer, before it is checked.
struct BufferRequest {
  std::string name;
  ElementType type;
  std::size_t count = 0;
  BufferOptions options;
  StreamId stream = StreamId::legacy_default;
  CallSite where;
};

/// Throws InvalidArgument for a request that makes no sense on any device.
void check(const BufferRequest& request);

/// What an earlier look found of the work that uses a buffer: an event is not done when it was recorded a moment ago.
struct SpillLook {
  device::Fence busy;
  std::uint32_t uses = 0;  ///< of the buffer by then; 0 before the first look
};

/// How long a spill may wait.
struct SpillTime {
  core::Deadline users;  ///< for the work that uses the buffer
  core::Deadline copy;   ///< for the copy to the host, once it has begun
};

class BufferCore {
 public:
  /// Called once when the buffer closes, before its memory is freed.
  using Closing = std::function<void(BufferCore&)>;

  /// For a request that has passed check(). Throws LimitExceeded, OutOfMemory; then nothing was taken.
  BufferCore(std::shared_ptr<ManagerLink> manager, Pool& pool, const Clock& clock, BufferRequest request,
             Closing closing);
  BufferCore(const BufferCore&) = delete;
  BufferCore& operator=(const BufferCore&) = delete;
  ~BufferCore() { close(); }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const ElementType& type() const noexcept { return type_; }
  [[nodiscard]] const BufferOptions& options() const noexcept { return options_; }
  [[nodiscard]] CallSite where() const noexcept { return where_; }
  [[nodiscard]] bool open() const noexcept { return open_.load(std::memory_order_acquire) && process_.is_current(); }
  /// Throws StaleHandle for a closed one, Unsupported in a child of fork().
  void require_open() const;
  /// Throws TypeMismatch, naming both types.
  void require_type(const ElementType& wanted) const;
  [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t max_elements() const noexcept { return max_elements_; }
  [[nodiscard]] std::uint64_t bytes_in_use() const noexcept { return size() * type_.bytes; }
  [[nodiscard]] Pool& pool() const noexcept { return *pool_; }
  /// Whether its memory is pinned memory of the host; its pool is that memory's then, and its stream one without work.
  [[nodiscard]] bool on_host() const noexcept { return is_staging(options_.usage); }
  [[nodiscard]] ManagerLink& manager() const noexcept { return *manager_; }

  bool ensure_capacity(std::size_t count, StreamId stream);
  void resize(std::size_t count, StreamId stream);
  void shrink(std::size_t count, StreamId stream);

  /// The address for work on `stream`, to which the contents are brought first if they are spilled; they stay there
  /// until as many calls of unpin().
  [[nodiscard]] std::uint64_t pin(StreamId stream);
  void unpin() noexcept { pins_.leave(); }
  /// The same until end_access().
  [[nodiscard]] std::uint64_t give_address(StreamId stream);
  void end_access() noexcept { address_is_out_.store(false, std::memory_order_release); }
  /// Moves the contents to the host if nobody has the address, once the work that uses them is done; gives the bytes of
  /// device memory that come free, 0 where it stays. Called by any thread, which owns the buffer too; `look` is
  /// kept from one call to the next. Throws DeviceLost.
  [[nodiscard]] std::uint64_t spill(HostStore& store, const SpillTime& time, SpillLook& look);
  /// Whether a thread has it pinned now.
  [[nodiscard]] bool in_use() const noexcept { return pins_.in_use(); }
  /// The bytes that spill() may free, as far as can be told without its work.
  [[nodiscard]] std::uint64_t spillable_bytes() const noexcept {
    return may_leave() && !address_is_out_.load(std::memory_order_relaxed) ? allocated_bytes() : 0;
  }
  /// The bytes that it could free but for its address, which is out.
  [[nodiscard]] std::uint64_t bytes_kept_by_address() const noexcept {
    return may_leave() && address_is_out_.load(std::memory_order_relaxed) ? allocated_bytes() : 0;
  }
  /// Where it lies, or lay before it was spilled; another thread may move it at any time.
  [[nodiscard]] std::uint64_t last_address() const noexcept { return last_address_.load(std::memory_order_relaxed); }
  [[nodiscard]] Residency residency() const noexcept { return residency_.load(std::memory_order_relaxed); }
  // --- A lost device (loss.cpp). For recovery, while no other call is in flight, but where something else is said ---
  using Contents = std::shared_ptr<const std::vector<std::byte>>;
  using Restore = std::function<void(StreamId stream)>;

  /// What recovery restores; null for nothing. For the buffer's user.
  void keep(Contents contents) noexcept;
  [[nodiscard]] const Contents& kept() const noexcept { return kept_; }
  /// Fills the buffer again where nothing is kept; empty for nothing. For the buffer's user.
  void on_restore(Restore restore) noexcept { restore_ = std::move(restore); }
  [[nodiscard]] const Restore& restore() const noexcept { return restore_; }
  /// Moves contents that are in pinned memory to ordinary memory, and ends downloads: no pinned memory of the lost
  /// device is in use then.
  void save_contents();
  /// What was moved there; null once it came back.
  [[nodiscard]] const Contents& saved() const noexcept { return saved_; }
  /// The pool stands on another device now, or it is another pool.
  void move_to(Pool& pool, const Clock& clock) noexcept {
    pool_ = &pool;
    clock_ = &clock;
  }
  /// Bytes of its pool that count as asked for.
  [[nodiscard]] std::uint64_t requested_on_device() const {
    return residency() == Residency::device ? pool_->describe(block_).requested : 0;
  }
  /// Forgets the block, which went with its device: the buffer is on the host if its contents were saved, else lost.
  void leave_device() noexcept;
  /// Sets the size that the kept contents have.
  void take_kept_size() noexcept;
  /// Takes memory for the capacity, with undefined contents. Throws as the constructor.
  void take_memory(StreamId stream);
  /// The saved contents are in `copy` too, as of a spilled buffer.
  void stay_on_host(std::unique_ptr<HostCopy> copy) noexcept { host_copy_ = std::move(copy); }
  /// Recovery has ended: what was saved is needed no more.
  void came_back() noexcept { saved_.reset(); }
  /// For a write to [offset, offset + bytes) bytes: gives a lost buffer memory where that is all of its elements in
  /// use, and says whether it did. For the buffer's user.
  [[nodiscard]] bool begin_rewrite(StreamId stream, std::uint64_t offset, std::uint64_t bytes);
  /// The buffer is lost after all, in the order of its streams.
  void lose_contents() noexcept;

  /// When it was last used, by the manager's clock.
  [[nodiscard]] std::chrono::nanoseconds::rep last_use() const noexcept {
    return touched_.load(std::memory_order_relaxed);
  }
  /// Throws InvalidArgument naming the window and the size.
  void require_window(std::size_t offset, std::size_t count) const;
  [[nodiscard]] bool holds(std::size_t offset, std::size_t count) const noexcept;
  void note_upload(std::uint64_t bytes) noexcept;
  void note_download(std::uint64_t bytes) noexcept;
  [[nodiscard]] BufferStatistics statistics() const;

  /// Frees the memory in the order of the streams that used it. Once only; not in a child of fork().
  void close() noexcept;

  std::unique_ptr<Companion> companion;  ///< ended first by close()

 private:
  using Count = std::atomic<std::uint64_t>;
  static void add(Count& count, std::uint64_t amount) noexcept { count.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] static StreamId settled(const Pool& pool, StreamId stream);
  [[nodiscard]] std::uint64_t bytes_for(std::size_t count) const;
  [[nodiscard]] std::uint64_t max_bytes() const noexcept { return max_elements_ * type_.bytes; }
  [[nodiscard]] BlockHandle acquire(std::uint64_t bytes, StreamId stream) const;
  [[noreturn]] void refuse_lost() const;
  /// As pin(), but no access of a user's.
  void hold(StreamId stream);
  void bring_back(StreamId stream);
  [[nodiscard]] bool may_be_spilled() const noexcept;
  [[nodiscard]] bool may_leave() const noexcept {
    return !options_.persistent && !options_.plain && !on_host() && residency() == Residency::device;
  }
  [[nodiscard]] std::uint64_t allocated_bytes() const noexcept { return allocated_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t move_to_host(HostStore& store, const core::Deadline& deadline);
  std::uint64_t end_memory() noexcept;
  /// The work queued so far on the streams that use the buffer, but for one of them.
  [[nodiscard]] device::Fence users_beside(std::optional<StreamId> stream) const;
  void change_capacity(std::size_t count, StreamId asked_on);
  [[nodiscard]] bool change_capacity_on_host(std::size_t count);
  [[nodiscard]] Change enlarge(std::uint64_t bytes, StreamId stream);
  [[nodiscard]] Change cut(std::uint64_t bytes, StreamId stream, std::size_t count);
  void note_place();
  void move_to_new_block(std::uint64_t bytes, StreamId stream);
  void hold_back_for_users(StreamId stream) const;
  void note_change(StreamId stream);
  void bring_behind_change(StreamId stream);
  void note_use(StreamId stream);
  void touch() noexcept;

  const core::OwnerProcess process_;
  const std::shared_ptr<ManagerLink> manager_;
  Pool* pool_;  ///< its manager's; gone when that is
  const Clock* clock_;
  const std::string name_;
  const ElementType type_;
  const BufferOptions options_;
  const CallSite where_;
  const Tag tag_;
  std::size_t max_elements_ = 0;
  Closing closing_;

  BlockHandle block_;
  std::uint64_t address_ = 0;
  std::atomic<std::uint64_t> last_address_{0};
  StreamId stream_;               ///< the stream its block is allocated and freed on
  std::vector<StreamId> others_;  ///< further streams that used the block
  device::Fence changed_;         ///< what creation or the last change of capacity queued, until it is known to be done
  std::vector<StreamId> behind_change_;  ///< streams that come after it
  Pins pins_;
  std::uint32_t uses_ = 1;                   ///< that began; changed by those who have it pinned
  std::atomic<bool> address_is_out_{false};  ///< somebody has the address, until end_access()
  std::unique_ptr<HostCopy> host_copy_;      ///< of the contents, while there is no block
  Contents kept_;                            ///< of an earlier time, for recovery
  Contents saved_;                           ///< of a buffer whose device was lost, until it comes back
  Restore restore_;
  std::atomic<Residency> residency_{Residency::device};
  std::atomic<bool> open_{true};
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> capacity_{0};

  const std::chrono::nanoseconds made_;
  std::atomic<std::chrono::nanoseconds::rep> touched_;
  Count allocated_{0};
  Count kept_bytes_{0};
  Count growable_bytes_{0};  ///< bytes that it can have where it is
  Count spills_{0};
  Count accesses_{0};
  Count resizes_{0};
  Count resizes_in_place_{0};
  Count bytes_moved_{0};
  Count uploads_{0};
  Count downloads_{0};
  Count bytes_uploaded_{0};
  Count bytes_downloaded_{0};
};

/// Keeps a buffer on the device, for work on `stream`, while that is queued.
class PinnedBuffer {
 public:
  PinnedBuffer(BufferCore& buffer, StreamId stream) : buffer_(buffer), address_(buffer.pin(stream)) {}
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  ~PinnedBuffer() { buffer_.unpin(); }
  [[nodiscard]] std::uint64_t address() const noexcept { return address_; }

 private:
  BufferCore& buffer_;
  const std::uint64_t address_;
};

/// The same for work that writes [offset, offset + bytes) bytes. Where those are all that is in use, a lost buffer has
/// memory from here on; it is lost again unless keep() is called once the work is queued.
class WrittenBuffer {
 public:
  WrittenBuffer(BufferCore& buffer, StreamId stream, std::uint64_t offset, std::uint64_t bytes);
  WrittenBuffer(const WrittenBuffer&) = delete;
  WrittenBuffer& operator=(const WrittenBuffer&) = delete;
  ~WrittenBuffer();
  [[nodiscard]] std::uint64_t address() const noexcept { return address_; }
  void keep() noexcept { renewed_ = false; }

 private:
  BufferCore& buffer_;
  bool renewed_;
  std::uint64_t address_ = 0;
};

}  // namespace weir::detail
