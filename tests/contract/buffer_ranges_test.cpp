// Buffers that keep addresses for their final size: they move once, and what is kept takes no memory.
#include <cstdint>

#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class BufferRanges : public ManagerContract {
 protected:
  /// Bytes, as elements.
  [[nodiscard]] static std::size_t words(std::uint64_t bytes) { return bytes / sizeof(std::uint32_t); }
};
INSTANTIATE_TEST_SUITE_P(Kinds, BufferRanges, testing::ValuesIn(manager_kinds()), name_of);

using Words = BufferHandle<std::uint32_t>;

// With addresses kept up to its final size a buffer moves once, however much it grows, also while work uses it;
// without, each time that the range is full.
TEST_P(BufferRanges, ARangeThatIsLongEnoughIsMovedIntoOnce) {
  for (const bool ranged : {true, false}) {
    MemoryManager& memory = make_manager();
    const std::uint64_t page = info_.page_bytes == 0 ? 2_MiB : info_.page_bytes;
    const std::uint64_t last = 48 * page;
    BufferOptions options{.growth = 1.0, .max_bytes = 2 * last};
    if (ranged) options.range_bytes = last;
    Words buffer = memory.create<std::uint32_t>("grows", words(page), options);
    put(buffer, 3);
    buffer.resize(words(page) + 1);
    const std::uint64_t address = buffer.access().address();
    const std::uint64_t moved = buffer.statistics().bytes_moved;
    if (ranged && in_place()) {
      EXPECT_GE(buffer.statistics().capacity_in_place, words(last));
    }
    std::uint64_t resizes = 1;
    for (std::uint64_t bytes = 2 * page; bytes <= last; bytes += 5 * page) {
      buffer.resize(words(bytes));
      ++resizes;
    }
    EXPECT_EQ(buffer.statistics().resizes, resizes);
    EXPECT_TRUE(holds(buffer, words(page), 3));
    if (in_place()) {
      EXPECT_EQ(buffer.access().address() == address, ranged);
      EXPECT_EQ(buffer.statistics().resizes_in_place == resizes - 1, ranged);
    }
    if (ranged && in_place()) {
      EXPECT_EQ(buffer.statistics().bytes_moved, moved);
      // Addresses are no memory: what is reserved is what it has.
      EXPECT_LE(memory.statistics().pool.reserved.live, buffer.statistics().allocated + 2 * 32_MiB);
    }
    memory.free("grows");
  }
}

}  // namespace
}  // namespace weir::contract
