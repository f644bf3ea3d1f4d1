// Copies between host and device. Large ones of ordinary memory go through pinned
// staging memory, which a pool of its own hands out; what a queued copy still reads
// or writes is put aside until that is done, also when a wait timed out or an owner
// went away in the middle.
//
// Invariant: pinned memory goes back to its pool only when no queued copy uses it.
// Thread-safe; calls about one buffer come one at a time. Called by the manager.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <weir/device.hpp>
#include <weir/log.hpp>
#include <weir/pool.hpp>
#include <weir/transfer.hpp>

#include "buffer/buffer_core.hpp"
#include "buffer/host_copy.hpp"
#include "core/deadline.hpp"
#include "device/access.hpp"
#include "device/fence.hpp"
#include "track/event_tap.hpp"
#include "track/latency.hpp"
#include "track/tally.hpp"

namespace weir::detail {

/// What is being done to which buffer, for messages.
struct Task {
  const char* verb;
  std::string_view buffer;  ///< empty: to several
  std::uint64_t bytes = 0;  ///< all of it
  const char* part = "";    ///< what bytes are that are done: "queued"
  [[nodiscard]] std::string text() const {
    return buffer.empty() ? verb : std::string(verb) + " \"" + std::string(buffer) + "\"";
  }
  [[nodiscard]] std::string name() const { return std::string(buffer.empty() ? verb : buffer); }
};

/// A transfer under way, as its books and its events know it.
struct Begun {
  track::Latency::Clock::time_point at{};
  std::uint32_t number = 0;  ///< of those of the engine; 0 for none
  track::EventWay way = track::EventWay::none;
  std::uint64_t bytes = 0;
  StreamId stream{};
};

/// Counts and times waits, and writes the events of transfers; shared with tickets, which may outlive the engine.
struct WaitBook {
  explicit WaitBook(std::shared_ptr<track::EventTap> tap) : events(std::move(tap)) {}

  const std::shared_ptr<track::EventTap> events;
  std::atomic<std::uint32_t> numbers{0};
  std::atomic<std::uint64_t> timeouts{0};
  track::Latency waits;
  track::Latency transfers;
  std::atomic<std::int64_t> transfer_time{0};  // nanoseconds, of all of these

  void note_transfer(track::Latency::Clock::time_point began) noexcept {
    const std::chrono::nanoseconds took = track::Latency::Clock::now() - began;
    transfers.record(took);
    transfer_time.fetch_add(took.count(), std::memory_order_relaxed);
  }
  /// As Event::wait, on the books.
  [[nodiscard]] bool wait(const device::Event& event, const core::Deadline& deadline) {
    const auto began = track::Latency::Clock::now();
    const bool done = event.wait(deadline);
    waits.record_since(began);
    if (!done) ++timeouts;
    return done;
  }
  [[nodiscard]] Begun begin(track::Latency::Clock::time_point at, track::EventWay way, std::uint64_t bytes,
                            StreamId stream) noexcept {
    const Begun begun{at, ++numbers, way, bytes, stream};
    tell(begun, track::EventKind::transfer_start);
    return begun;
  }
  void end(const Begun& begun) noexcept {
    note_transfer(begun.at);
    tell(begun, track::EventKind::transfer_end);
  }
  void tell(const Begun& begun, track::EventKind kind) const noexcept {
    events->note({.bytes = begun.bytes,
                  .block = begun.number,
                  .stream = static_cast<std::uint32_t>(begun.stream),
                  .kind = kind,
                  .way = begun.way});
  }
};

struct TransferState {
  using Moment = track::Latency::Clock::time_point;
  TransferState(device::SharedEvent end, const Task& task, std::shared_ptr<WaitBook> its_book, const Begun& its_start)
      : event(std::move(end)),
        verb(task.verb),
        buffer(task.buffer),
        bytes(task.bytes),
        book(std::move(its_book)),
        begun(its_start) {}

  const device::SharedEvent event;
  const char* const verb;
  const std::string buffer;
  const std::uint64_t bytes;
  const std::shared_ptr<WaitBook> book;
  const Begun begun;
  std::atomic<bool> seen{false};  ///< that it is done

  void note_end() noexcept {
    if (!seen.exchange(true, std::memory_order_relaxed)) book->end(begun);
  }
  /// The same for a part of something larger, whose time counts.
  void note_end_of_part() noexcept {
    if (!seen.exchange(true, std::memory_order_relaxed)) book->tell(begun, track::EventKind::transfer_end);
  }
};

class TransferEngine : public HostStore, public std::enable_shared_from_this<TransferEngine> {
 public:
  /// `pool` is as the manager's pool has it: its name, clock, log, idle_age and reclaim_deadline hold for pinned memory
  /// too, which is counted in `tallies`. Transfers are told by `events`.
  TransferEngine(Device device, const TransferOptions& options, const PoolOptions& pool, const track::Tallies& tallies,
                 std::shared_ptr<track::EventTap> events);
  /// Takes the place of one whose device was lost, and counts on from there.
  TransferEngine(const TransferEngine& lost, Device device, const PoolOptions& pool, const track::Tallies& tallies);
  /// Waits for copies that still use pinned memory; what does not end stays with the system.
  ~TransferEngine() override;
  TransferEngine(const TransferEngine&) = delete;
  TransferEngine& operator=(const TransferEngine&) = delete;

  // --- Copies (engine.cpp). Offsets are bytes; windows are checked by the caller ---
  void upload(BufferCore& buffer, std::uint64_t offset, std::span<const std::byte> data, StreamId stream,
              core::Deadline deadline);
  /// In place, the copy is done when this returns; `deadline` bounds that wait.
  [[nodiscard]] Transfer start_upload(BufferCore& buffer, std::uint64_t offset, std::span<const std::byte> data,
                                      StreamId stream, core::Deadline deadline);
  void download(BufferCore& buffer, std::uint64_t offset, std::span<std::byte> data, StreamId stream,
                core::Deadline deadline);
  /// Starts a copy of a window into memory of weir's, and says where it will be; the memory is `into`'s to free.
  [[nodiscard]] Transfer start_read(BufferCore& buffer, std::uint64_t offset, std::span<std::byte> into,
                                    StreamId stream);

  /// Where a copy goes or comes from.
  struct Endpoint {
    std::uint64_t address = 0;
    bool on_host = false;  ///< in pinned memory of this engine
  };
  /// Queues a copy on `stream`; between two places of the host it is done when this returns.
  void queue_copy(Endpoint to, Endpoint from, std::uint64_t bytes, StreamId stream, core::Deadline deadline,
                  const Task& task);

  // --- Snapshots in rotating slots (download_slots.cpp) ---
  void start_download(BufferCore& buffer, StreamId stream, const DownloadOptions& options);
  [[nodiscard]] std::span<const std::byte> wait_for_download(BufferCore& buffer, core::Deadline deadline);

  // --- Spilled buffers (spill.cpp) ---
  [[nodiscard]] StreamId stream() const noexcept override { return *spilling_; }
  [[nodiscard]] std::unique_ptr<HostCopy> keep(std::uint64_t address, std::uint64_t bytes,
                                               const core::Deadline& deadline) override;
  /// The same for contents that the host has: for those of a spilled buffer whose device was lost.
  [[nodiscard]] std::unique_ptr<HostCopy> keep(std::span<const std::byte> contents);
  [[nodiscard]] bool spills() const noexcept { return options_.spill_limit != 0; }
  [[nodiscard]] std::uint64_t spill_limit() const noexcept { return options_.spill_limit; }
  [[nodiscard]] std::uint64_t spilled_bytes() const noexcept { return spilled_; }

  // --- Contents that come back after a loss (restore.cpp); in no count of transfers ---
  /// Writes the buffer's first bytes. Throws as upload; then they are undefined.
  void restore(BufferCore& buffer, std::span<const std::byte> contents, StreamId stream, core::Deadline deadline);
  /// Reads them back, and says whether they are the same.
  [[nodiscard]] bool has(BufferCore& buffer, std::span<const std::byte> contents, StreamId stream,
                         core::Deadline deadline);

  // --- Pinned memory (pinned.cpp) ---
  /// For the engine's own use: freed by put_aside. Throws LimitExceeded.
  [[nodiscard]] std::span<std::byte> allocate_pinned(std::uint64_t bytes);
  void put_aside(std::span<std::byte> bytes, device::Fence in_flight) noexcept;
  /// For a user: freed by drop_pinned, once no copy uses it.
  [[nodiscard]] PinnedBytes make_pinned(std::uint64_t bytes);
  void drop_pinned(std::span<std::byte> bytes) noexcept;
  /// Frees what was put aside and is done.
  void collect() noexcept;
  /// The same, and gives idle pinned memory back to the system.
  void maintain();
  /// The same, and gives back all that is free.
  void trim_pinned();

  /// What buffers on the host live in, and the stream they are made on: no work is queued there, so the host may write
  /// to them at once.
  [[nodiscard]] Pool& pinned_pool() noexcept { return *pinned_; }
  [[nodiscard]] StreamId host_stream() const noexcept { return host_; }

  /// False in a child of fork(), which leaves the engine and what it gave as they are.
  [[nodiscard]] bool in_own_process() const noexcept { return backend()->in_own_process(); }
  [[nodiscard]] TransferStatistics statistics() const { return statistics_with(pinned_->statistics()); }
  /// With the quick statistics of pinned memory.
  [[nodiscard]] TransferStatistics quick_statistics() const { return statistics_with(pinned_->quick_statistics()); }
  /// Waits for the event. Throws Timeout, which says that `done` of the task's bytes are done, and counts it.
  void await(const device::Event& event, core::Deadline deadline, const Task& task, std::uint64_t done);
  /// The same for a deadline that has passed before anything was started.
  void require_time(core::Deadline deadline, const Task& task);
  using Moment = TransferState::Moment;
  [[nodiscard]] static Moment now() noexcept { return track::Latency::Clock::now(); }
  /// Notes that a group of several transfers, which began at `began`, is done.
  void note_end(Moment began) noexcept { book_->note_transfer(began); }
  /// Notes that one transfer of such a group is done; does nothing for an empty ticket.
  static void note_end_of_part(const Transfer& ticket) noexcept {
    if (ticket.state_) ticket.state_->note_end_of_part();
  }

 private:
  [[nodiscard]] TransferStatistics statistics_with(const Statistics& pinned) const;
  class StagingBlock;
  class Slots;
  class Spilled;
  struct Aside {
    std::span<std::byte> bytes;
    device::Fence in_flight;
  };
  struct Owned {
    std::size_t bytes = 0;
    device::Fence in_flight;
  };

  [[nodiscard]] const std::shared_ptr<device::Backend>& backend() const noexcept {
    return device::Access::shared_backend(device_);
  }
  [[nodiscard]] bool in_place(const BufferCore& buffer) const noexcept { return in_place_ || buffer.on_host(); }
  [[nodiscard]] PoolOptions pinned_options(const PoolOptions& pool) const;
  [[nodiscard]] Device pinned_device() const;
  void require_in_place(const std::string& manager) const;
  [[nodiscard]] device::SharedEvent record(StreamId stream) const;
  [[nodiscard]] Transfer ticket(const Begun& begun, const Task& task) const;
  /// True if all of it lies in memory that make_pinned gave.
  [[nodiscard]] bool is_pinned(const std::byte* data, std::size_t bytes) const;
  /// Notes that the pinned memory around `data` is in use until `stream`'s work so far is done.
  void note_pinned_use(const std::byte* data, StreamId stream);
  /// Returns when the data is on the device.
  void write(const BufferCore& buffer, std::uint64_t address, std::span<const std::byte> data, StreamId stream,
             core::Deadline deadline, const Task& task);
  void upload_staged(std::uint64_t address, std::span<const std::byte> data, StreamId stream, core::Deadline deadline,
                     const Task& task);
  void read(const BufferCore& buffer, std::uint64_t address, std::span<std::byte> data, StreamId stream,
            core::Deadline deadline, const Task& task);
  void download_staged(std::uint64_t address, std::span<std::byte> data, StreamId stream, core::Deadline deadline,
                       const Task& task);
  device::SharedEvent queue_download(BufferCore& buffer, std::span<std::byte> to, StreamId stream, bool snapshot,
                                     device::Fence& in_flight);
  void note(BufferCore& buffer, bool up, std::uint64_t bytes, bool asynchronous) noexcept;
  void free_pinned(std::span<std::byte> bytes) noexcept;
  [[nodiscard]] std::unique_ptr<Spilled> memory_for_spill(std::uint64_t bytes, const core::Deadline& deadline);
  /// Empty where there is no memory.
  [[nodiscard]] std::span<std::byte> take_for_spill(std::uint64_t bytes, const core::Deadline& deadline);

  Device device_;
  const TransferOptions options_;
  const bool in_place_;
  LogSink* const log_;
  const Stream host_;               // work is never queued on it: what is freed on it is free at once
  const Stream transfers_;          // downloads of snapshots
  std::optional<Stream> spilling_;  // of its own: a spill waits for no download, nor a download for what it waits for
  std::unique_ptr<Pool> pinned_;

  mutable std::mutex mutex_;
  std::vector<Aside> aside_;
  std::map<const std::byte*, Owned> owned_;  // what make_pinned gave, by its start

  std::atomic<std::uint64_t> uploads_{0};
  std::atomic<std::uint64_t> downloads_{0};
  std::atomic<std::uint64_t> asynchronous_{0};
  std::atomic<std::uint64_t> bytes_uploaded_{0};
  std::atomic<std::uint64_t> bytes_downloaded_{0};
  std::atomic<std::uint64_t> bytes_staged_{0};
  std::atomic<std::uint64_t> spilled_{0};  // bytes now
  std::atomic<std::uint64_t> spills_{0};
  std::atomic<std::uint64_t> bytes_spilled_{0};
  std::atomic<std::uint64_t> bytes_returned_{0};
  const std::shared_ptr<WaitBook> book_;
};

}  // namespace weir::detail
