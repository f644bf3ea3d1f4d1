#include "track/block_table.hpp"

#include <algorithm>
#include <bit>
#include <mutex>
#include <new>
#include <optional>
#include <string>

#include <weir/errors.hpp>

#include "core/lazy_memory.hpp"

namespace weir::track {
namespace {

constexpr std::uint32_t max_records = std::uint32_t{1} << 27;
constexpr std::uint32_t min_records = std::uint32_t{1} << 16;
constexpr std::uint64_t part_of_addresses = 32;  // of those that a process may map, for the records of one pool
constexpr const char* what = "block records";

std::uint32_t records_for(std::optional<std::uint64_t> addresses, std::uint64_t divisor) {
  std::uint64_t records = max_records;
  if (addresses) records = std::min(records, std::bit_floor(*addresses / part_of_addresses / sizeof(Block)));
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(records / divisor, min_records));
}

// As many as wished, or half as many, and so on.
Block* map_records(std::uint32_t& records) {
  for (;; records /= 2) {
    try {
      return static_cast<Block*>(core::map_lazy(std::uint64_t{records} * sizeof(Block), what));
    } catch (const OutOfMemory&) {
      if (records <= min_records) throw;
    }
  }
}

}  // namespace

BlockTable::BlockTable(std::uint64_t divisor)
    : capacity_(records_for(core::address_space_limit(), divisor)), blocks_(map_records(capacity_)) {}

BlockTable::~BlockTable() { core::unmap_lazy(blocks_, std::uint64_t{capacity_} * sizeof(Block)); }

std::uint32_t BlockTable::take_run() {
  const std::lock_guard lock(growing_);
  const std::uint32_t first = next_.load(std::memory_order_relaxed);
  if (first > capacity_ - run) {
    throw OutOfMemory("all " + std::to_string(capacity_) +
                          " block records of the pool are in use; it has as many as the address space of the process "
                          "(ulimit -v) allowed when it was made",
                      {.name = what, .limit = capacity_});
  }
  for (std::uint32_t id = first; id < first + run; ++id) new (&blocks_[id]) Block;
  next_.store(first + run, std::memory_order_release);  // whoever walks up to end() finds records there
  return first;
}

}  // namespace weir::track
