// Buffers that grow and shrink: by which factor, how far, in place or by a copy,
// with contents, address and counts as promised, and unchanged where it is refused.
#include <chrono>
#include <cstdint>
#include <future>
#include <string>
#include <tuple>
#include <vector>

#include "contract/manager_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

class BufferGrowth : public ManagerContract {
 protected:
  /// Bytes, as elements.
  [[nodiscard]] static std::size_t words(std::uint64_t bytes) { return bytes / sizeof(std::uint32_t); }
  /// Whether events are done as soon as the work before them, so that nothing need be copied for work that goes on.
  [[nodiscard]] bool moves_at_once() const { return GetParam().late.count() == 0 && info_.backend == BackendKind::dry; }
};
INSTANTIATE_TEST_SUITE_P(Kinds, BufferGrowth, testing::ValuesIn(manager_kinds()), name_of);

using Words = BufferHandle<std::uint32_t>;

TEST_P(BufferGrowth, EnsureCapacityTakesTheFactorOrTheCount) {
  MemoryManager& memory = make_manager();
  Words buffer = memory.create<std::uint32_t>("b", 1001, {.growth = 1.5});
  EXPECT_FALSE(buffer.ensure_capacity(0));
  EXPECT_FALSE(buffer.ensure_capacity(1001));
  EXPECT_EQ(buffer.statistics().resizes, 0u);
  EXPECT_TRUE(buffer.ensure_capacity(1002));
  EXPECT_EQ(buffer.capacity(), 1501u);  // ⌊1501.5⌋
  EXPECT_EQ(buffer.size(), 1001u);
  EXPECT_TRUE(buffer.ensure_capacity(9000));
  EXPECT_EQ(buffer.capacity(), 9000u);
  EXPECT_FALSE(buffer.ensure_capacity(5));
  EXPECT_EQ(buffer.capacity(), 9000u);
  EXPECT_EQ(buffer.statistics().resizes, 2u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 36'000u);

  for (const auto& [growth, from, to] :
       {std::tuple{1.0, 100, 101}, {1.3, 4096, 5324}, {1.3, 10, 13}, {2.0, 3, 6}, {4.0, 7, 28}, {1.1, 5, 6}}) {
    const auto start = static_cast<std::size_t>(from);
    Words each = memory.create<std::uint32_t>("each", start, {.growth = growth});
    each.ensure_capacity(start + 1);
    EXPECT_EQ(each.capacity(), static_cast<std::size_t>(to)) << growth << " from " << from;
    memory.free("each");
  }
}

TEST_P(BufferGrowth, CapacityIsClampedToTheMaximumAndRefusedPastIt) {
  MemoryManager& memory = make_manager();
  Words buffer = memory.create<std::uint32_t>("bounded", 900, {.growth = 2.0, .max_bytes = 4003, .min_elements = 5000});
  EXPECT_EQ(buffer.max_elements(), 1000u);
  EXPECT_EQ(buffer.capacity(), 1000u);  // the least, clamped as well
  memory.free("bounded");
  buffer = memory.create<std::uint32_t>("bounded", 900, {.growth = 2.0, .max_bytes = 4003});
  put(buffer, 1);
  const BufferStatistics before = buffer.statistics();
  const Statistics pool_before = memory.statistics().pool;
  const Said said = error_of<LimitExceeded>([&] { buffer.ensure_capacity(1001); });
  EXPECT_TRUE(says(said, {"\"bounded\"", "1001 elements", "maximum of 1000", "max_bytes"}));
  EXPECT_EQ(said.facts.name, "bounded");
  EXPECT_EQ(said.facts.bytes_asked, 4004u);
  EXPECT_EQ(said.facts.limit, 4003u);
  EXPECT_THROW(buffer.resize(1001), LimitExceeded);
  EXPECT_TRUE(same_buffer(before, buffer.statistics()));
  EXPECT_TRUE(same_but_refusals(pool_before, memory.statistics().pool));
  buffer.ensure_capacity(901);
  EXPECT_EQ(buffer.capacity(), 1000u);
  EXPECT_TRUE(holds(buffer, 900, 1));
  EXPECT_THROW(memory.create<std::uint32_t>("too large", 1001, {.max_bytes = 4000}), LimitExceeded);
}

// A buffer that has not grown is an ordinary block of the pool, whatever its size.
TEST_P(BufferGrowth, ALargeBufferThatEndsServesTheNextOne) {
  if (GetParam().mode == PoolMode::off) GTEST_SKIP() << "each block is the driver's there";
  MemoryManager& memory = make_manager();
  const auto make_and_end = [&] {
    const Buffer<std::uint32_t> each = memory.scoped<std::uint32_t>("b", words(32_MiB));
  };
  make_and_end();
  const std::uint64_t calls = memory.statistics().pool.driver_calls;
  for (int round = 0; round < 50; ++round) make_and_end();
  EXPECT_EQ(memory.statistics().pool.driver_calls, calls);
  EXPECT_LE(memory.statistics().pool.reserved.peak, 34_MiB + page());
}

TEST_P(BufferGrowth, ALargeBufferMovesOnceAndThenGrowsInPlace) {
  MemoryManager& memory = make_manager();
  Words buffer = memory.create<std::uint32_t>("large", words(2 * page()), {.growth = 1.0, .max_bytes = 64 * page()});
  put(buffer, 9);
  EXPECT_EQ(buffer.statistics().allocated, 2 * page());
  EXPECT_FALSE(buffer.statistics().grows_in_place);
  buffer.ensure_capacity(words(3 * page()) - 1);
  EXPECT_TRUE(holds(buffer, buffer.size(), 9));
  const std::uint64_t address = buffer.access().address();
  EXPECT_EQ(buffer.statistics().grows_in_place, in_place());
  if (in_place()) {
    EXPECT_EQ(buffer.statistics().capacity_in_place, words(8 * page()));
    EXPECT_EQ(buffer.statistics().resizes_in_place, 0u);
    if (moves_at_once()) {
      EXPECT_EQ(buffer.statistics().bytes_moved, 0u);
    }
  }
  const std::uint64_t moved = buffer.statistics().bytes_moved;
  std::uint64_t grown = 1;
  for (const std::uint64_t pages : {4u, 5u, 8u}) {
    buffer.ensure_capacity(words(pages * page()) - 1);
    ++grown;
    EXPECT_EQ(buffer.capacity(), words(pages * page()) - 1);
    EXPECT_TRUE(holds(buffer, buffer.size(), 9));
    const BufferStatistics known = buffer.statistics();
    EXPECT_EQ(known.resizes, grown);
    if (in_place()) {
      EXPECT_EQ(buffer.access().address(), address);
      EXPECT_EQ(known.bytes_moved, moved);
      EXPECT_EQ(known.resizes_in_place, grown - 1);
      EXPECT_EQ(known.allocated, pages * page());
    } else {
      EXPECT_EQ(known.bytes_moved, (known.resizes - known.resizes_in_place) * 2 * page());
      EXPECT_GE(known.allocated, known.requested);
      EXPECT_FALSE(known.grows_in_place);
    }
    EXPECT_EQ(memory.statistics().pool.requested.live, known.requested);
    EXPECT_EQ(memory.statistics().pool.allocated.live, known.allocated);
    memory.pool().verify();
  }
  if (!in_place()) return;
  buffer.ensure_capacity(words(9 * page()));  // its range is full: into a longer one
  EXPECT_EQ(buffer.statistics().capacity_in_place, words(32 * page()));
  EXPECT_EQ(buffer.statistics().resizes_in_place, grown - 1);
  EXPECT_TRUE(holds(buffer, buffer.size(), 9));
  if (moves_at_once()) {
    EXPECT_EQ(buffer.statistics().bytes_moved, 0u);
  }
  buffer.ensure_capacity(words(64 * page()));
  EXPECT_EQ(buffer.statistics().capacity_in_place, buffer.capacity());  // the most that it may have
  memory.pool().verify();
}

TEST_P(BufferGrowth, ASmallBufferMovesOnceWhenItPassesAPage) {
  MemoryManager& memory = make_manager();
  Words buffer = memory.create<std::uint32_t>("small", words(page() / 2), {.growth = 1.0, .max_bytes = 64 * page()});
  put(buffer, 4);
  buffer.resize(words(page()) + 100);
  EXPECT_TRUE(holds(buffer, words(page() / 2), 4));
  EXPECT_EQ(buffer.statistics().bytes_moved, page() / 2);
  EXPECT_EQ(buffer.statistics().resizes_in_place, 0u);
  put(buffer, 5);
  const std::uint64_t address = buffer.access().address();
  buffer.resize(words(4 * page()));
  EXPECT_TRUE(holds(buffer, words(page()) + 100, 5));
  if (!in_place()) return;
  EXPECT_EQ(buffer.access().address(), address);
  EXPECT_EQ(buffer.statistics().bytes_moved, page() / 2);
  EXPECT_EQ(buffer.statistics().resizes_in_place, 1u);
}

// Where no maximum is set in earnest, there is still room to grow in place up to the manager's limit.
TEST_P(BufferGrowth, AHugeMaximumDoesNotCostGrowthInPlace) {
  if (!in_place()) GTEST_SKIP() << "buffers grow in place on pages only";
  MemoryManager& memory = make_manager({.pool = {.limit = 64 * page()}});
  Words buffer = memory.create<std::uint32_t>("unbounded", words(2 * page()), {.max_bytes = UINT64_MAX});
  buffer.resize(words(17 * page()));
  const std::uint64_t address = buffer.access().address();
  buffer.resize(words(50 * page()));
  EXPECT_EQ(buffer.access().address(), address);
  EXPECT_EQ(buffer.statistics().resizes_in_place, 1u);
}

TEST_P(BufferGrowth, ResizeSetsTheSizeAndKeepsWhatIsThere) {
  MemoryManager& memory = make_manager();
  Words buffer = memory.create<std::uint32_t>("sized", 100);
  put(buffer, 2);
  buffer.resize(60);
  EXPECT_EQ(buffer.size(), 60u);
  EXPECT_EQ(buffer.capacity(), 100u);
  buffer.resize(101);
  EXPECT_EQ(buffer.size(), 101u);
  EXPECT_EQ(buffer.capacity(), 150u);
  EXPECT_TRUE(holds(buffer, 60, 2));
  EXPECT_TRUE(buffer.validate(100, 1));
}

TEST_P(BufferGrowth, ShrinkGivesMemoryBack) {
  MemoryManager& memory = make_manager();
  Words buffer = memory.create<std::uint32_t>("shrinking", words(8 * page()), {.max_bytes = 64 * page()});
  put(buffer, 6);
  buffer.resize(1000);
  buffer.shrink(words(3 * page()));
  EXPECT_EQ(buffer.capacity(), words(3 * page()));
  EXPECT_EQ(memory.statistics().pool.allocated.live, 3 * page());
  EXPECT_TRUE(holds(buffer, 1000, 6));
  buffer.shrink(words(5 * page()));  // never grows
  EXPECT_EQ(buffer.capacity(), words(3 * page()));
  buffer.shrink();
  EXPECT_EQ(buffer.capacity(), 1000u);
  EXPECT_EQ(buffer.size(), 1000u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 4000u);
  EXPECT_LE(memory.statistics().pool.allocated.live, page());
  EXPECT_EQ(buffer.statistics().allocated, memory.statistics().pool.allocated.live);
  EXPECT_TRUE(holds(buffer, 1000, 6));
  const std::uint64_t resizes = buffer.statistics().resizes;
  buffer.shrink();
  EXPECT_EQ(buffer.statistics().resizes, resizes);
  buffer.resize(words(6 * page()));
  EXPECT_TRUE(holds(buffer, 1000, 6));
}

// An ordinary block, as a buffer that was made at its maximum has, cannot be cut: it is left for a smaller one.
TEST_P(BufferGrowth, OneThatCannotGrowShrinksToo) {
  MemoryManager& memory = make_manager();
  for (const bool plain : {false, true}) {
    Words buffer = memory.create<std::uint32_t>("fixed", words(8 * page()), {.max_bytes = 8 * page(), .plain = plain});
    put(buffer, 7);
    buffer.resize(5000);
    buffer.shrink();
    EXPECT_EQ(buffer.capacity(), 5000u);
    EXPECT_TRUE(holds(buffer, 5000, 7));
    EXPECT_EQ(memory.statistics().pool.requested.live, 20'000u);
    EXPECT_LE(memory.statistics().pool.allocated.live, page());
    memory.free("fixed");
  }
}

// --- Limits ---

TEST_P(BufferGrowth, GrowthPastTheManagersLimitChangesNothing) {
  // Segments come in multiples of 2 MiB, whatever a page is.
  const auto page = [this] { return in_place() ? this->page() : std::max<std::uint64_t>(this->page(), 2_MiB); };
  MemoryManager& memory = make_manager({.name = "small one", .pool = {.limit = 48 * page()}});
  Words buffer =
      memory.create<std::uint32_t>("growing", words(20 * page()), {.growth = 1.0, .max_bytes = 1000 * page()});
  put(buffer, 8);
  const BufferStatistics before = buffer.statistics();
  const std::uint64_t address = buffer.access().address();
  const Said said = error_of<LimitExceeded>([&] { buffer.ensure_capacity(words(49 * page())); });
  EXPECT_TRUE(says(said, {"buffer \"growing\"", "\"small one\"", format_bytes(48 * page())}));
  EXPECT_EQ(said.facts.name, "growing");
  EXPECT_EQ(said.facts.limit, 48 * page());
  EXPECT_EQ(buffer.capacity(), before.capacity);
  EXPECT_EQ(buffer.statistics().resizes, 0u);
  EXPECT_EQ(buffer.access().address(), address);
  EXPECT_TRUE(holds(buffer, buffer.size(), 8));
  memory.pool().verify();
  // A copy needs old and new at a time, growth in place does not.
  if (in_place()) {
    EXPECT_TRUE(buffer.ensure_capacity(words(40 * page())));
    EXPECT_EQ(memory.statistics().pool.reserved.peak, 40 * page());
  } else {
    EXPECT_THROW(buffer.ensure_capacity(words(30 * page())), LimitExceeded);
    EXPECT_TRUE(buffer.ensure_capacity(words(28 * page())));
    EXPECT_EQ(memory.statistics().pool.allocated.peak, 48 * page());
  }
  EXPECT_TRUE(holds(buffer, buffer.size(), 8));
}

// --- Streams ---

// The copy of a growing buffer comes after the work that other streams have queued on it.
TEST_P(BufferGrowth, ACopyWaitsForTheWorkOfAllStreamsThatUsedIt) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  MemoryManager& memory = make_manager();
  const Stream home = device_->stream();
  const Stream writer = device_->stream();
  const Stream grower = device_->stream();
  Words buffer = memory.create<std::uint32_t>("moved", 1000, {.max_bytes = 64 * page()}, home);
  std::uint32_t* const old = buffer.access(writer);
  std::promise<void> go;
  device_->run(writer, [old, gate = go.get_future().share()] {
    gate.wait();
    fill_pattern(old, 4000, 3);
  });
  buffer.ensure_capacity(words(3 * page()), grower);
  // Without its moving on, what was freed must not be handed out under the writer.
  const auto other = memory.create<std::uint32_t>("other", 1000, {}, home);
  EXPECT_NE(other.access(home).data(), old);
  std::uint32_t* const fresh = buffer.access(grower);
  EXPECT_NE(fresh, old);
  go.set_value();
  device_->synchronize(grower);
  EXPECT_TRUE(has_pattern(fresh, 4000, 3));
}

TEST_P(BufferGrowth, ABufferOutlivesTheStreamsThatUsedIt) {
  MemoryManager& memory = make_manager();
  Words buffer;
  Words other;
  {
    const Stream home = device_->stream();
    const Stream user = device_->stream();
    buffer = memory.create<std::uint32_t>("orphan", 1000, {.max_bytes = 64 * page()}, home);
    other = memory.create<std::uint32_t>("freed", 1000, {}, home);
    static_cast<void>(buffer.access(user));
    static_cast<void>(other.access(user));
  }
  put(buffer, 1);
  buffer.ensure_capacity(words(3 * page()));
  EXPECT_TRUE(holds(buffer, 1000, 1));
  buffer.ensure_capacity(words(5 * page()));
  buffer.shrink();
  EXPECT_TRUE(holds(buffer, 1000, 1));
  memory.free(other);
  EXPECT_EQ(memory.check_leaks().blocks, 1u);
}

// The id of a thread's own default stream is the same in every thread, its stream is not.
TEST_P(BufferGrowth, EachThreadsDefaultStreamIsItsOwn) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  MemoryManager& memory = make_manager();
  constexpr StreamId own = StreamId::per_thread_default;
  std::promise<void> go;
  std::promise<void> queued;
  Words buffer;
  std::uint32_t* old = nullptr;
  TestThread maker([&] {
    buffer = memory.create<std::uint32_t>("threads", 1000, {.max_bytes = 64 * page()}, own);
    old = buffer.access(own);
    device_->run(own, [&, gate = go.get_future().share()] {
      gate.wait();
      fill_pattern(old, 4000, 3);
    });
    queued.set_value();
    device_->synchronize(own);
  });
  queued.get_future().wait();
  buffer.ensure_capacity(words(3 * page()), own);  // this thread's
  std::uint32_t* const fresh = buffer.access(own);
  EXPECT_NE(fresh, old);
  go.set_value();
  device_->synchronize(own);
  EXPECT_TRUE(has_pattern(fresh, 4000, 3));
  maker.join();
}

TEST_P(BufferGrowth, AShrinkThatCannotWaitNamesTheBuffer) {
  if (!in_place() || !pointers()) GTEST_SKIP() << "needs pages and streams that run host code";
  MemoryManager& memory = make_manager({.pool = {.reclaim_deadline = 20ms}});
  const Stream stream = device_->stream();
  Words buffer = memory.create<std::uint32_t>("busy", words(7 * page()), {.max_bytes = 64 * page()}, stream);
  buffer.resize(words(8 * page()), stream);  // from now on it is cut where it is
  buffer.resize(10, stream);
  std::promise<void> go;
  device_->run(stream, [gate = go.get_future().share()] { gate.wait(); });
  const BufferStatistics before = buffer.statistics();
  const Said said = error_of<Timeout>([&] { buffer.shrink(0, stream); });
  EXPECT_TRUE(says(said, {"\"busy\""}));
  EXPECT_EQ(said.facts.name, "busy");
  EXPECT_TRUE(same_buffer(before, buffer.statistics()));
  go.set_value();
  device_->synchronize(stream);
  buffer.shrink(0, stream);
  EXPECT_EQ(buffer.capacity(), 10u);
}

TEST_P(BufferGrowth, FullLifecycleOfFourBuffers) {
  MemoryManager& memory = make_manager();
  std::vector<Words> buffers;
  for (std::uint32_t i = 0; i < 4; ++i) {
    buffers.push_back(memory.create<std::uint32_t>("buffer " + std::to_string(i), 1000 * (i + 1),
                                                   {.growth = 1.3, .max_bytes = 32_MiB}));
    put(buffers[i], i);
  }
  std::uint64_t requested = 0;
  for (std::size_t round = 0; round < 6; ++round) {
    requested = 0;
    for (std::uint32_t i = 0; i < 4; ++i) {
      const std::size_t had = buffers[i].size();
      buffers[i].resize(had * 3);
      ASSERT_TRUE(holds(buffers[i], had, i + round * 10));
      put(buffers[i], i + (round + 1) * 10);
      requested += buffers[i].capacity() * 4;
    }
    EXPECT_EQ(memory.statistics().pool.requested.live, requested);
  }
  EXPECT_EQ(memory.statistics().resizes, 24u);
  EXPECT_EQ(memory.statistics().buffers, 4u);
  memory.free_all();
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  EXPECT_GE(memory.statistics().pool.requested.peak, requested);
}

}  // namespace
}  // namespace weir::contract
