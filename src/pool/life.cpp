// The beginning and the end of a pool.
#include <algorithm>
#include <string_view>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/environment.hpp"
#include "core/names.hpp"
#include "core/stderr_log.hpp"
#include "device/access.hpp"
#include "pool/events.hpp"
#include "pool/implementation.hpp"

namespace weir {

namespace {

PoolMode mode_named(std::string_view name) {
  if (name == "pages") return PoolMode::pages;
  if (name == "segments") return PoolMode::segments;
  return name == "off" ? PoolMode::off : PoolMode::automatic;
}

std::string_view name_of(PoolMode mode) noexcept {
  switch (mode) {
    case PoolMode::automatic: return "automatic";
    case PoolMode::pages: return "pages";
    case PoolMode::segments: return "segments";
    case PoolMode::off: return "off";
  }
  return "unknown";
}

PoolOptions checked(PoolOptions options, const Device& device) {
  if (options.name.empty()) options.name = "pool";
  core::check_name("pool", options.name);
  if (options.mode > PoolMode::off) {
    throw InvalidArgument("pool \"" + options.name + "\": PoolMode " +
                              std::to_string(static_cast<unsigned>(options.mode)) + " does not exist; modes are 0 to 3",
                          {.name = options.name, .limit = static_cast<std::uint64_t>(PoolMode::off)});
  }
  if (options.idle_age.count() < 0 || options.reclaim_deadline.count() < 0 || options.wait_for_threads.count() < 0) {
    throw InvalidArgument(
        "pool \"" + options.name + "\": idle_age, reclaim_deadline and wait_for_threads must not be negative",
        {.name = options.name});
  }
  if (options.limit && options.soft_limit && *options.soft_limit > *options.limit) {
    throw InvalidArgument("pool \"" + options.name + "\": its soft_limit of " + format_bytes(*options.soft_limit) +
                              " is above its limit of " + format_bytes(*options.limit) + "; it must be at most that",
                          {.name = options.name, .bytes_asked = options.soft_limit, .limit = options.limit});
  }
  if (options.max_handle_bytes == 0) {
    throw InvalidArgument("pool \"" + options.name + "\": max_handle_bytes is 0; it must be one page or more",
                          {.name = options.name});
  }
  const core::Environment wished = core::environment();
  if (!options.limit) options.limit = wished.limit;
  if (options.mode == PoolMode::automatic && wished.pool) options.mode = mode_named(*wished.pool);
  if (options.log == nullptr && wished.log) options.log = &core::stderr_log(*wished.log);
  if (options.mode == PoolMode::off) options.thread_cache_bytes = 0;
  if (options.clock == nullptr) options.clock = &device::Access::backend(device).clock();
  return options;
}

}  // namespace

Pool::Implementation::Implementation(Device device, PoolOptions options, const track::Tallies& tallies,
                                     pool::Lasting lasting)
    : device_(std::move(device)),
      options_(checked(std::move(options), device_)),
      backend_(device::Access::backend(device_)),
      info_(device_.info()),
      journal_(options_.name, options_.log, lasting.events),
      clock_(*options_.clock),
      order_(device::Access::shared_backend(device_), journal_),
      space_(backend_, info_, options_, tallies, journal_, order_.epochs(), clock_),
      blocks_(space_.blocks().data()),
      caches_(blocks_, journal_, process_, options_.thread_cache_bytes),
      credits_(caches_),
      notes_(std::move(lasting.tags)),
      pressure_(std::move(lasting.pressure)),
      past_(lasting.past),
      refused_threads_(options_.wait_for_threads),
      soft_limit_(options_, backend_, space_.store(), clock_),
      mode_(space_.mode()),
      max_bytes_(
          std::min(space_.store().limit(), (index::max_granules << index::granule_shift) - 2 * info_.page_bytes)),
      calls_before_(backend_.driver_calls()) {
  if (!lasting.events) begin_recording();  // else that of the lost device's pool goes on
  hooks_ = options_.zero || options_.call_sites;
  logs_ = journal_.keeps(LogLevel::debug);
  if (mode_ != PoolMode::off) {
    // A small block takes an eighth of a page at most.
    const std::uint64_t share = info_.page_bytes >> (index::granule_shift + 3);
    small_granules_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(share, Cache::small_granules));
  }
  next_maintenance_ = clock_.units() + maintenance_interval;
  uid_ = pool::enroll(*this);
  key_base_ = std::uint64_t{uid_} << 32;
  backend_.observe(*this);
  tap_.steer(hit_key_base_, hooks_ || logs_ ? track::EventTap::no_key : key_base_);
}

std::unique_ptr<Pool::Implementation> Pool::Implementation::make(Device device, PoolOptions options,
                                                                 const track::Tallies& tallies, pool::Lasting lasting) {
  const std::string name = options.name.empty() ? "pool" : options.name;
  try {
    return std::make_unique<Implementation>(std::move(device), std::move(options), tallies, std::move(lasting));
  } catch (const OutOfMemory& error) {
    throw named(error, name);
  }
}

// Work that is still queued may use the memory, so it is waited for. Memory whose work does not end in time is left as
// it is: a leak is better than a fault in the middle of it.
Pool::Implementation::~Implementation() {
  tap_.let_go(hit_key_base_);
  backend_.forget(*this);
  pool::leave(uid_);
  if (!abandoned_) report_leaks();
  if (lost_ || comes_to_rest()) {
    space_.return_everything();
  } else {
    space_.leave_ranges();
    journal_.note(LogLevel::error, LogEvent::leak, "work on a stream did not end; the pool's memory is not freed",
                  space_.store().reserved());
  }
  end_recording();
}

void Pool::Implementation::begin_recording() {
  track::PoolFacts facts{.name = options_.name,
                         .device = info_.name,
                         .backend = std::string(weir::name(info_.backend)),
                         .mode = std::string(name_of(mode_)),
                         .limit = space_.store().limit(),
                         .page_bytes = page_bytes(),
                         .granule_bytes = granule};
  recording_ = track::begin_recording(journal_.events(), facts, options_.record);
}

void Pool::Implementation::end_recording() noexcept {
  if (!recording_) return;
  const std::string problem = recording_->end(statistics());
  if (!problem.empty()) journal_.note(LogLevel::error, LogEvent::record, problem);
}

pool::Lasting Pool::Implementation::lasting() const {
  return {journal_.events(), notes_.shared_tags(), pressure_, pool::of_a_lost_device(statistics())};
}

void Pool::Implementation::abandon(bool lost) noexcept {
  abandoned_ = true;
  lost_ = lost;
  for (std::uint32_t id = 1; tap_.on() && id < space_.blocks().end(); ++id) {
    const track::Block& block = blocks_[id];
    if (!block.is(track::BlockState::live) || block.remote.load(std::memory_order_relaxed) != 0) continue;
    tap_.note(event_of(id, track::EventKind::free, way_home(), StreamId::legacy_default));
  }
}

void Pool::Implementation::report_leaks() const {
  if (options_.log == nullptr) return;
  for (const LiveBlock& block : live_blocks()) {
    std::string text = "a live block in a destroyed pool";
    if (!block.tag.empty()) text += "; owner " + block.tag;
    if (!block.call_site.empty()) text += "; allocated at " + block.call_site;
    journal_.note(LogLevel::error, LogEvent::leak, text, block.requested, block.address);
  }
}

// Every book of who may still use memory: the streams that allocated and freed, and those that other blocks were used
// on.
bool Pool::Implementation::comes_to_rest() noexcept {
  const core::Deadline deadline(options_.reclaim_deadline);
  const std::vector<StreamIndex> streams = order_.epochs().all();
  const bool streams_rest = std::all_of(streams.begin(), streams.end(),
                                        [&](StreamIndex each) { return order_.comes_to_rest(each, deadline); });
  return streams_rest && order_.pending().comes_to_rest(device::Access::shared_backend(device_), deadline);
}

void Pool::Implementation::require_usable() const {
  if (forked()) throw core::made_before_fork("pool \"" + options_.name + "\"", options_.name);
}

}  // namespace weir
