// Takes physical memory from the driver and gives it back. The limit bounds reserved +
// external bytes and is checked here, before anything is taken. Thread-safe; holds no
// lock across a driver call.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <weir/pool.hpp>

#include "device/backend.hpp"
#include "pool/space/page_table.hpp"
#include "pool/space/segment_arena.hpp"
#include "track/event_tap.hpp"
#include "track/latency.hpp"
#include "track/tally.hpp"

namespace weir {

/// The bytes that count towards a pool's limit. Bookings share it and may outlive the pool. It has no lock, so that
/// bookings may end in a child of fork() too.
struct detail::Quota {
  std::atomic<std::uint64_t> all{0};  ///< reserved + external + what is being taken
  std::atomic<std::uint64_t> external{0};
  std::atomic<track::Tally*> tally{nullptr};  ///< where external bytes are counted too, while the pool lives

  void unbook(std::uint64_t bytes) noexcept {
    external -= bytes;
    all -= bytes;
    if (track::Tally* const also = tally) also->give(bytes);
  }
  /// The pool ends: what is booked counts for nothing from now on.
  void leave() noexcept {
    if (track::Tally* const also = tally.exchange(nullptr)) also->give(external);
  }
};

namespace pool {

/// Whether memory was taken; if not, who refused it.
enum class Taken : std::uint8_t { yes, limit_refused, device_refused };

class PageStore {
 public:
  PageStore(device::Backend& backend, std::string pool_name, std::uint64_t limit, std::uint64_t page_bytes,
            const track::Tallies& tallies = {}, track::EventTap* events = nullptr);
  ~PageStore();
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;

  /// Takes held extents out, of at most `max_pages` pages in all, large ones first; with `beyond`, rather one extent
  /// more than fewer pages.
  [[nodiscard]] std::vector<MovableExtent> take_held(std::uint64_t max_pages, bool beyond);
  void hold(std::span<const MovableExtent> extents);
  /// Gives each extent a handle. Throws what the driver throws, but for lack of memory. Refused or not, it
  /// is all or nothing.
  [[nodiscard]] Taken create(std::span<MovableExtent> extents);
  void destroy(std::span<const MovableExtent> extents) noexcept;
  /// Maps the extents one after the other from `address` on; throws what the driver throws, with none mapped.
  void map(device::Address address, std::span<const MovableExtent> extents);
  /// Unmaps them; throws what the driver throws, with all mapped still. Counts a move of each extent.
  void unmap(device::Address address, std::span<MovableExtent> extents);

  /// Throws as create().
  [[nodiscard]] Taken allocate_segment(std::uint64_t bytes, Segment& segment);
  void free_segment(const Segment& segment) noexcept;

  /// Counts `bytes` until unbook() is called on the result; null where the limit refuses them.
  [[nodiscard]] std::shared_ptr<detail::Quota> book_external(std::uint64_t bytes);
  /// Throws LimitExceeded, which says so.
  [[noreturn]] void refuse_external(std::uint64_t bytes) const;

  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] std::uint64_t reserved() const noexcept { return reserved_.load(); }
  [[nodiscard]] std::uint64_t peak() const noexcept { return peak_.load(); }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_.load(); }
  [[nodiscard]] std::uint64_t external() const noexcept { return quota_->external.load(); }
  [[nodiscard]] std::uint64_t held() const noexcept { return held_pages_.load() * page_bytes_; }
  /// What may be taken before the limit refuses. Bytes.
  [[nodiscard]] std::uint64_t headroom() const noexcept;
  /// What was reserved when the device last refused more, if it did not give much more since; else UINT64_MAX. Bytes.
  [[nodiscard]] std::uint64_t refused_at() const noexcept { return refused_at_.load(); }
  /// What the device said when it last refused more; empty if it never did.
  [[nodiscard]] std::string last_refusal() const;
  [[nodiscard]] std::uint64_t page_maps() const noexcept { return page_maps_.load(); }
  /// Mappings beyond the peak page count.
  [[nodiscard]] std::uint64_t page_remaps() const noexcept;
  /// Of the driver's calls above that took or mapped memory.
  [[nodiscard]] LatencySummary mapping_latency() const noexcept { return mapping_.summary(); }
  /// The time that calls of the driver about memory took, by the device's clock.
  [[nodiscard]] std::chrono::nanoseconds driver_time() const noexcept {
    return std::chrono::nanoseconds(driver_time_.load());
  }

 private:
  template <class Call>
  void timed(Call call, bool takes);
  template <class Call>
  [[nodiscard]] Taken take(std::uint64_t bytes, Call call);
  [[nodiscard]] bool charge(std::uint64_t bytes) noexcept;
  void tell_pages(track::EventKind kind, std::uint64_t pages, std::uint64_t handles,
                  device::Address address = 0) noexcept;
  void tell_segment(track::EventKind kind, const Segment& segment) noexcept;
  void took(std::uint64_t bytes) noexcept;
  void gave(std::uint64_t bytes) noexcept;

  device::Backend& backend_;
  const std::string pool_name_;
  const std::uint64_t limit_;
  const std::uint64_t page_bytes_;
  const std::shared_ptr<detail::Quota> quota_ = std::make_shared<detail::Quota>();
  const track::Tallies tallies_;
  track::EventTap* const events_;  // null where nobody would read them
  std::atomic<std::uint64_t> reserved_{0};
  std::atomic<std::uint64_t> peak_{0};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> page_maps_{0};
  std::atomic<std::uint64_t> pages_{0};
  std::atomic<std::uint64_t> peak_pages_{0};
  std::atomic<std::uint64_t> held_pages_{0};
  std::atomic<std::uint64_t> refused_at_{UINT64_MAX};
  std::atomic<std::int64_t> driver_time_{0};  // nanoseconds
  mutable std::mutex mutex_;
  std::vector<MovableExtent> held_;
  std::string last_refusal_;
  track::Latency mapping_;
};

}  // namespace pool
}  // namespace weir
