// What is tried for a request that the ladder found no memory for: handlers of memory pressure free some, or another
// thread does that was refused at the same time. Not for try_allocate, whose caller expects a refusal.
#include <algorithm>
#include <chrono>

#include "core/pacing.hpp"
#include "pool/implementation.hpp"

namespace weir {

std::uint64_t Pool::Implementation::frees_seen() const noexcept {
  std::uint64_t sum = 0;
  caches_.look_at_awake([&](const Cache& cache) { sum += cache.frees.get(); });
  return sum;
}

std::uint32_t Pool::Implementation::allocate_late(const Request& request, pool::Ways ways, std::uint32_t max) {
  std::optional<std::uint32_t> id;
  const auto attempt = [&] {
    id = serve_again(request, ways, max);
    return id.has_value();
  };
  if (!relieve(request.bytes, request.stream, attempt)) refuse(request);
  return *id;
}

void Pool::Implementation::require_unchanged(BlockHandle handle, std::uint32_t size) const {
  if (holds(handle) && blocks_[handle.id].size == size) return;
  throw StaleHandle("pool \"" + options_.name +
                        "\": the block that was to grow was freed or changed its size while memory was looked for",
                    {.name = options_.name});
}

bool Pool::Implementation::relieve(std::uint64_t bytes, StreamId stream, const std::function<bool()>& retry) {
  if (bytes > max_bytes_) return false;
  const core::Deadline deadline(options_.reclaim_deadline, backend_.clock());
  if (pressure_.relieve({bytes, stream}, deadline, retry)) return true;
  if (pool::PressureHandlers::inside() || refused_threads_.is_first()) return false;
  // Of two threads that hold what the other wants both would fail; now one does, and gives back what it holds. It need
  // not, so this is no long wait.
  constexpr std::chrono::milliseconds max_wait{250};
  const core::Deadline others(std::min<std::chrono::nanoseconds>(max_wait, options_.reclaim_deadline));
  core::Pacing pacing;
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    const std::uint64_t seen = frees_seen();
    if (retry()) return true;
    while (frees_seen() == seen) {
      if (others.passed()) return false;
      pacing.rest(std::chrono::steady_clock::now() - began, others.left());
    }
  }
}

}  // namespace weir
