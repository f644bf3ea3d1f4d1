// The least that tracking can cost, as a subject: an allocator with nothing but one list a size class and
// one record a block, no locks, no streams, no arena. Linked twice, once without its books, so that the
// difference is the price of the books alone: requested bytes of each block, age, owner, the sums of bytes
// in and out with the test whether the peak is passed, hits and frees. All sums are relaxed atomics, as
// any thread may read them.
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <vector>

#include "subject.hpp"

namespace bench::subject {
namespace {

#ifdef BENCH_NO_BOOKS
constexpr bool books = false;
#else
constexpr bool books = true;
#endif

constexpr unsigned block_shift = 22;  // each block has 4 MiB of address space, so that its number is in its address
constexpr std::uint32_t max_blocks = 1 << 16;

class Sum {
 public:
  std::uint64_t add(std::uint64_t amount) noexcept {
    const std::uint64_t sum = value_.load(std::memory_order_relaxed) + amount;
    value_.store(sum, std::memory_order_relaxed);
    return sum;
  }
  [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) Record {
  std::uint32_t next = 0;
  std::uint32_t size_class = 0;
  std::uint64_t requested = 0;
  std::uint32_t stamp = 0;
  std::uint32_t owner = 0;
};

std::array<std::uint32_t, 64 * 8> heads{};  // 8 classes a doubling
std::vector<Record> records;
std::uint32_t made = 0;
std::uintptr_t base = 0;
Sum out, returned, hits, frees;
std::atomic<std::uint32_t> now{1};
std::atomic<std::uint32_t> owner{0};
std::uint64_t peak_rises = 0;

std::uint32_t class_of(std::size_t bytes) noexcept {
  const auto log = static_cast<unsigned>(std::bit_width(bytes | 8)) - 1;
  return log * 8 + static_cast<unsigned>((bytes >> (log - 3)) & 7);
}

}  // namespace

void open(bool) {
  records.resize(max_blocks);
  void* const range = mmap(nullptr, std::size_t{max_blocks} << block_shift, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  base = reinterpret_cast<std::uintptr_t>(range);
}

void close() { munmap(reinterpret_cast<void*>(base), std::size_t{max_blocks} << block_shift); }

void* allocate(std::size_t bytes) {
  const std::uint32_t list = class_of(bytes);
  std::uint32_t id = heads[list];
  if (id == 0) [[unlikely]] {
    if (made + 1 == max_blocks) return nullptr;
    id = ++made;
    records[id].size_class = list;
  } else {
    heads[list] = records[id].next;
  }
  if constexpr (books) {
    Record& record = records[id];
    record.requested = bytes;
    record.stamp = now.load(std::memory_order_relaxed);
    record.owner = owner.load(std::memory_order_relaxed);
    hits.add(1);
    if (out.add(bytes) > returned.get()) [[unlikely]] {
      ++peak_rises;
      returned.add(bytes);
    }
  }
  return reinterpret_cast<void*>(base + (std::uintptr_t{id} << block_shift));
}

void deallocate(void* address, std::size_t) {
  const auto id = static_cast<std::uint32_t>((reinterpret_cast<std::uintptr_t>(address) - base) >> block_shift);
  Record& record = records[id];
  if constexpr (books) {
    record.stamp = now.load(std::memory_order_relaxed);
    returned.add(record.requested);
    frees.add(1);
  }
  record.next = heads[record.size_class];
  heads[record.size_class] = id;
}

std::string version() { return books ? "lists and books alone" : "lists alone"; }

}  // namespace bench::subject
