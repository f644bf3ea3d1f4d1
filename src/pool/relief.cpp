// What is tried for a request that the ladder found no memory for: handlers of memory pressure free some. Not for
// try_allocate, whose caller expects a refusal.
#include "pool/implementation.hpp"

namespace weir {

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
  return pressure_->relieve({bytes, stream}, core::Deadline(options_.reclaim_deadline, backend_.clock()), retry);
}

}  // namespace weir
