// Physical memory: what is taken from the driver, and whether more may be. The
// limit bounds reserved + external bytes and is checked here, before anything is
// taken. Thread-safe; holds no lock across a driver call.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <weir/pool.hpp>

#include "device/backend.hpp"
#include "pool/segment_arena.hpp"
#include "track/latency.hpp"
#include "track/tally.hpp"

namespace weir {

/// What counts towards a pool's limit. Bookings share it, and may outlive the pool; without a lock, so that they may
/// end in a child of fork() too. Bytes.
struct detail::Claims {
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

/// Bundles are not parted, so that an amount of pages may not be there exactly.
struct PagesWanted {
  std::uint64_t most = 0;
  bool beyond = false;  ///< rather than fewer than `most`, as many more as the last bundle has
};

class PageStore {
 public:
  PageStore(device::Backend& backend, std::string pool_name, std::uint64_t limit, std::uint64_t page_bytes,
            const track::Tallies& tallies = {});
  ~PageStore();
  PageStore(const PageStore&) = delete;
  PageStore& operator=(const PageStore&) = delete;

  /// Pages that are created and not mapped: taken out, single ones first, or else bundles first, the latest first.
  [[nodiscard]] std::vector<device::PageHandle> take_held(const PagesWanted& wanted, bool bundles_first = false);
  void hold(std::span<const device::PageHandle> pages);
  /// New pages, bundled as `pages` says; throws LimitExceeded or what the driver throws, with none created.
  void create(std::span<device::PageHandle> pages);
  void destroy(std::span<const device::PageHandle> pages) noexcept;
  /// Maps `pages` from `address` on, one after the other; throws what the driver throws, with none mapped.
  void map(device::Address address, std::span<const device::PageHandle> pages);

  [[nodiscard]] Segment allocate_segment(std::uint64_t bytes);
  void free_segment(const Segment& segment) noexcept;

  /// Counts `bytes` until unbook() is called on the result. Throws LimitExceeded.
  [[nodiscard]] std::shared_ptr<detail::Claims> book_external(std::uint64_t bytes);

  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] std::uint64_t reserved() const noexcept { return reserved_.load(); }
  [[nodiscard]] std::uint64_t peak() const noexcept { return peak_.load(); }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_.load(); }
  [[nodiscard]] std::uint64_t external() const noexcept { return claims_->external.load(); }
  [[nodiscard]] std::uint64_t held() const;
  [[nodiscard]] std::uint64_t page_maps() const noexcept { return page_maps_.load(); }
  /// Mappings beyond the peak page count.
  [[nodiscard]] std::uint64_t page_remaps() const noexcept;
  /// Of the driver's calls above that took or mapped memory.
  [[nodiscard]] LatencySummary mapping_latency() const noexcept { return mapping_.summary(); }

 private:
  void claim(std::uint64_t bytes);
  void took(std::uint64_t bytes) noexcept;
  void gave(std::uint64_t bytes) noexcept;

  device::Backend& backend_;
  const std::string pool_name_;
  const std::uint64_t limit_;
  const std::uint64_t page_bytes_;
  const std::shared_ptr<detail::Claims> claims_ = std::make_shared<detail::Claims>();
  const track::Tallies tallies_;
  std::atomic<std::uint64_t> reserved_{0};
  std::atomic<std::uint64_t> peak_{0};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> page_maps_{0};
  std::atomic<std::uint64_t> pages_{0};
  std::atomic<std::uint64_t> peak_pages_{0};
  mutable std::mutex mutex_;
  std::vector<device::PageHandle> held_;                  // single pages
  std::vector<std::vector<device::PageHandle>> bundles_;  // held too
  track::Latency mapping_;
};

}  // namespace pool
}  // namespace weir
