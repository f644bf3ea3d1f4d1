// The pool behind the doors. One object in several files: pool.cpp has the doors,
// hot_path.hpp the hit, free.cpp other frees, life.cpp the beginning and the end,
// allocate.cpp, grow.cpp and resize.cpp what a cache cannot serve, reclaim.cpp how caches are emptied,
// stream_order.cpp whose order free memory follows, trim.cpp the way back to the
// driver, report.cpp what the pool tells about itself.
//
// Order of locks: registry, peaks, caches' list, a cache, an arena. No lock is
// held across a driver call or a callback.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <weir/errors.hpp>
#include <weir/pool.hpp>

#include "core/deadline.hpp"
#include "core/process.hpp"
#include "pool/lanes.hpp"
#include "pool/page_store.hpp"
#include "pool/paged_arena.hpp"
#include "pool/segment_arena.hpp"
#include "pool/slack.hpp"
#include "pool/thread_registry.hpp"
#include "track/block_table.hpp"
#include "track/latency.hpp"
#include "track/peak_meter.hpp"
#include "track/tag_names.hpp"

namespace weir {

class Pool::Implementation final : public pool::Member, public device::StreamObserver {
 public:
  Implementation(Device device, PoolOptions options, const track::Tallies& tallies);
  ~Implementation() override;

  class Door;

  /// One request, as it came through a door.
  struct Request {
    std::size_t bytes;
    std::size_t alignment;
    StreamId stream;
    Tag tag;
    CallSite where;
    pool::ThreadCache* cache = nullptr;  ///< the thread's, if it was looked into and had none of the size
  };

  // --- Doors (pool.cpp); blocks go by record id, 0 is the empty block ---
  /// The address of a block.
  [[nodiscard]] std::uint64_t hit_or_allocate(std::size_t bytes, std::size_t alignment, StreamId stream, Tag tag,
                                              CallSite where);
  [[nodiscard]] std::uint64_t allocate_after_miss(pool::ThreadCache& cache, std::size_t bytes, std::size_t alignment,
                                                  Tag tag, CallSite where);
  [[nodiscard]] std::uint64_t allocate_address(std::size_t bytes, std::size_t alignment, StreamId stream, Tag tag,
                                               CallSite where);
  [[nodiscard]] bool free_hit(std::uint32_t id, StreamId stream);
  /// All of an allocation that is no hit, or of a hit that has more to do.
  [[nodiscard]] std::uint32_t allocate(const Request& request);
  void hit_or_free(std::uint64_t address, StreamId stream);
  void free_at(std::uint64_t address, StreamId stream);
  void free(std::uint32_t id, StreamId stream);
  [[nodiscard]] std::uint32_t allocate_growable(const Request& request, std::size_t most);
  [[nodiscard]] std::uint32_t allocate_plain(const Request& request);
  [[nodiscard]] bool resize(std::uint32_t id, std::size_t bytes, StreamId stream);
  void after_allocation(std::uint32_t id, const Request& request, LogEvent event);
  void map_ahead(std::uint64_t bytes, StreamId stream);
  void used_on(std::uint32_t id, StreamId stream);
  void note_use(std::uint32_t id, StreamId stream);
  [[nodiscard]] std::uint32_t record_at(std::uint64_t address) const noexcept;
  [[nodiscard]] std::uint32_t live_at(std::uint64_t address) const;
  [[nodiscard]] std::uint32_t live_by(BlockHandle handle) const;
  [[nodiscard]] track::Block& block(std::uint32_t id) const noexcept { return blocks_[id]; }
  /// Pools count generations alike, so each mixes its own number in: a handle opens one pool only.
  [[nodiscard]] BlockHandle handle_of(std::uint32_t id) const noexcept {
    return {id, blocks_[id].generation.load(std::memory_order_acquire) ^ (uid_ * 2654435761u)};
  }

  // --- reclaim.cpp ---
  void retire(StreamId stream);
  [[nodiscard]] std::uint64_t trim(std::uint64_t keep_free);
  void maintain();
  void stream_ends(StreamId stream) noexcept override;
  void thread_ends(pool::ThreadCache& cache) noexcept override;
  void closed_by_fork() noexcept override;
  /// Whether this is a child of fork(), and the pool its parent's.
  [[nodiscard]] bool forked() const noexcept { return !home_.is_here(); }

  // --- report.cpp ---
  [[nodiscard]] Statistics statistics() const;
  [[nodiscard]] Statistics sums() const;
  [[nodiscard]] LeakCount check_leaks() const;
  [[nodiscard]] std::vector<LiveBlock> live_blocks() const;
  [[nodiscard]] LiveBlock describe(std::uint32_t id) const;
  void verify() const;
  [[nodiscard]] Tag tag(std::string_view name);
  void drop_tag(Tag tag) noexcept {
    if (!forked()) tags_.drop(static_cast<std::uint32_t>(tag));
  }

  void require_usable() const;
  [[nodiscard]] std::shared_ptr<detail::Claims> book_external(std::uint64_t bytes);
  [[nodiscard]] const Device& device() const noexcept { return device_; }
  [[nodiscard]] const PoolOptions& options() const noexcept { return options_; }

 private:
  using Cache = pool::ThreadCache;
  using Lane = pool::Lane;

  /// Counts the calling thread among those that move memory, for as long as it lives.
  class Moving {
   public:
    Moving(std::atomic<std::uint32_t>& now, std::atomic<std::uint64_t>& ever) noexcept : now_(now), ever_(ever) {
      ++now_;
    }
    ~Moving() {
      ++ever_;
      --now_;
    }
    Moving(const Moving&) = delete;
    Moving& operator=(const Moving&) = delete;

   private:
    std::atomic<std::uint32_t>& now_;
    std::atomic<std::uint64_t>& ever_;
  };

  /// A freed block that other streams used, and the points on them that must be past.
  struct Pending {
    struct Use {
      StreamId stream;
      pool::Lanes::Mark mark;
      bool recorded = false;  ///< else the driver refused at the free, and a later point must do
    };
    std::uint32_t id = 0;
    Lane lane = 0;
    std::vector<Use> uses;
  };

  // --- pool.cpp ---
  [[nodiscard]] static Cache* quick_cache(std::uint64_t key_base, StreamId stream) noexcept;
  [[nodiscard]] Cache& cache_of(StreamId stream);
  [[nodiscard]] std::optional<StreamId> resolved(StreamId stream);
  void enter(Cache& cache);
  void wake(Cache& cache) noexcept;
  [[nodiscard]] static std::int64_t begin_life(track::Block& block, std::size_t bytes, Tag tag, Cache& cache) noexcept;
  static std::int64_t end_life(track::Block& block, Cache& cache) noexcept;
  [[nodiscard, gnu::noinline]] std::uint64_t after_hit(Cache& cache, const track::Block& block, bool overdrawn,
                                                       bool due);
  void make_cache();
  void free_own(std::uint32_t id, Cache& cache, Cache& owner);
  void free_remotely(std::uint32_t id, Cache& cache, Cache& owner);
  void queue_remote(std::uint32_t id, Cache& owner) noexcept;
  [[noreturn]] void refuse_free(std::uint64_t address, std::uint32_t id) const;
  void tick(Cache& cache);
  void log(LogLevel level, LogEvent event, std::string_view text, std::uint64_t bytes, std::uint64_t address,
           StreamId stream) const noexcept;

  // --- allocate.cpp, grow.cpp ---
  enum class Source : std::uint8_t { cache, arena, driver };
  struct Served {
    std::uint32_t id = 0;
    Source by = Source::cache;
  };
  [[nodiscard]] pool::Placement placement(const Request& request, Lane lane) const;
  [[noreturn]] void refuse_arguments(const Request& request) const;
  void clear(const Served& served, const Request& request, Cache& cache);
  [[nodiscard]] Served serve(const pool::Placement& wanted, const Request& request, Cache& cache);
  [[nodiscard]] Served serve_beyond_cache(const pool::Placement& wanted, const Request& request, Cache& cache);
  template <class Take>
  auto timed_growth(Take take);
  [[nodiscard]] std::uint32_t fit_here(pool::Arena& arena, const pool::Placement& wanted, Cache& cache);
  [[nodiscard]] std::uint32_t fit_in_slack(const pool::Placement& wanted, Cache& cache);
  [[nodiscard]] std::uint64_t most_pages(const pool::Placement& wanted) const noexcept;
  [[nodiscard]] std::uint32_t try_to_grow(const pool::Placement& wanted, Cache& cache, pool::PagesFrom from);
  [[nodiscard]] std::uint32_t fit_in_any(const pool::Placement& wanted, const pool::Arena* except);
  [[nodiscard]] std::uint32_t fit_in_borrowed(const pool::Placement& wanted, Cache& cache);
  [[nodiscard]] std::uint32_t fit_after_eviction(pool::Arena& arena, const pool::Placement& wanted, Cache& cache);
  [[nodiscard]] Served grow(const pool::Placement& wanted, const Request& request, Cache& cache);
  [[nodiscard]] bool await_others(std::uint64_t moved_before) const noexcept;
  template <class Serve>
  [[nodiscard]] std::uint32_t serve_by(const Request& request, Cache& cache, Serve serve);
  template <class Take>
  auto with_reclaim(Take take);
  template <class Abandon>
  void fill_in(pool::GrowthPlan& plan, Abandon abandon);
  [[nodiscard]] std::uint32_t take_from_driver(const pool::Placement& wanted, std::uint8_t home);
  [[nodiscard]] std::uint32_t grow_pages(const pool::Placement& wanted, std::uint8_t home,
                                         pool::PagesFrom from = pool::PagesFrom::anywhere);
  [[nodiscard]] std::uint32_t grow_segments(const pool::Placement& wanted);
  [[nodiscard]] std::uint32_t allocate_directly(const pool::Placement& wanted);
  [[nodiscard]] std::uint32_t use_segment(const pool::Segment& segment, const pool::Placement& wanted);
  void supply(pool::GrowthPlan& plan);
  void make_way(std::vector<device::PageHandle>& unused, std::uint64_t wanted);
  void recycle(std::vector<device::PageHandle>& pages, std::uint64_t wanted);
  [[nodiscard]] pool::PagedArena& paged_arena(unsigned number);
  [[noreturn]] void refuse(const Request& request);
  void settle_peaks(Cache& cache);
  void settle_peak(track::PeakMeter& meter, track::Ledger Cache::*ledger, Cache& cache);

  // --- resize.cpp ---
  [[nodiscard]] bool resize_here(std::uint32_t id, std::size_t bytes, StreamId stream);
  [[nodiscard]] std::uint32_t take_growable(const pool::Placement& wanted, std::uint32_t most, Cache& cache);
  [[nodiscard]] bool extend(std::uint32_t id, std::uint32_t granules, StreamId stream, Cache& cache);
  void cut(std::uint32_t id, std::uint32_t most, StreamId stream, Cache& cache);
  void await_users(std::uint32_t id, StreamId stream);
  [[nodiscard]] std::uint32_t most_granules(std::uint32_t id) const;
  [[nodiscard]] std::uint32_t whole_pages(std::uint64_t granules) const noexcept;

  // --- reclaim.cpp, stream_order.cpp, trim.cpp ---
  [[nodiscard]] std::uint32_t take_remote(Cache& cache, bool keep);
  void drain(Cache& cache);
  void release(std::uint32_t id, Lane lane, std::uint32_t now);
  void release_freed(std::uint32_t chain);
  void release_chain(std::uint32_t chain, Lane lane);
  [[nodiscard]] std::uint32_t release_into(pool::Arena& arena, std::uint32_t chain, Lane lane);
  void free_shared(std::uint32_t id, Lane lane, std::uint32_t now);
  void free_directly(std::uint32_t id, Lane lane, std::uint32_t now);
  /// Empties every cache, or takes from each only what was freed before `since`. Gives awake_frees() as of then.
  std::uint64_t flush_all(std::uint32_t since = UINT32_MAX);
  /// Empties this thread's caches, if other threads have some: false where flush_all() would do no more.
  bool flush_own();
  struct Taken {
    std::uint32_t cached, freed;  ///< chains
    Lane lane;
  };
  void release_taken(const std::vector<Taken>& taken);
  /// The frees that the caches which are awake have seen: changed by a free, and by one that wakes.
  [[nodiscard]] std::uint64_t awake_frees() const;
  void claim_lanes(Lane target);
  bool clean_lanes(const core::Deadline& deadline, bool only_pages);
  bool clean_lane(Lane lane, const core::Deadline& deadline);
  [[nodiscard]] std::vector<Lane> lanes_held(bool only_pages) const;
  void reassign(Lane from, std::uint64_t epoch, Lane to);
  bool reclaim_pending(const core::Deadline& deadline);
  [[nodiscard]] std::vector<std::shared_ptr<const Pending>> all_pending();
  [[nodiscard]] pool::Lanes::Mark find_unfinished();
  [[nodiscard]] bool await_any(const core::Deadline& deadline);
  [[nodiscard]] bool wait_for(device::EventId event, const core::Deadline& deadline);
  void reclaim_oldest();
  bool take_back(const std::shared_ptr<const Pending>& pending);
  [[nodiscard]] bool unmap(pool::PagedArena& arena, const pool::LeavingPages& pages);
  std::uint64_t release_pages(std::uint32_t since, std::uint64_t keep_free);
  std::uint64_t release_idle_segments(std::uint32_t since, std::uint64_t keep_free);
  [[nodiscard]] std::uint64_t free_bytes() const;
  void detach(Cache& cache, std::uint64_t key);
  [[nodiscard]] bool finished(const Pending& pending, const core::Deadline& deadline);
  void report_fallback(const Error& error, StreamId stream) const noexcept;

  // --- life.cpp ---
  void report_leaks() const;
  void return_everything() noexcept;
  [[nodiscard]] bool comes_to_rest(Lane lane, const core::Deadline& deadline) noexcept;
  [[nodiscard]] bool unmap_for_good(const pool::PageRun& run) noexcept;

  /// Keeps the owners of these caches out while `look` sees each of them, with one barrier for all; with none if they
  /// are all this thread's own. In the order of their ids, lest two visitors wait for each other.
  template <class Look>
  static void visit(std::vector<Cache*> caches, Look look) {
    std::sort(caches.begin(), caches.end(), [](const Cache* a, const Cache* b) { return a->id < b->id; });
    for (Cache* cache : caches) cache->lock.announce();
    const bool own = std::all_of(caches.begin(), caches.end(), [](const Cache* each) { return pool::is_own(*each); });
    if (!own) pool::OwnerLock::barrier();
    for (Cache* cache : caches) {
      cache->lock.await_owner();
      look(*cache);
    }
    for (Cache* cache : caches) cache->lock.depart();
  }
  template <class Visit>
  void for_each_cache(Visit visit) const {
    const std::uint32_t count = cache_count_.load(std::memory_order_acquire);
    for (std::uint32_t i = 1; i <= count; ++i) visit(*caches_[i].load(std::memory_order_acquire));
  }
  template <class Visit>
  void for_each_arena(Visit visit) const {
    for (const auto& arena : arenas_) {
      if (pool::Arena* here = arena.load(std::memory_order_acquire)) visit(*here);
    }
  }
  template <class Visit>
  void for_each_paged(Visit visit) const {
    for_each_arena([&](pool::Arena& arena) {
      if (arena.number() != segment_arena_number) visit(static_cast<pool::PagedArena&>(arena));
    });
  }
  [[nodiscard]] std::uint32_t coarse_now() const noexcept;

  // How many operations may pass before a thread looks at the clock again.
  static constexpr std::uint32_t operations_per_tick = 64;
  // Coarse time counts about milliseconds: nanoseconds >> 20.
  static constexpr unsigned coarse_shift = 20;
  static constexpr std::uint32_t maintenance_interval = 1000;
  static constexpr unsigned most_arenas = 16;
  // Of so many arena hits of a cache one is timed: reading the clock twice costs about what such a hit does.
  static constexpr std::uint64_t arena_hits_a_sample = 32;
  // So many caches may stay awake though they are empty: waking them costs more than looking at them.
  static constexpr std::size_t few_caches = 16;
  // How many retired lanes a further retire() tries to clean.
  static constexpr std::size_t few_lanes = 8;
  static constexpr std::uint8_t segment_arena_number = most_arenas;

  const Device device_;
  const PoolOptions options_;
  pool::PageStore store_;
  device::Backend& backend_;
  const core::HomeProcess home_;
  const DeviceInfo info_;
  PoolMode mode_;
  const std::uint64_t most_bytes_;    ///< of one request
  std::uint32_t small_granules_ = 0;  ///< blocks up to this size live in pages for small blocks
  const Clock& clock_;
  const std::chrono::nanoseconds started_;
  const std::uint64_t calls_before_;
  std::uint32_t uid_ = 0;
  std::uint64_t key_base_ = 0;
  std::uint64_t hit_key_base_ = 0;  ///< the same, or that of no pool: then no request is a hit
  bool hooks_ = false;              ///< anything to do for every block: log, clear, note the call site
  LogLevel log_level_ = LogLevel::error;

  track::BlockTable blocks_;
  index::AddressMap addresses_;
  pool::Lanes lanes_;
  track::PeakMeter requested_;
  track::PeakMeter allocated_;
  std::mutex peaks_mutex_;

  std::mutex arenas_mutex_;  ///< for making arenas
  unsigned arena_count_ = 1;
  std::uint64_t range_bytes_ = 0;
  std::array<std::atomic<pool::Arena*>, most_arenas + 1> arenas_{};
  std::array<std::unique_ptr<pool::PagedArena>, most_arenas> paged_;
  std::vector<device::Address> ranges_;
  std::unique_ptr<pool::SegmentArena> segments_;

  mutable std::mutex caches_mutex_;
  std::atomic<Cache*>* caches_;  ///< by id; backed as it fills
  std::atomic<std::uint32_t> cache_count_{0};
  std::vector<Cache*> spare_caches_;
  std::vector<Cache*> awake_;  ///< every other holds no block and no credit, and nobody left one for it
  std::unordered_multimap<std::uint64_t, Cache*> serving_;  ///< by key

  std::mutex pending_mutex_;
  std::list<std::shared_ptr<const Pending>> pending_;              ///< oldest first
  std::unordered_map<std::uint32_t, std::vector<StreamId>> uses_;  ///< used_on(), by block
  std::atomic<std::uint64_t> pending_granules_{0};

  mutable std::mutex notes_mutex_;
  track::TagNames tags_;
  std::unordered_map<std::uint32_t, CallSite> call_sites_;
  std::unordered_map<std::uint32_t, std::uint32_t> most_granules_;  ///< of blocks that can grow in place

  std::atomic<std::uint32_t> growing_{0};   ///< threads that look for memory beyond the arenas' own
  std::atomic<std::uint32_t> flushing_{0};  ///< threads that carry memory from caches to arenas, or to the driver
  std::atomic<std::uint64_t> moved_{0};     ///< how often a thread was done with either
  pool::Slack slack_;
  std::atomic<std::uint64_t> refusals_{0};
  mutable std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint32_t> next_maintenance_{0};
  track::Latency arena_latency_;
  track::Latency growth_latency_;
  track::Latency wait_latency_;
#ifdef WEIR_PARANOID
  std::atomic<std::uint64_t> entered_{0};  ///< operations through the doors
  std::atomic<std::uint64_t> left_{0};
#endif
};

}  // namespace weir
