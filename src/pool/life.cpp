// The beginning and the end of a pool.
#include <algorithm>
#include <bit>
#include <string_view>
#include <thread>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/environment.hpp"
#include "core/lazy_memory.hpp"
#include "core/names.hpp"
#include "core/stderr_log.hpp"
#include "device/event.hpp"
#include "pool/bundles.hpp"
#include "pool/implementation.hpp"

namespace weir {

using pool::ThreadCache;

namespace {

constexpr std::size_t caches_bytes = (pool::most_caches + std::size_t{1}) * sizeof(std::atomic<ThreadCache*>);

// Address space that a pool takes of a device with little of it: other pools want some too.
std::uint64_t share_of(const DeviceInfo& info) { return info.address_space.value_or(UINT64_MAX) / 4; }

// Address space for each arena: enough that holes need not be reused before they are convenient.
std::uint64_t range_for(const DeviceInfo& info) {
  constexpr std::uint64_t least = 16_GiB;
  constexpr std::uint64_t most = 1_TiB;
  const std::uint64_t memory = info.memory_total.value_or(0);
  const std::uint64_t wanted = memory >= most / 4 ? most : std::max(least, std::bit_ceil(memory * 4));
  return std::max(std::bit_floor(std::min({wanted, info.largest_range, share_of(info)})), info.page_bytes);
}

unsigned arenas_for(const DeviceInfo& info, unsigned most) {
  const std::uint64_t room = std::max<std::uint64_t>(share_of(info) / range_for(info), 1);
  const unsigned wanted = std::clamp(std::thread::hardware_concurrency(), 1u, most);
  return static_cast<unsigned>(std::min<std::uint64_t>(wanted, room));
}

PoolMode mode_named(std::string_view name) {
  if (name == "pages") return PoolMode::pages;
  if (name == "segments") return PoolMode::segments;
  return name == "off" ? PoolMode::off : PoolMode::automatic;
}

PoolOptions checked(PoolOptions options) {
  core::check_name("pool", options.name);
  if (options.mode > PoolMode::off) {
    throw InvalidArgument("pool \"" + options.name + "\": there is no mode " +
                              std::to_string(static_cast<unsigned>(options.mode)) + "; modes are PoolMode's, 0 to 3",
                          {.name = options.name, .limit = static_cast<std::uint64_t>(PoolMode::off)});
  }
  if (options.idle_age.count() < 0 || options.reclaim_deadline.count() < 0) {
    throw InvalidArgument("pool \"" + options.name + "\": idle_age and reclaim_deadline must not be negative",
                          {.name = options.name});
  }
  const core::Environment wished = core::environment();
  if (!options.limit) options.limit = wished.limit;
  if (options.mode == PoolMode::automatic && wished.pool) options.mode = mode_named(*wished.pool);
  if (options.log == nullptr && wished.log) options.log = &core::stderr_log(*wished.log);
  if (options.mode == PoolMode::off) options.thread_cache_bytes = 0;
  return options;
}

}  // namespace

Pool::Implementation::Implementation(Device device, PoolOptions options, const track::Tallies& tallies)
    : device_(std::move(device)),
      options_(checked(std::move(options))),
      store_(device_.backend(), options_.name, options_.limit.value_or(device_.info().default_limit),
             device_.info().page_bytes, tallies),
      backend_(device_.backend()),
      info_(device_.info()),
      mode_(options_.mode),
      most_bytes_(std::min(store_.limit(), (index::max_granules << index::granule_shift) - 2 * info_.page_bytes)),
      clock_(options_.clock == nullptr ? Clock::system() : *options_.clock),
      started_(clock_.now()),
      calls_before_(backend_.driver_calls().all()),
      lanes_(backend_),
      arena_count_(arenas_for(info_, most_arenas)),
      range_bytes_(range_for(info_)),
      segments_(std::make_unique<pool::SegmentArena>(blocks_, addresses_, segment_arena_number, info_.page_bytes)),
      caches_(static_cast<std::atomic<Cache*>*>(core::map_lazy(caches_bytes))) {
  if (options_.log != nullptr) log_level_ = options_.log->level();
  hooks_ = options_.zero || options_.call_sites || (options_.log != nullptr && log_level_ == LogLevel::debug);
  if (mode_ != PoolMode::off) {
    // A small block takes an eighth of a page at most.
    const std::uint64_t share = info_.page_bytes >> (index::granule_shift + 3);
    small_granules_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(share, ThreadCache::small_granules));
  }
  next_maintenance_ = coarse_now() + maintenance_interval;
  arenas_[segment_arena_number] = segments_.get();
  if (mode_ == PoolMode::pages && !info_.virtual_memory) {
    throw Unsupported(
        "pool \"" + options_.name + "\": " + info_.name + " has no virtual memory; use PoolMode::automatic",
        {.name = options_.name});
  }
  if (mode_ == PoolMode::automatic) mode_ = info_.virtual_memory ? PoolMode::pages : PoolMode::segments;
  if (mode_ == PoolMode::pages) {
    try {
      static_cast<void>(paged_arena(0));
    } catch (const DriverError& error) {
      if (options_.mode == PoolMode::pages) throw;
      log(LogLevel::warning, LogEvent::fallback, error.message(), range_bytes_, 0, StreamId{});
      mode_ = PoolMode::segments;
    }
  }
  uid_ = pool::enroll(*this);
  key_base_ = std::uint64_t{uid_} << 32;
  hit_key_base_ = hooks_ ? UINT64_MAX : key_base_;
  backend_.observe(*this);
}

Pool::Implementation::~Implementation() {
  backend_.forget(*this);
  pool::leave(uid_);
  report_leaks();
  return_everything();
  for_each_cache([](Cache& cache) { delete &cache; });
  core::unmap_lazy(caches_, caches_bytes);
}

void Pool::Implementation::report_leaks() const {
  if (options_.log == nullptr) return;
  for (const LiveBlock& block : live_blocks()) {
    std::string text = "a live block in a destroyed pool";
    if (!block.tag.empty()) text += "; owner " + block.tag;
    if (!block.call_site.empty()) text += "; allocated at " + block.call_site;
    log(LogLevel::error, LogEvent::leak, text, block.requested, block.address, StreamId{});
  }
}

// Whether all work queued on the lane is done. A failure may have passed at a second try;
// on a lost device nothing runs any more.
bool Pool::Implementation::comes_to_rest(Lane lane, const core::Deadline& deadline) noexcept {
  for (int tries = 0; tries < 2; ++tries) {
    try {
      const auto point = lanes_.record(lane);
      return !point || device::wait_for(backend_, point->event(), deadline);
    } catch (const DeviceLost&) {
      return true;
    } catch (const Error& error) {
      report_fallback(error, lanes_.stream(lane));
    }
  }
  return false;
}

bool Pool::Implementation::unmap_for_good(const pool::PageRun& run) noexcept {
  for (int tries = 0; tries < 2; ++tries) {
    try {
      backend_.unmap(run.address, pool::extents_of(run.pages));
      return true;
    } catch (const DeviceLost&) {
      return true;
    } catch (const Error& error) {
      report_fallback(error, StreamId{});
    }
  }
  return false;
}

// Work that is still queued may use the memory, so it is waited for. Memory whose work
// does not end in time is left as it is: a leak is better than a fault in the middle of it.
void Pool::Implementation::return_everything() noexcept {
  const core::Deadline deadline(options_.reclaim_deadline);
  for (const Lane lane : lanes_.all()) {
    if (comes_to_rest(lane, deadline)) continue;
    log(LogLevel::error, LogEvent::leak, "work on a stream did not end; the pool's memory stays with it",
        store_.reserved(), 0, lanes_.stream(lane));
    return;
  }
  bool all_unmapped = true;
  for_each_paged([&](pool::PagedArena& arena) {
    for (const pool::PageRun& run : arena.mapped_runs()) {
      if (unmap_for_good(run)) {
        store_.destroy(run.pages);
      } else {
        all_unmapped = false;
      }
    }
  });
  store_.destroy(store_.take_held({UINT64_MAX}));
  for (const pool::Segment& segment : segments_->all()) store_.free_segment(segment);
  if (all_unmapped) {
    for (const device::Address range : ranges_) backend_.unreserve(range, range_bytes_);
  } else {
    log(LogLevel::error, LogEvent::leak, "pages could not be unmapped; they stay with the device", store_.reserved(), 0,
        StreamId{});
  }
}

std::uint32_t Pool::Implementation::coarse_now() const noexcept {
  return static_cast<std::uint32_t>((clock_.now() - started_).count() >> coarse_shift) + 1;
}

void Pool::Implementation::closed_by_fork() noexcept {
  for_each_cache([](Cache& cache) { cache.lock.close(); });
}

}  // namespace weir
