// How large chunks should be, and where they start. The margins are the pool's own experience: what a device says
// to be free is shared with others, and a pool rounds.
#include <algorithm>

#include <weir/errors.hpp>
#include <weir/pool.hpp>
#include <weir/scope.hpp>

namespace weir {
namespace {

constexpr double part_of_free = 0.7, part_of_device = 0.8, joined = 1.3;

}  // namespace

std::vector<ChunkRange> chunks(std::size_t items, std::size_t chunk_items, double fold_below) {
  if (chunk_items == 0)
    throw InvalidArgument("chunks: chunk_items is 0; it must be 1 or more", {.name = "chunk_items"});
  if (!(fold_below >= 0 && fold_below <= 1)) {
    throw InvalidArgument("chunks: fold_below is " + std::to_string(fold_below) + "; it must be 0 to 1",
                          {.name = "fold_below"});
  }
  std::vector<ChunkRange> all;
  all.reserve(items / chunk_items + 1);
  for (std::size_t first = 0; first < items;) {
    const std::size_t count = std::min(chunk_items, items - first);
    all.push_back({first, count});
    first += count;
  }
  if (all.size() > 1 && static_cast<double>(all.back().count) < fold_below * static_cast<double>(chunk_items)) {
    const std::size_t last = all.back().count;
    all.pop_back();
    all.back().count += last;
  }
  return all;
}

std::uint64_t free_bytes(const Pool& pool) {
  const Statistics now = pool.statistics();
  const DeviceInfo info = pool.device().info();
  const std::uint64_t limit = std::min(pool.options().limit.value_or(info.default_limit), info.default_limit);
  const std::uint64_t taken = now.reserved.live + now.external;
  std::uint64_t more = limit > taken ? limit - taken : 0;
  if (info.memory_free) more = std::min(more, *info.memory_free);
  const PoolMode mode = pool.options().mode;
  const bool pages = mode == PoolMode::pages || (mode == PoolMode::automatic && info.virtual_memory);
  more -= more % (pages ? info.page_bytes : Pool::granule);  // memory comes in whole ones
  const std::uint64_t unused = now.reserved.live - std::min(now.reserved.live, now.live + now.pending);
  return unused + more;
}

std::size_t automatic_chunk(const Pool& pool, std::uint64_t bytes_per_item) {
  if (bytes_per_item == 0)
    throw InvalidArgument("automatic_chunk: bytes_per_item is 0; it must be 1 or more", {.name = "bytes_per_item"});
  double bound = part_of_free * static_cast<double>(free_bytes(pool));
  if (const auto total = pool.device().facts().memory_total) {
    bound = std::min(bound, part_of_device * static_cast<double>(*total));
  }
  return std::max<std::size_t>(1, static_cast<std::size_t>(bound / (joined * static_cast<double>(bytes_per_item))));
}

}  // namespace weir
