// What is done now and then: idle memory goes back to the driver, finished frees are taken
// in, and what belonged to a stream or a thread that ends goes back to all.
#include <algorithm>

#include <weir/errors.hpp>

#include "pool/door.hpp"
#include "pool/hit_path.hpp"

namespace weir {

using pool::StreamIndex;

std::uint64_t Pool::Implementation::trim(std::uint64_t keep_free) {
  require_usable();
  const auto moving = motion_.begin();
  const core::Deadline deadline(options_.reclaim_deadline, backend_.clock());
  flush_all();  // what other threads freed may be pending from now on
  for (;;) {    // of several that are pending each has its own event
    reclaim_pending();
    if (order_.pending().empty() || deadline.passed() || !order_.await_any(space_, deadline)) break;
  }
  for (const auto& [stream_index, latest] : space_.streams_in_use(false)) order_.clean(space_, stream_index, deadline);
  return give_back(UINT32_MAX, keep_free);
}

std::uint64_t Pool::Implementation::give_back(std::uint32_t since, std::uint64_t keep_free) {
  const std::uint64_t released = space_.release_pages(since, keep_free) + space_.release_segments(since, keep_free);
  if (released != 0) journal_.note(LogLevel::info, LogEvent::trim, {}, released);
  return released;
}

void Pool::Implementation::maintain() {
  require_usable();
  next_maintenance_.store(clock_.units() + maintenance_interval, std::memory_order_relaxed);
  // For threads that have not looked for long: what they free next was not freed long ago.
  caches_.for_each([now = clock_.now()](Cache& cache) { cache.now = now; });
  reclaim_pending();
  order_.look(space_, false);
  const auto moving = motion_.begin();
  if (const std::optional<std::uint32_t> since = clock_.of_age(options_.idle_age)) {
    flush_all(*since);
    order_.prepare_pages(space_);
    order_.look(space_, false);
    give_back(*since, options_.keep_free);
  }
  keep_to_soft_limit();
}

// Another library's bytes push idle memory out before they are refused, and what others free for them.
std::shared_ptr<detail::Quota> Pool::Implementation::book_external(std::uint64_t bytes) {
  require_usable();
  pool::PageStore& store = space_.store();
  std::shared_ptr<detail::Quota> booked = store.book_external(bytes);
  const auto attempt = [&] {
    static_cast<void>(trim(0));
    booked = store.book_external(bytes);
    return booked != nullptr;
  };
  pool::Tries tries;
  if (!booked && bytes <= store.limit() && !attempt()) {
    static_cast<void>(relieve(bytes, StreamId::legacy_default, tries, attempt));
  }
  if (!booked) store.refuse_external(bytes);
  keep_to_soft_limit();
  return booked;
}

// --- Streams and threads that end ---

void Pool::Implementation::retire(StreamId stream) {
  require_usable();
  order_.retire(stream);
  const std::uint64_t key = key_base_ | static_cast<std::uint32_t>(stream);
  for (Cache* cache : caches_.take_serving(key)) detach(*cache, key);
  reclaim_pending();
  order_.look_at_retired(space_);
}

// Empties the cache that serves `key`: what it holds goes to the arenas, its credit to all. Only its own
// thread, which may be in the middle of using it, can give it up for others; until then it stays with it.
void Pool::Implementation::detach(Cache& cache, std::uint64_t key) {
  bool mine = false;  // not if another thread was quicker
  bool given_up = false;
  pool::Caches::Taken taken;
  {
    const auto moving = credits_.begin_moving();
    pool::Caches::visit({&cache}, [&](Cache& here) {
      mine = here.key == key && here.thread != nullptr;
      if (!mine) return;
      credits_.take_back(here);
      here.key = 0;
      given_up = pool::is_own(here);
      if (given_up) {
        here.thread = nullptr;
        here.events = nullptr;
      }
      taken.freed = caches_.take_remote(here, false);
      taken.cached = here.take_all(blocks_);
      taken.stream_index = here.stream_index;  // by the time the blocks go back, the cache may serve another stream
    });
  }
  if (!mine) return;
  release_taken({taken});
  if (given_up) caches_.end(cache, key);
}

void Pool::Implementation::gives_up(Cache& cache) noexcept {
  if (forked()) return;
  [[maybe_unused]] const Door door(*this);
  detach(cache, cache.key);
}

void Pool::Implementation::stream_ends(StreamId stream) noexcept {
  if (forked()) return;
  [[maybe_unused]] const Door door(*this);
  try {
    retire(stream);
  } catch (const Error& error) {
    journal_.note(LogLevel::error, LogEvent::fallback, error.message(), 0, 0, stream);
  }
}

}  // namespace weir
