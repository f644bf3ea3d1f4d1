// The pool behind its doors: it puts the parts together and follows a block through them.
//
//   caches_    what threads have freed and may take again      cache/
//   credits_   the peaks, and each cache's credit below them   cache/
//   order_     whose order free memory follows                 order/
//   space_     arenas, pages, segments, the limit              space/
//   notes_     what is known of single blocks                  notes.hpp
//   pressure_  who may free memory where none is left          pressure.hpp
//   soft_limit_  what it should hold at most                   soft_limit.hpp
//
// pool.cpp has the public face, hit_path.hpp the hit, allocate.cpp what a hit leaves over, refusal.cpp what is told
// where memory is refused,
// ladder.cpp the ways to memory when a cache has none, free.cpp frees that are no hit,
// events.hpp what it tells of blocks,
// resize.cpp blocks that change their size, enlarge.cpp those that move for it, maintenance.cpp the ways back,
// relief.cpp what is tried where all of that finds nothing,
// report.cpp what the pool tells of itself, life.cpp its beginning and its end.
//
// Order of locks: registry, credits, caches' list, a cache, an arena. No lock is
// held across a driver call or a callback.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <weir/errors.hpp>
#include <weir/pool.hpp>

#include "core/deadline.hpp"
#include "core/process.hpp"
#include "pool/cache/caches.hpp"
#include "pool/cache/credits.hpp"
#include "pool/cache/thread_registry.hpp"
#include "pool/coarse_clock.hpp"
#include "pool/journal.hpp"
#include "pool/lasting.hpp"
#include "pool/motion.hpp"
#include "pool/notes.hpp"
#include "pool/order/stream_order.hpp"
#include "pool/pressure.hpp"
#include "pool/refused_threads.hpp"
#include "pool/request.hpp"
#include "pool/soft_limit.hpp"
#include "pool/space/space.hpp"
#include "track/latency.hpp"
#include "track/recording.hpp"

namespace weir {

class Pool::Implementation final : public pool::Member, public device::StreamObserver {
 public:
  using Cache = pool::ThreadCache;
  using StreamIndex = pool::StreamIndex;
  using Request = pool::Request;

  Implementation(Device device, PoolOptions options, const track::Tallies& tallies, pool::Lasting lasting);
  ~Implementation() override;
  /// Makes a pool; an error names the pool that it would have been.
  [[nodiscard]] static std::unique_ptr<Implementation> make(Device device, PoolOptions options,
                                                            const track::Tallies& tallies, pool::Lasting lasting = {});

  class Door;

  // --- Hits (hit_path.hpp); blocks go by record id, 0 is the empty block ---

  /// The address of a block that the thread's cache had; else what `otherwise` gives. That is called with the cache, if
  /// it was looked into and had none of the size, or null.
  /// `told`: the hit is also written as an event, and to the log if the log wants blocks.
  template <bool told = false, class Otherwise>
  [[nodiscard]] std::uint64_t hit_or(std::size_t bytes, StreamId stream, AllocateOptions options, Otherwise otherwise);
  void hit_or_free(std::uint64_t address, StreamId stream);
  template <bool told = false>
  [[nodiscard]] bool free_hit(std::uint32_t id, StreamId stream);

  // --- Allocations that are no hit, or have more to do (allocate.cpp) ---

  /// Throws what Pool::allocate throws.
  [[nodiscard]] std::uint32_t allocate(const Request& request);
  /// The address of a block. Out of line, lest a hit saves registers for it.
  [[nodiscard, gnu::noinline]] std::uint64_t allocate_address(std::size_t bytes, StreamId stream,
                                                              AllocateOptions options, CallSite where);
  [[nodiscard, gnu::noinline]] std::uint64_t allocate_after_miss(Cache& cache, std::size_t bytes,
                                                                 AllocateOptions options, CallSite where);
  /// The same, but `refused` where memory is. `cache` as in Request.
  static constexpr std::uint64_t refused = UINT64_MAX;
  [[nodiscard, gnu::noinline]] std::uint64_t try_allocate(Cache* cache, std::size_t bytes, StreamId stream,
                                                          AllocateOptions options, CallSite where);
  [[nodiscard]] std::uint32_t allocate_growable(const Request& request, std::size_t max);
  [[nodiscard]] std::uint32_t allocate_plain(const Request& request);
  void map_ahead(std::uint64_t bytes, StreamId stream);
  [[nodiscard]] PressureRegistration on_pressure(PressureHandler handler, pool::PressureRemark remark = {}) {
    require_usable();
    return pressure_->add(std::move(handler), std::move(remark));
  }

  // --- free.cpp ---
  void free_at(std::uint64_t address, StreamId stream);
  void free_otherwise(std::uint32_t id, std::uint64_t address, StreamId stream);
  void free(std::uint32_t id, StreamId stream);
  void used_on(std::uint32_t id, StreamId stream);
  void used_until(BlockHandle block, StreamId stream, device::SharedEvent end) noexcept;
  [[nodiscard]] std::uint32_t live_at(std::uint64_t address) const;
  [[nodiscard]] std::uint32_t live_by(BlockHandle handle) const;
  [[nodiscard]] bool holds(BlockHandle handle) const noexcept;
  /// Pools count generations alike, so each mixes its own number in: a handle opens one pool only.
  [[nodiscard]] BlockHandle handle_of(std::uint32_t id) const noexcept {
    return {id, blocks_[id].generation.load(std::memory_order_acquire) ^ (uid_ * 2654435761u)};
  }
  [[nodiscard]] const track::Block& block(std::uint32_t id) const noexcept { return blocks_[id]; }

  // --- resize.cpp ---
  [[nodiscard]] bool resize(std::uint32_t id, std::size_t bytes, StreamId stream);
  // --- enlarge.cpp ---
  [[nodiscard]] std::optional<Enlarged> enlarge(std::uint32_t id, std::size_t bytes, std::size_t max,
                                                std::size_t contents, StreamId stream, std::size_t range);

  // --- maintenance.cpp ---
  void retire(StreamId stream);
  [[nodiscard]] std::uint64_t trim(std::uint64_t keep_free);
  void maintain();
  [[nodiscard]] std::shared_ptr<detail::Quota> book_external(std::uint64_t bytes);
  void stream_ends(StreamId stream) noexcept override;
  void gives_up(Cache& cache) noexcept override;
  void thread_ended() noexcept override { tap_.leave(&pool::thread_caches); }
  void closed_by_fork() noexcept override { caches_.close_all(); }

  // --- life.cpp ---
  void report_leaks() const;
  /// What goes on when the device is lost, for the pool that takes this one's place.
  [[nodiscard]] pool::Lasting lasting() const;
  /// Says that the device was lost and another pool took this one's place: its end waits for nothing and reports no
  /// leaks. Readers of events are told that all live blocks are gone.
  void abandon(bool lost) noexcept;
  /// Takes over the recording of the one whose place it takes.
  void go_on_recording(Implementation& before) noexcept { recording_.swap(before.recording_); }

  // --- report.cpp ---
  [[nodiscard]] Statistics statistics() const;
  [[nodiscard]] Statistics sums() const;
  [[nodiscard]] const std::shared_ptr<track::EventTap>& events() const noexcept { return journal_.events(); }
  [[nodiscard]] LeakCount check_leaks() const;
  [[nodiscard]] std::vector<LiveBlock> live_blocks() const;
  [[nodiscard]] LiveBlock describe(std::uint32_t id) const;
  void verify() const;
  [[nodiscard]] Tag tag(std::string_view name);
  void drop_tag(Tag tag) noexcept {
    if (!forked()) notes_.tags().drop(static_cast<std::uint32_t>(tag));
  }

  /// The error, which says whose it is.
  [[nodiscard]] static OutOfMemory named(const OutOfMemory& error, const std::string& pool);
  /// Whether this is a child of fork(), and the pool its parent's.
  [[nodiscard]] bool forked() const noexcept { return !process_.is_current(); }
  void require_usable() const;
  [[nodiscard]] const Device& device() const noexcept { return device_; }
  [[nodiscard]] const PoolOptions& options() const noexcept { return options_; }
  /// The bytes to which a block may grow where it is; its size where it cannot.
  [[nodiscard]] std::uint64_t growable_bytes(std::uint32_t id) const noexcept {
    return std::max(blocks_[id].bytes(), std::uint64_t{notes_.max_granules(id)} << index::granule_shift);
  }
  [[nodiscard]] std::uint64_t page_bytes() const noexcept { return mode_ == PoolMode::pages ? info_.page_bytes : 0; }
  [[nodiscard]] std::uint64_t longest_loop() const { return space_.longest_loop(); }

 private:
  class Ladder;

  // --- hit_path.hpp ---
  [[nodiscard]] static Cache* quick_cache(std::uint64_t key, StreamId stream) noexcept;
  /// The cache that may serve a hit on the stream. While hits are told, only a told hit finds one.
  template <bool told>
  [[nodiscard]] Cache* hit_cache(StreamId stream) const noexcept;
  [[nodiscard]] static std::int64_t begin_life(track::Block& block, std::size_t bytes, Tag tag, Cache& cache) noexcept;
  static std::int64_t end_life(track::Block& block, Cache& cache) noexcept;

  // --- events.hpp ---
  /// Whether hits are told: they then take the second way through the hit path. Where each block needs more work, there
  /// are no hits.
  [[nodiscard]] bool tells_hits() const noexcept { return !hooks_ && (logs_ || tap_.on()); }
  [[nodiscard]] track::Event event_of(std::uint32_t id, track::EventKind kind, track::EventWay way,
                                      StreamId stream) const noexcept;
  /// Where the thread of the cache writes events; null while nobody reads. Called with no lock held, it may make one.
  track::EventRing* ring_of(Cache& cache) noexcept;
  /// Where a block goes that no cache keeps.
  [[nodiscard]] track::EventWay way_home() const noexcept {
    return mode_ == PoolMode::off ? track::EventWay::segment : track::EventWay::arena;
  }
  static void write(track::EventRing* ring, track::Event& event) noexcept;
  void write_ordered(track::EventRing* ring, track::Event& event) noexcept;
  void write_hit(track::EventRing& ring, std::uint32_t id, track::EventKind kind, track::EventWay way,
                 StreamId stream) noexcept;
  void tell_hit(Cache& cache, std::uint32_t id, StreamId stream) noexcept;
  void tell(Cache& cache, std::uint32_t id, track::EventKind kind, track::EventWay way, StreamId stream) noexcept;

  // --- allocate.cpp ---
  enum class Purpose : std::uint8_t { take, give_back };
  /// Throws InvalidArgument for a stream that never was; for one that was destroyed only where memory is to be taken.
  [[nodiscard]] Cache& cache_of(StreamId stream, Purpose purpose);
  [[nodiscard, gnu::noinline]] std::uint64_t after_hit(Cache& cache, const track::Block& block, bool overdrawn,
                                                       bool due);
  [[nodiscard, gnu::always_inline]] inline std::optional<std::uint32_t> serve(const Request& request, pool::Ways ways,
                                                                              std::uint32_t max, pool::Tries& tries);
  [[nodiscard, gnu::always_inline]] inline pool::Served find(const Request& request, const pool::Placement& wanted,
                                                             Cache& cache, pool::Ways ways, std::uint32_t max,
                                                             pool::Tries& tries);
  [[nodiscard, gnu::always_inline]] inline std::uint32_t hand_out(const pool::Served& served, const Request& request,
                                                                  Cache& cache);
  [[nodiscard]] std::uint64_t told_hit(std::size_t bytes, StreamId stream, AllocateOptions options,
                                       Cache*& looked_into);
  [[nodiscard]] pool::Placement placement(const Request& request, StreamIndex stream_index) const;
  void clear(const pool::Served& served, const Request& request, Cache& cache);
  [[nodiscard, gnu::noinline]] std::optional<std::uint32_t> serve_again(const Request& request, pool::Ways ways,
                                                                        std::uint32_t max, pool::Tries& tries);
  void tick(Cache& cache);
  void pace(Cache& cache, std::uint64_t now);

  // --- refusal.cpp ---
  void note_refusal(const Request& request, std::string_view text) noexcept;
  /// Counts and logs the error that is handled now, and throws it on: a lack of memory with the pool's name.
  [[noreturn]] void throw_as_refusal(const Request& request);
  [[nodiscard]] std::string what_device_says(std::uint64_t left) const;
  [[noreturn]] void refuse(const Request& request);
  /// Throws DeviceLost where the device was lost while memory was looked for.
  void require_device();
  [[noreturn]] void refuse_size(const Request& request);
  [[noreturn]] void refuse_alignment(const Request& request) const;

  // --- relief.cpp ---
  /// A block for a request that was refused, or the error that says why there is none.
  [[nodiscard, gnu::noinline]] std::uint32_t allocate_late(const Request& request, pool::Ways ways, std::uint32_t max,
                                                           pool::Tries& tries);
  /// Has others free memory for a request that was refused, and calls `retry` whenever some may have come free, until
  /// that gives true. False where memory stays refused. Waits until the request's deadline at most.
  [[nodiscard]] bool relieve(std::uint64_t bytes, StreamId stream, pool::Tries& tries,
                             const std::function<bool()>& retry);
  /// A number that changes when a thread frees a block.
  [[nodiscard]] std::uint64_t frees_seen() const noexcept;
  /// How many threads use the pool.
  [[nodiscard]] std::size_t threads() const;
  [[nodiscard]] bool others_could_free(std::uint64_t bytes) const;
  /// Whether new memory for so many bytes would pass the soft limit.
  [[nodiscard]] bool passes_soft_limit(std::uint64_t bytes) noexcept;
  /// Has handlers free memory where a request is to pass the soft limit. Throws what these throw.
  void make_way(std::uint64_t bytes, StreamId stream, pool::Tries& tries);
  void keep_to_soft_limit();
  /// Throws StaleHandle where a handler of memory pressure has freed the block that is growing, or changed its size.
  void require_unchanged(BlockHandle handle, std::uint32_t size) const;

  // --- free.cpp ---
  [[nodiscard]] std::uint32_t record_at(std::uint64_t address) const noexcept;
  void free_own(std::uint32_t id, Cache& cache, Cache& owner, track::EventRing* ring, track::Event& event);
  void free_remotely(std::uint32_t id, Cache& cache, Cache& owner, track::EventRing* ring, track::Event& event);
  void queue_remote(std::uint32_t id, Cache& owner) noexcept;
  void note_use(std::uint32_t id, StreamId stream);
  void release(std::uint32_t id, StreamIndex stream_index, std::uint32_t now);
  void release_freed(std::uint32_t chain);
  void release_taken(const std::vector<pool::Caches::Taken>& taken);
  void flush_all(std::uint32_t since = UINT32_MAX);
  void free_shared(std::uint32_t id, StreamIndex stream_index, std::uint32_t now);
  void free_directly(std::uint32_t id, StreamIndex stream_index, std::uint32_t now);
  bool reclaim_pending(std::size_t max_unfinished = SIZE_MAX);
  [[noreturn]] void refuse_free(std::uint64_t address, std::uint32_t id) const;

  // --- resize.cpp ---
  [[nodiscard]] bool resize_here(std::uint32_t id, std::size_t bytes, StreamId stream);
  [[nodiscard]] bool extend(std::uint32_t id, std::uint32_t granules, StreamId stream, Cache& cache);
  void cut(std::uint32_t id, std::uint32_t max, StreamId stream, Cache& cache);
  void count_requested(std::uint32_t id, std::size_t bytes, Cache& cache);
  [[nodiscard]] device::Fence users_of(std::uint32_t id, StreamId stream);
  void await_users(std::uint32_t id, StreamId stream);
  [[nodiscard]] std::uint32_t whole_pages(std::uint64_t granules) const noexcept;
  /// Counts and logs what the call throws as a refusal, except what refuse() has counted already.
  template <class Call>
  auto noting_refusals(std::size_t bytes, StreamId stream, Call call) {
    require_usable();
    try {
      return call();
    } catch (const Error& error) {
      if (dynamic_cast<const std::bad_alloc*>(&error) == nullptr) {
        note_refusal({bytes, stream}, error.message());
      }
      throw;
    }
  }

  // --- enlarge.cpp ---
  [[nodiscard]] std::optional<Enlarged> move_to_range(std::uint32_t id, std::size_t bytes, std::uint32_t max,
                                                      std::uint32_t range, std::uint64_t contents, StreamId stream);
  [[nodiscard]] std::optional<pool::Served> find_range(std::uint32_t id, const pool::Placement& wanted,
                                                       std::uint32_t max, device::Fence& users, Cache& cache,
                                                       pool::MovePlan& plan, pool::Tries& tries);
  /// What of a block's contents has its copy queued.
  struct Carried {
    std::uint64_t copied = 0;
    bool all = false;
  };
  void carry_over(std::uint32_t id, const pool::MovePlan& plan, std::uint64_t contents, device::Fence& users,
                  StreamId stream, Carried& carried);
  void settle_move(std::uint32_t id, const pool::MovePlan& plan, StreamIndex stream_index, Cache& cache);
  [[nodiscard]] bool go_back(std::uint32_t id, pool::MovePlan& plan, StreamId stream, Cache& cache, bool copying);
  void drop_lost(std::uint32_t id, const pool::MovePlan& plan, Cache& cache);

  // --- maintenance.cpp, life.cpp ---
  std::uint64_t give_back(std::uint32_t since, std::uint64_t keep_free);
  void detach(Cache& cache, std::uint64_t key);
  [[nodiscard]] bool comes_to_rest() noexcept;
  void begin_recording();
  void end_recording() noexcept;

  // How many operations may pass before a thread looks at the clock again.
  static constexpr std::uint32_t operations_per_tick = 64;
  static constexpr std::uint64_t maintenance_interval = 1000;  ///< coarse time, about a second

  const Device device_;
  const PoolOptions options_;
  device::Backend& backend_;
  const core::OwnerProcess process_;
  const DeviceInfo info_;
  const pool::Journal journal_;
  track::EventTap& tap_ = *journal_.events();
  std::unique_ptr<track::Recording> recording_;  ///< or null
  const pool::CoarseClock clock_;
  pool::StreamOrder order_;
  pool::Space space_;
  track::Block* const blocks_;  ///< all records, by id
  pool::Caches caches_;
  pool::Credits credits_;
  pool::Notes notes_;
  pool::Motion motion_;
  const std::shared_ptr<pool::PressureHandlers> pressure_;
  const Statistics past_;  ///< what it came to on devices that were lost
  pool::RefusedThreads refused_threads_;
  pool::SoftLimit soft_limit_;

  const PoolMode mode_;
  const std::uint64_t max_bytes_;     ///< of one request
  std::uint32_t small_granules_ = 0;  ///< blocks up to this size live in pages for small blocks
  const device::DriverCalls calls_before_;
  std::uint32_t uid_ = 0;
  std::uint64_t key_base_ = 0;
  /// The same, or that of no pool: then no request is a hit, or hits are told. The tap changes it.
  std::atomic<std::uint64_t> hit_key_base_{0};
  bool hooks_ = false;  ///< anything to do for every block: clear, note the call site
  bool logs_ = false;   ///< a line for every block
  bool abandoned_ = false, lost_ = false;

  std::atomic<std::uint64_t> refusals_{0};
  mutable std::atomic<std::uint64_t> errors_{0};
  std::atomic<std::uint64_t> next_maintenance_{0};
  track::Latency arena_latency_;
  track::Latency growth_latency_;
#ifdef WEIR_PARANOID
  std::atomic<std::uint64_t> entered_{0};  ///< operations through the doors
  std::atomic<std::uint64_t> left_{0};
#endif
};

}  // namespace weir
