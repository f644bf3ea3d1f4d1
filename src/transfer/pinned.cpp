// Pinned memory of the transfers: handed out, put aside while copies use it, freed.
#include <algorithm>
#include <chrono>

#include <weir/errors.hpp>

#include "core/elsewhere.hpp"
#include "core/pacing.hpp"
#include "device/access.hpp"
#include "device/pinned_memory.hpp"
#include "pool/access.hpp"
#include "transfer/engine.hpp"

namespace weir {

PinnedBytes::~PinnedBytes() {
  if (engine_ && engine_->in_own_process()) engine_->drop_pinned(bytes_);
}

namespace detail {
namespace {

constexpr std::uint64_t segment_bytes = std::uint64_t{4} << 20;
constexpr std::uint64_t min_staging_block = 4096;

TransferOptions checked(TransferOptions options, const std::string& name) {
  const auto refuse = [&](const std::string& text) {
    throw InvalidArgument("manager \"" + name + "\": " + text, {.name = name});
  };
  if (options.staging_threshold > device::Backend::max_written) {
    refuse("staging_threshold is " + std::to_string(options.staging_threshold) + " B; it must be 64 KiB at most");
  }
  if (options.staging_block_bytes < min_staging_block) {
    refuse("staging_block_bytes is " + std::to_string(options.staging_block_bytes) + "; it must be 4 KiB at least");
  }
  return options;
}

// Spilled contents do not take what transfers need.
std::uint64_t all_pinned(const TransferOptions& options) {
  return options.pinned_limit + std::min(options.spill_limit, UINT64_MAX - options.pinned_limit);
}

}  // namespace

TransferEngine::TransferEngine(Device device, const TransferOptions& options, const PoolOptions& pool,
                               const track::Tallies& tallies, std::shared_ptr<track::EventTap> events)
    : device_(std::move(device)),
      options_(checked(options, pool.name)),
      in_place_(options.in_place.value_or(device_.facts().unified_memory)),
      log_(pool.log),
      host_(device_.stream()),
      transfers_(device_.stream()),
      book_(std::make_shared<WaitBook>(std::move(events))) {
  require_in_place(pool.name);
  if (options_.spill_limit != 0) spilling_.emplace(device_.stream());
  pinned_ = pool::Access::counted_pool(pinned_device(), pinned_options(pool), tallies);
}

TransferEngine::TransferEngine(const TransferEngine& lost, Device device, const PoolOptions& pool,
                               const track::Tallies& tallies)
    : device_(std::move(device)),
      options_(lost.options_),
      in_place_(options_.in_place.value_or(device_.facts().unified_memory)),
      log_(lost.log_),
      host_(device_.stream()),
      transfers_(device_.stream()),
      uploads_(lost.uploads_.load()),
      downloads_(lost.downloads_.load()),
      asynchronous_(lost.asynchronous_.load()),
      bytes_uploaded_(lost.bytes_uploaded_.load()),
      bytes_downloaded_(lost.bytes_downloaded_.load()),
      bytes_staged_(lost.bytes_staged_.load()),
      spills_(lost.spills_.load()),
      bytes_spilled_(lost.bytes_spilled_.load()),
      bytes_returned_(lost.bytes_returned_.load()),
      book_(lost.book_) {
  require_in_place(pool.name);
  if (options_.spill_limit != 0) spilling_.emplace(device_.stream());
  pinned_ = pool::Access::successor(*lost.pinned_, pinned_device(), pinned_options(pool), tallies);
}

void TransferEngine::require_in_place(const std::string& manager) const {
  if (!in_place_ || device_.facts().pointers) return;
  throw Unsupported("manager \"" + manager + "\": the host cannot write the memory of " + device_.facts().name +
                        " in place; leave transfers.in_place empty",
                    {.name = manager});
}

Device TransferEngine::pinned_device() const {
  return device::Access::make_device(device::make_pinned_memory(backend(), all_pinned(options_)));
}

PoolOptions TransferEngine::pinned_options(const PoolOptions& pool) const {
  return {.name = pool.name + " pinned",
          .mode = PoolMode::segments,
          .limit = all_pinned(options_),
          .segment_bytes = segment_bytes,
          .idle_age = pool.idle_age,
          .reclaim_deadline = pool.reclaim_deadline,
          .clock = pool.clock,
          .log = pool.log,
          .record = pool.record};
}

TransferEngine::~TransferEngine() {
  const core::Deadline deadline(default_deadline);
  const auto start = std::chrono::steady_clock::now();
  core::Pacing pacing;
  for (collect(); !aside_.empty() && deadline.left().count() != 0; collect()) {
    pacing.rest(std::chrono::steady_clock::now() - start, deadline.left());
  }
  if (aside_.empty()) return;
  // A copy may still write there: a leak is better than that.
  if (log_ != nullptr && !core::ends_elsewhere()) {
    log_->write({.level = LogLevel::error,
                 .event = LogEvent::leak,
                 .pool = pinned_->options().name,
                 .text = "copies did not end; their pinned memory is not freed",
                 .bytes = pinned_->statistics().reserved.live});
  }
  static_cast<void>(pinned_.release());
}

std::span<std::byte> TransferEngine::allocate_pinned(std::uint64_t bytes) {
  collect();
  void* const memory = pinned_->allocate(bytes, host_);
  return {static_cast<std::byte*>(memory), bytes};
}

void TransferEngine::free_pinned(std::span<std::byte> bytes) noexcept {
  try {
    pinned_->deallocate(bytes.data(), host_);
  } catch (const Error& error) {
    if (log_ == nullptr || core::ends_elsewhere()) return;
    log_->write({.level = LogLevel::error,
                 .event = LogEvent::leak,
                 .pool = pinned_->options().name,
                 .text = error.message(),
                 .bytes = bytes.size()});
  }
}

void TransferEngine::put_aside(std::span<std::byte> bytes, device::Fence in_flight) noexcept {
  if (bytes.empty()) return;
  if (in_flight.done()) {
    free_pinned(bytes);
    return;
  }
  const std::lock_guard lock(mutex_);
  aside_.push_back({bytes, std::move(in_flight)});
}

void TransferEngine::collect() noexcept {
  std::vector<Aside> looked_at;
  {
    const std::lock_guard lock(mutex_);
    looked_at.swap(aside_);
  }
  std::erase_if(looked_at, [&](Aside& each) {
    if (!each.in_flight.done()) return false;
    free_pinned(each.bytes);
    return true;
  });
  if (looked_at.empty()) return;
  const std::lock_guard lock(mutex_);
  std::move(looked_at.begin(), looked_at.end(), std::back_inserter(aside_));
}

void TransferEngine::maintain() {
  collect();
  pinned_->maintain();
}

void TransferEngine::trim_pinned() {
  collect();
  static_cast<void>(pinned_->trim());
}

PinnedBytes TransferEngine::make_pinned(std::uint64_t bytes) {
  if (bytes == 0) return {};
  const std::span<std::byte> memory = allocate_pinned(bytes);
  const std::lock_guard lock(mutex_);
  owned_[memory.data()].bytes = memory.size();
  return {shared_from_this(), memory};
}

void TransferEngine::drop_pinned(std::span<std::byte> bytes) noexcept {
  device::Fence in_flight;
  {
    const std::lock_guard lock(mutex_);
    const auto found = owned_.find(bytes.data());
    in_flight = std::move(found->second.in_flight);
    owned_.erase(found);
  }
  put_aside(bytes, std::move(in_flight));
}

bool TransferEngine::is_pinned(const std::byte* data, std::size_t bytes) const {
  const std::lock_guard lock(mutex_);
  auto next = owned_.upper_bound(data);
  if (next == owned_.begin()) return false;
  --next;
  return data + bytes <= next->first + next->second.bytes;
}

void TransferEngine::note_pinned_use(const std::byte* data, StreamId stream) {
  const auto around = [&]() -> device::Fence* {
    const auto next = owned_.upper_bound(data);
    return next == owned_.begin() ? nullptr : &std::prev(next)->second.in_flight;
  };
  device::Fence uses;
  uses.add(backend(), stream);
  {
    const std::lock_guard lock(mutex_);
    if (device::Fence* const known = around()) uses.add(std::exchange(*known, {}));
  }
  static_cast<void>(uses.done());  // forgets what is; with no lock held, as it asks the driver
  const std::lock_guard lock(mutex_);
  if (device::Fence* const known = around()) known->add(std::move(uses));
}

}  // namespace detail
}  // namespace weir
