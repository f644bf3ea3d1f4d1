// What is tried for a request that the ladder found no memory for: handlers of memory pressure free some, and other
// threads are waited for that have some. Not for try_allocate, whose caller expects a refusal. And what is done for the
// soft limit, for which nothing is refused.
#include <algorithm>

#include "core/elsewhere.hpp"
#include "pool/implementation.hpp"

namespace weir {

using track::Block;
using track::BlockState;

std::uint32_t Pool::Implementation::allocate_late(const Request& request, pool::Ways ways, std::uint32_t max,
                                                  pool::Tries& tries) {
  std::optional<std::uint32_t> id;
  const auto attempt = [&] {
    id = serve_again(request, ways, max, tries);
    return id.has_value();
  };
  if (!relieve(request.bytes, request.stream, tries, attempt)) refuse(request);
  return *id;
}

void Pool::Implementation::require_unchanged(BlockHandle handle, std::uint32_t size) const {
  if (holds(handle) && blocks_[handle.id].size == size) return;
  throw StaleHandle("pool \"" + options_.name +
                        "\": the block that was to grow was freed or changed its size while memory was looked for",
                    {.name = options_.name});
}

bool Pool::Implementation::relieve(std::uint64_t bytes, StreamId stream, pool::Tries& tries,
                                   const std::function<bool()>& retry) {
  if (bytes > max_bytes_) return false;
  const core::Deadline& deadline = tries.begin(options_.reclaim_deadline, backend_.clock());
  if (pressure_->relieve({bytes, stream}, deadline, retry)) return true;
  // A thread that others may wait for waits for none of them, and simulated time does not pass while one waits.
  if (pool::PressureHandlers::inside() || core::in_queued_work() || backend_.simulated_time() != nullptr) return false;
  if (threads() < 2 || !others_could_free(bytes)) return false;
  return refused_threads_.wait(
      deadline, [&] { return threads(); }, [&] { return frees_seen(); }, retry);
}

std::uint64_t Pool::Implementation::frees_seen() const noexcept {
  std::uint64_t sum = 0;
  caches_.for_each([&](const Cache& cache) { sum += cache.frees.get(); });
  return sum;
}

std::size_t Pool::Implementation::threads() const {
  std::vector<const void*> known;
  caches_.for_each([&](const Cache& cache) {
    const void* const thread = cache.thread.load(std::memory_order_relaxed);
    if (thread != nullptr) known.push_back(thread);
  });
  std::sort(known.begin(), known.end());
  return static_cast<std::size_t>(std::unique(known.begin(), known.end()) - known.begin());
}

// Whether the request would fit if other threads freed all that they took. A walk over all records, as a refusal is.
bool Pool::Implementation::others_could_free(std::uint64_t bytes) const {
  std::uint64_t own = 0;
  caches_.with_all_asleep([&] {
    for (std::uint32_t id = 1; id < space_.blocks().end(); ++id) {
      const Block& block = blocks_[id];
      const bool live = block.is(BlockState::live) && block.remote.load(std::memory_order_relaxed) == 0;
      if (live && pool::is_own(caches_[block.owner()])) own += block.bytes();
    }
  });
  const std::uint64_t stays = own + space_.store().external();
  return bytes <= max_bytes_ && stays <= space_.store().limit() - std::min(space_.store().limit(), bytes);
}

// --- The soft limit ---

bool Pool::Implementation::passes_soft_limit(std::uint64_t bytes) noexcept {
  soft_limit_.follow();
  if (mode_ == PoolMode::segments) return soft_limit_.excess(std::max(bytes, options_.segment_bytes)) != 0;
  const std::uint64_t unit = space_.unit_bytes();
  return soft_limit_.excess((bytes + unit - 1) / unit * unit) != 0;
}

// Called before new memory is taken, so that the request passes the soft limit only where nobody can help it.
void Pool::Implementation::make_way(std::uint64_t bytes, StreamId stream, pool::Tries& tries) {
  if (tries.expects_refusal) return;
  soft_limit_.follow();
  const auto fits = [&] {
    const std::optional<std::uint64_t> live = credits_.allocated_now();
    return !live || soft_limit_.excess_of_live(*live, bytes) == 0;
  };
  if (!soft_limit_.now() || fits() || !soft_limit_.may_ask()) return;
  const core::Deadline& deadline = tries.begin(options_.reclaim_deadline, backend_.clock());
  if (!pressure_->relieve({.bytes = bytes, .stream = stream, .early = true}, deadline, fits)) {
    soft_limit_.asked_in_vain();
  }
}

// What is free above it goes back, however short it was free.
void Pool::Implementation::keep_to_soft_limit() {
  soft_limit_.follow();
  if (soft_limit_.excess(0) == 0) return;
  flush_all();
  order_.prepare_pages(space_);
  order_.look(space_, false);
  const std::uint64_t unit = space_.unit_bytes();
  const std::uint64_t excess = (soft_limit_.excess(0) + unit - 1) / unit * unit;
  give_back(UINT32_MAX, space_.free_bytes() - std::min(space_.free_bytes(), excess));
}

}  // namespace weir
