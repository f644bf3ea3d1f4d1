#include "pool/space/space.hpp"

#include <algorithm>
#include <bit>
#include <thread>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/reserve_more.hpp"
#include "pool/order/stream_epochs.hpp"

namespace weir::pool {
namespace {

// Address space that a pool takes of a device with little of it: other pools want some too, however many there are.
std::uint64_t share_of(const DeviceInfo& info) {
  return info.address_space_free.value_or(info.address_space.value_or(UINT64_MAX)) / 4;
}

// Address space for each arena: enough that holes need not be reused before they are convenient.
std::uint64_t range_for(const DeviceInfo& info) {
  constexpr std::uint64_t least = 16_GiB;
  constexpr std::uint64_t most = 1_TiB;
  const std::uint64_t memory = info.memory_total.value_or(0);
  const std::uint64_t wanted = memory >= most / 4 ? most : std::max(least, std::bit_ceil(memory * 4));
  return std::max(std::bit_floor(std::min({wanted, info.max_range, share_of(info)})), info.page_bytes);
}

// Below it a range is of little use.
std::uint64_t min_range(const DeviceInfo& info) {
  return std::max<std::uint64_t>(std::min(64_MiB, range_for(info)), info.page_bytes);
}

// Ranges of that size that a pool may take, each for an arena.
unsigned ranges_for(const DeviceInfo& info, unsigned max) {
  return static_cast<unsigned>(std::clamp<std::uint64_t>(share_of(info) / range_for(info), 1, max));
}

unsigned arenas_for(const DeviceInfo& info, unsigned max) {
  return std::min(std::clamp(std::thread::hardware_concurrency(), 1u, max), ranges_for(info, max));
}

// Whether the ranges that a pool may take have addresses for all memory that it may have. If not, most of the memory
// would come block by block from the driver, where segments serve many blocks each.
bool addresses_suffice(const DeviceInfo& info, std::uint64_t limit, unsigned max) {
  constexpr std::uint64_t unknown = 16_GiB;  // more than enough to tell a short device from others
  const std::uint64_t needed = std::min({limit, info.memory_total.value_or(unknown), std::uint64_t{1_TiB}});
  return ranges_for(info, max) * range_for(info) >= needed;
}

}  // namespace

Space::Space(device::Backend& backend, const DeviceInfo& info, const PoolOptions& options,
             const track::Tallies& tallies, const Journal& journal, StreamEpochs& epochs, const CoarseClock& clock)
    : backend_(backend),
      journal_(journal),
      epochs_(epochs),
      clock_(clock),
      page_bytes_(info.page_bytes),
      max_growth_pages_(std::max<std::uint64_t>(options.max_handle_bytes / info.page_bytes, 1)),
      max_handle_pages_(backend.max_extent_pages()),
      explicit_limit_(options.soft_limit ? options.soft_limit : options.limit),
      segment_bytes_(options.segment_bytes),
      range_bytes_(std::max(range_for(info) / addresses_taken_.divisor(), min_range(info))),
      arena_count_(arenas_for(info, max_arenas)),
      range_count_(ranges_for(info, max_arenas)),
      mode_(options.mode),
      store_(backend, options.name, options.limit.value_or(info.default_limit), info.page_bytes, tallies,
             journal.events().get()),
      blocks_(addresses_taken_.divisor()),
      segments_(blocks_, addresses_, segments_number, info.page_bytes) {
  arenas_[segments_number] = &segments_;
  if (mode_ == PoolMode::pages && !info.virtual_memory) {
    throw Unsupported("pool \"" + options.name + "\": " + info.name + " has no virtual memory; use PoolMode::automatic",
                      {.name = options.name});
  }
  if (mode_ == PoolMode::automatic) {
    const bool pages = info.virtual_memory && addresses_suffice(info, store_.limit(), max_arenas);
    mode_ = pages ? PoolMode::pages : PoolMode::segments;
  }
  if (mode_ != PoolMode::pages) return;
  try {
    static_cast<void>(paged(0));
  } catch (const DeviceLost&) {
    throw;
  } catch (const Error& error) {
    if (options.mode == PoolMode::pages) throw;
    journal_.note(LogLevel::warning, LogEvent::fallback, error.message(), range_bytes_);
    mode_ = PoolMode::segments;
  }
}

// Where there are no addresses for another arena, threads share the first. Numbers go up to `range_count_`, past the
// homes: the arenas beyond are made when those are full.
PagedArena& Space::paged(unsigned number) {
  const std::lock_guard lock(making_arenas_);
  if (paged_[number]) return *paged_[number];
  if (number != 0 && addresses_short_) return *paged_[0];
  try {
    make_arena(number);
  } catch (const DeviceLost&) {
    throw;
  } catch (const Error& error) {
    if (number == 0) throw;
    addresses_short_ = true;
    journal_.note(LogLevel::warning, LogEvent::fallback, error.message(), range_bytes_);
    return *paged_[0];
  }
  return *paged_[number];
}

void Space::make_arena(unsigned number) {
  const Range range = reserve();
  try {
    paged_[number] = std::make_unique<PagedArena>(blocks_, addresses_, static_cast<std::uint8_t>(number), range.address,
                                                  range.bytes, page_bytes_);
  } catch (...) {
    backend_.unreserve(range.address, range.bytes);
    throw;
  }
  ranges_[number] = range;
  arenas_[number].store(paged_[number].get(), std::memory_order_release);
}

// Of the size that is wished, or half of it, and so on.
Space::Range Space::reserve() {
  // What is free counts where addresses are scarce.
  const bool scarce = backend_.facts().address_space.has_value();
  const std::uint64_t least = min_range(scarce ? backend_.info() : backend_.facts());
  for (std::uint64_t bytes = range_bytes_;; bytes /= 2) {
    try {
      return {backend_.reserve(bytes), bytes};
    } catch (const DeviceLost&) {
      throw;
    } catch (const Error&) {
      if (bytes / 2 < least) throw;
    }
  }
}

std::uint32_t Space::fit_in_any(const Placement& wanted, const Arena* except) {
  std::uint32_t id = 0;
  for_each_arena([&](Arena& arena) {
    if (id != 0 || &arena == except || arena.free_granules() < wanted.granules) return;
    id = fit(arena, wanted);
  });
  return id;
}

bool Space::parts_small_blocks() const noexcept {
  constexpr std::uint64_t few_pages = 8;
  return mode_ != PoolMode::pages || store_.reserved() > few_pages * page_bytes_;
}

void Space::release(std::uint32_t id, StreamIndex stream_index, std::uint32_t now) {
  track::Block& block = blocks_[id];
  Arena& arena = *arenas_[block.arena].load(std::memory_order_acquire);
  if (block.arena != segments_number) static_cast<PagedArena&>(arena).stamp(block.start, block.end(), now);
  const auto lock = arena.lock();
  block.stream_index.store(stream_index, std::memory_order_relaxed);
  arena.release(id, epochs_.epoch(stream_index), now);
}

void Space::release_chain(std::uint32_t chain, StreamIndex stream_index) {
  while (chain != 0) chain = release_some(chain, stream_index);
}

// Releases some of the blocks of a chain's first arena, while its lock is held once; returns the chain of the others.
std::uint32_t Space::release_some(std::uint32_t chain, StreamIndex stream_index) {
  constexpr int max_blocks = 64;  // while the lock is held once
  Arena& arena = *arenas_[blocks_[chain].arena].load(std::memory_order_acquire);
  std::array<std::uint32_t, max_blocks> taken;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled below
  std::size_t count = 0;
  while (chain != 0 && count < max_blocks && blocks_[chain].arena == arena.number()) {
    track::Block& block = blocks_[chain];
    taken[count++] = std::exchange(chain, block.list_next);
    block.become(track::BlockState::busy);
    if (arena.number() != segments_number) {
      static_cast<PagedArena&>(arena).stamp(block.start, block.end(), block.stamp);
    }
  }
  const std::uint64_t epoch = epochs_.epoch(stream_index);
  const auto lock = arena.lock();
  for (std::size_t i = 0; i < count; ++i) {
    blocks_[taken[i]].stream_index.store(stream_index, std::memory_order_relaxed);
    arena.release(taken[i], epoch, blocks_[taken[i]].stamp);
  }
  return chain;
}

void Space::reassign(StreamIndex from, std::uint64_t epoch, StreamIndex to) {
  for_each_arena([&](Arena& arena) {
    for (bool more = true; more;) {
      const auto lock = arena.lock();
      more = arena.reassign(from, epoch, to, epochs_.epoch(to));
    }
  });
}

std::vector<Arena::StreamInUse> Space::streams_in_use(bool only_pages) const {
  std::vector<Arena::StreamInUse> streams;
  for_each_arena([&](Arena& arena) {
    std::size_t left = SIZE_MAX;
    for (bool more = true; more;) {
      core::reserve_more(streams, Arena::max_streams_at_once);  // nothing is allocated under the lock
      const auto lock = arena.lock();
      more = arena.collect_streams(only_pages, left, streams);
    }
  });
  // Of one stream in several arenas the latest free counts.
  std::sort(streams.begin(), streams.end(), [](const auto& a, const auto& b) {
    return a.stream_index != b.stream_index ? a.stream_index < b.stream_index : a.latest > b.latest;
  });
  const auto same = [](const auto& a, const auto& b) { return a.stream_index == b.stream_index; };
  streams.erase(std::unique(streams.begin(), streams.end(), same), streams.end());
  return streams;
}

std::uint64_t Space::bytes_as_at(std::uint8_t home) const noexcept {
  if (mode_ != PoolMode::pages) return store_.reserved();
  std::uint64_t arenas = 0;
  for_each_paged([&](const PagedArena&) { ++arenas; });
  const auto* const here = static_cast<const PagedArena*>(arenas_[home].load(std::memory_order_acquire));
  return here == nullptr ? 0 : here->mapped_pages() * page_bytes_ * arenas;
}

std::uint64_t Space::free_bytes() const noexcept { return store_.held() + mapped_free_bytes(); }

std::uint64_t Space::mapped_free_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for_each_arena([&](Arena& arena) { bytes += arena.free_granules() * index::granule_bytes; });
  return bytes;
}

std::uint64_t Space::largest_free() const {
  std::uint64_t largest = 0;
  for_each_arena([&](Arena& arena) {
    std::size_t next_stream = 0;
    do {
      const auto lock = arena.lock();
      largest = std::max(largest, arena.largest_free(next_stream));
    } while (next_stream != 0);
  });
  return largest;
}

void Space::verify() const {
  for_each_arena([](Arena& arena) {
    const auto lock = arena.lock();
    arena.verify();
  });
}

std::uint64_t Space::longest_loop() const {
  std::uint64_t longest = 0;
  for_each_arena([&](const Arena& arena) { longest = std::max(longest, arena.longest_loop()); });
  return longest;
}

}  // namespace weir::pool
