// Moving data between host and device: options, tickets for what is under way,
// pinned host memory, and what was moved. The calls are MemoryManager's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>

#include <weir/statistics.hpp>

namespace weir {

/// How long every wait waits where nothing else is said.
inline constexpr std::chrono::nanoseconds default_deadline = std::chrono::seconds(10);

struct TransferOptions {
  /// Uploads above this go through pinned staging memory; at most 64 KiB. Bytes.
  std::uint64_t staging_threshold = std::uint64_t{64} << 10;
  /// The size of a staging block. A synchronous transfer uses two in rotation. Bytes.
  std::uint64_t staging_block_bytes = std::uint64_t{1} << 20;
  /// Bound on the pinned memory of transfers: staging, download slots and Pinned. Bytes.
  std::uint64_t pinned_limit = std::uint64_t{1} << 30;
  /// Bytes of pinned memory, beside pinned_limit, that contents of buffers may be moved to when device memory runs
  /// short: those of buffers that are neither `persistent` nor `plain`, and whose address nobody has
  /// (AnyBuffer::end_access, BufferHandle::use), least recently used first. They come back when they are used, which
  /// may wait reclaim_deadline for memory. 0: nothing is spilled.
  std::uint64_t spill_limit = 0;
  /// Whether the host writes device memory in place. Default: where the device's memory is unified.
  std::optional<bool> in_place = {};
};

/// What one transfer may be told beyond its buffer, its data and its stream.
struct CopyOptions {
  std::size_t offset = 0;  ///< elements of the buffer before the first that is moved
  /// How long the call waits at most.
  std::chrono::nanoseconds deadline = default_deadline;
};

/// What start_download does where every slot is taken.
enum class WhenFull : std::uint8_t {
  refuse,  ///< throws InvalidArgument
  wait,    ///< waits until the oldest download is done, whose result is lost
};

struct DownloadOptions {
  /// Copy the buffer on the device first, so that later work may overwrite it at once; else the
  /// caller leaves it alone until the download is done.
  bool snapshot = true;
  /// What a download does that finds every slot taken by one that nobody has waited for.
  WhenFull when_full = WhenFull::refuse;
};

struct TransferStatistics {
  std::uint64_t uploads = 0;
  std::uint64_t downloads = 0;
  std::uint64_t asynchronous = 0;  ///< of both, those that were started and not waited for at once
  std::uint64_t bytes_uploaded = 0;
  std::uint64_t bytes_downloaded = 0;
  std::uint64_t bytes_staged = 0;    ///< of both, through staging memory
  std::uint64_t spilled = 0;         ///< bytes of buffers that are on the host now
  std::uint64_t spills = 0;          ///< buffers that were moved to the host
  std::uint64_t bytes_spilled = 0;   ///< by these
  std::uint64_t bytes_returned = 0;  ///< moved back to the device
  std::uint64_t timeouts = 0;
  Statistics pinned;                         ///< of the pool of pinned memory
  std::chrono::nanoseconds transfer_time{};  ///< of the transfers in transfer_latency, all together
  /// Of whole transfers, from the call that began one until it returned or, where it was only started, until a wait or
  /// a look saw its end; one that nobody asks after is in no count. A batch is one. Failed ones are left out.
  LatencySummary transfer_latency;
  /// Times for which a thread was held until copies were done, also those that ended at a deadline.
  LatencySummary wait_latency;
};

namespace detail {
struct TransferState;
class TransferEngine;
}  // namespace detail

/// A copy that is under way. Copyable; may be dropped, which changes nothing about the copy. Thread-safe.
class Transfer {
 public:
  /// One that is done.
  Transfer() = default;

  [[nodiscard]] bool done() const;
  /// Returns when the copy is done; again at once when asked again. Throws Timeout past the deadline, when the
  /// copy goes on (zero or less only looks), DeviceLost, and Unsupported in a child of fork(), as done() does.
  void wait(std::chrono::nanoseconds deadline = default_deadline) const;

 private:
  friend class detail::TransferEngine;
  explicit Transfer(std::shared_ptr<detail::TransferState> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<detail::TransferState> state_;
};

/// Pinned host memory, untyped. Move-only; freed with its owner, once no copy uses it any more.
class PinnedBytes {
 public:
  PinnedBytes() = default;
  PinnedBytes(PinnedBytes&& other) noexcept { *this = std::move(other); }
  PinnedBytes& operator=(PinnedBytes&& other) noexcept {
    std::swap(engine_, other.engine_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  PinnedBytes(const PinnedBytes&) = delete;
  PinnedBytes& operator=(const PinnedBytes&) = delete;
  ~PinnedBytes();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

 private:
  friend class detail::TransferEngine;
  PinnedBytes(std::shared_ptr<detail::TransferEngine> engine, std::span<std::byte> bytes) noexcept
      : engine_(std::move(engine)), bytes_(bytes) {}
  std::shared_ptr<detail::TransferEngine> engine_;
  std::span<std::byte> bytes_;
};

/// Pinned host memory of T, which transfers use as it is, without staging. Contents start undefined. Move-only.
template <class T>
class Pinned {
 public:
  static_assert(std::is_trivially_copyable_v<T>, "pinned elements are copied as bytes");
  Pinned() = default;
  explicit Pinned(PinnedBytes memory) noexcept : memory_(std::move(memory)) {}

  [[nodiscard]] T* data() const noexcept { return reinterpret_cast<T*>(memory_.bytes().data()); }
  [[nodiscard]] std::size_t size() const noexcept { return memory_.bytes().size() / sizeof(T); }
  [[nodiscard]] T* begin() const noexcept { return data(); }
  [[nodiscard]] T* end() const noexcept { return data() + size(); }
  [[nodiscard]] T& operator[](std::size_t index) const noexcept { return data()[index]; }

 private:
  PinnedBytes memory_;
};

}  // namespace weir
