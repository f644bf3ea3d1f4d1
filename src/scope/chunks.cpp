// How large chunks should be, and where they start. The margins are the pool's own experience: what a device says
// to be free is shared with others, and a pool rounds.
#include <algorithm>

#include <weir/errors.hpp>
#include <weir/pool.hpp>
#include <weir/scope.hpp>

namespace weir {
namespace {

constexpr double part_of_free = 0.7, part_of_device = 0.8, joined_margin = 1.3;

void check(const std::string& who, std::size_t chunk_items, double fold_below) {
  if (chunk_items == 0)
    throw InvalidArgument(who + ": chunks of 0 items were asked for; ask for 1 at least", {.name = "chunk_items"});
  if (!(fold_below >= 0 && fold_below <= 1)) {
    throw InvalidArgument(who + ": fold_below is a part from 0 to 1, not " + std::to_string(fold_below),
                          {.name = "fold_below"});
  }
}

// The items of the next chunk, where `left` are still to be done: what would be left for a last one joins it if that
// is too little.
std::size_t next_count(std::size_t left, std::size_t chunk_items, double fold_below) {
  if (left <= chunk_items) return left;
  const std::size_t rest = left - chunk_items;
  return static_cast<double>(rest) < fold_below * static_cast<double>(chunk_items) ? left : chunk_items;
}

// Whether memory was refused to the work, where a smaller chunk may fit.
bool refused(const std::function<void(const ChunkRange&)>& work, const ChunkRange& chunk) {
  try {
    work(chunk);
    return false;
  } catch (const OutOfMemory&) {
    if (chunk.count == 1) throw;
  } catch (const LimitExceeded&) {
    if (chunk.count == 1) throw;
  }
  return true;
}

}  // namespace

std::vector<ChunkRange> chunks(std::size_t items, std::size_t chunk_items, double fold_below) {
  check("chunks", chunk_items, fold_below);
  std::vector<ChunkRange> all;
  all.reserve(items / chunk_items + 1);
  for (std::size_t first = 0; first < items; first += all.back().count) {
    all.push_back({first, next_count(items - first, chunk_items, fold_below)});
  }
  return all;
}

std::uint64_t free_bytes(const Pool& pool) {
  const Statistics now = pool.statistics();
  const DeviceInfo info = pool.device().info();
  std::uint64_t limit = std::min(pool.options().limit.value_or(info.default_limit), info.default_limit);
  if (now.soft_limit) limit = std::min(limit, *now.soft_limit);  // which chunks need not pass
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
  return std::max<std::size_t>(1,
                               static_cast<std::size_t>(bound / (joined_margin * static_cast<double>(bytes_per_item))));
}

ChunkedRun process_in_chunks(std::size_t items, const ChunkOptions& options,
                             const std::function<void(const ChunkRange&)>& work) {
  if (options.bytes_per_item != 0 && options.pool == nullptr) {
    throw InvalidArgument("process_in_chunks: bytes_per_item is " + std::to_string(options.bytes_per_item) +
                              ", but no pool is named whose memory they take; set ChunkOptions::pool",
                          {.name = "pool"});
  }
  std::size_t size =
      options.bytes_per_item == 0 ? options.chunk_items : automatic_chunk(*options.pool, options.bytes_per_item);
  check("process_in_chunks", size, options.fold_below);
  ChunkedRun done;
  for (std::size_t first = 0; first < items;) {
    const ChunkRange chunk{first, next_count(items - first, size, options.fold_below)};
    // Makes room in the list before the work, which is not to be done twice.
    done.chunks.push_back(chunk);
    if (!refused(work, chunk)) {
      first += chunk.count;
      continue;
    }
    done.chunks.pop_back();
    ++done.retries;
    size = chunk.count / 2;
  }
  return done;
}

}  // namespace weir
