// Pooling scopes and chunks: features in one block, the same buffer for the same name, everything back at the end and
// on errors; and how large chunks are.
#include <cstdint>
#include <numeric>
#include <vector>

#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class Scopes : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, Scopes, testing::ValuesIn(manager_kinds()), name_of);

std::vector<ScopeColumn> three_columns() {
  return {scope_column<float>("planarity"), scope_column<std::uint8_t>("class"), scope_column<double>("height")};
}

TEST_P(Scopes, ColumnsLieOneAfterTheOther) {
  MemoryManager& memory = make_manager();
  const PoolingScope scope = memory.scope("features", 1000, three_columns());
  EXPECT_EQ(memory.statistics().pool.allocations, 1u);
  const auto planarity = scope.access<float>("planarity");
  const auto classes = scope.access<std::uint8_t>("class");
  const auto height = scope.access<double>("height");
  EXPECT_EQ(planarity.size(), 1000u);
  EXPECT_EQ(classes.address(), planarity.address() + 4096);
  EXPECT_EQ(height.address(), classes.address() + 1024);
  EXPECT_EQ(scope.offset("height"), 4096u + 1024u);
  EXPECT_EQ(scope.memory().size(), PoolingScope::bytes(1000, three_columns()));
  EXPECT_EQ(scope.memory().size(), 4096u + 1024u + 8192u);
  EXPECT_EQ(scope.access<float>("planarity").address(), planarity.address());
}

TEST_P(Scopes, ChunksReuseTheBuffersAndAskForNothing) {
  MemoryManager& memory = make_manager();
  PoolingScope scope = memory.scope("features", 500'000, three_columns());
  const std::uint64_t address = scope.access<double>("height").address();
  const Statistics before = memory.statistics().pool;
  for (std::size_t chunk = 0; chunk < 20; ++chunk) {
    scope.begin_chunk(500'000 - chunk);
    EXPECT_EQ(scope.rows(), 500'000 - chunk);
    EXPECT_EQ(scope.access<double>("height").size(), 500'000 - chunk);
    EXPECT_EQ(scope.access<double>("height").address(), address);
  }
  const Statistics after = memory.statistics().pool;
  EXPECT_EQ(after.driver_calls, before.driver_calls);
  EXPECT_EQ(after.allocations, before.allocations);
  const ScopeStatistics known = scope.statistics();
  EXPECT_EQ(known.scope, "features");
  EXPECT_EQ(known.columns, 3u);
  EXPECT_EQ(known.chunks, 20u);
  EXPECT_EQ(known.allocations, 3u);
  EXPECT_EQ(known.reuses, 57u);
  EXPECT_DOUBLE_EQ(known.reuse_rate(), 0.95);
  EXPECT_EQ(known.values, 3u * (20 * 500'000 - 190));
  EXPECT_EQ(known.peak_bytes, scope.memory().size());
  EXPECT_NE(known.summary().find("3 buffers allocated and 57 reused (95.0 %)"), std::string::npos) << known.summary();
}

TEST_P(Scopes, EverythingIsBackAtTheEndAndOnErrors) {
  MemoryManager& memory = make_manager();
  try {
    PoolingScope scope = memory.scope("features", 100'000, three_columns());
    scope.begin_chunk(100'001);
    ADD_FAILURE() << "a chunk past the capacity began";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(error.message().find("100001"), std::string::npos);
  }
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  EXPECT_FALSE(memory.contains("features"));
  PoolingScope one = memory.scope("features", 10, three_columns());
  PoolingScope other = std::move(one);
  EXPECT_EQ(memory.statistics().buffers, 1u);
  other = PoolingScope();
  EXPECT_EQ(memory.statistics().buffers, 0u);
}

TEST_P(Scopes, MistakesAreNamed) {
  MemoryManager& memory = make_manager();
  const auto twice = [] {
    auto features = three_columns();
    features.push_back(scope_column<float>("class"));
    return features;
  };
  EXPECT_TRUE(
      says(error_of<InvalidArgument>([&] { static_cast<void>(memory.scope("s", 10, twice())); }), {"\"class\""}));
  EXPECT_THROW(static_cast<void>(memory.scope("s", 0, three_columns())), InvalidArgument);
  EXPECT_THROW(static_cast<void>(memory.scope("s", 10, {})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(memory.scope("s", SIZE_MAX / 4, three_columns())), LimitExceeded);
  const PoolingScope scope = memory.scope("s", 10, three_columns());
  EXPECT_TRUE(says(error_of<NotFound>([&] { static_cast<void>(scope.access<float>("planar")); }),
                   {"\"planar\"", "planarity, class, height"}));
  EXPECT_TRUE(
      says(error_of<TypeMismatch>([&] { static_cast<void>(scope.access<int>("class")); }), {"\"class\"", "int"}));
  EXPECT_EQ(memory.statistics().buffers, 1u);
}

TEST_P(Scopes, AllColumnsTravelAtOnce) {
  MemoryManager& memory = make_manager();
  PoolingScope scope = memory.scope("features", 3000, three_columns());
  std::vector<std::byte> out(scope.memory().size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(i * 7);
  memory.upload(scope.memory(), out);
  if (!pointers()) return;
  EXPECT_EQ(memory.download(scope.memory()), out);
}

TEST_P(Scopes, AutomaticChunksFitWhatIsFree) {
  MemoryManager& memory = make_manager({.pool = {.limit = 256_MiB}});
  const std::uint64_t free = free_bytes(memory.pool());
  EXPECT_LE(free, 256_MiB);
  const std::size_t chunk = automatic_chunk(memory.pool(), 64);
  EXPECT_GE(chunk, 1u);
  EXPECT_LE(chunk * 64 * 13 / 10, free * 7 / 10);
  const PoolingScope scope = memory.scope("half", 128_MiB / 8, {scope_column<double>("half")});
  EXPECT_LE(free_bytes(memory.pool()), free - 128_MiB);
  EXPECT_LT(automatic_chunk(memory.pool(), 64), chunk);
  EXPECT_EQ(automatic_chunk(memory.pool(), UINT64_MAX), 1u);
  EXPECT_THROW(static_cast<void>(automatic_chunk(memory.pool(), 0)), InvalidArgument);
}

// --- Work in chunks ---

std::vector<std::size_t> sizes_of(const ChunkedRun& run) {
  std::vector<std::size_t> sizes;
  std::size_t next = 0;
  for (const ChunkRange& chunk : run.chunks) {
    EXPECT_EQ(chunk.first, next);
    next += chunk.count;
    sizes.push_back(chunk.count);
  }
  return sizes;
}
using Sizes = std::vector<std::size_t>;

TEST_P(Scopes, ChunksThatFindNoMemoryAreHalvedAndBegunAnew) {
  MemoryManager& memory = make_manager({.pool = {.limit = 64_MiB}});
  std::vector<int> done(1000);
  const ChunkedRun run = process_in_chunks(done.size(), {.chunk_items = 400}, [&](const ChunkRange& chunk) {
    const Buffer<std::byte> work = memory.scoped<std::byte>("work", chunk.count * 512_KiB);
    for (std::size_t i = 0; i < chunk.count; ++i) ++done[chunk.first + i];
  });
  EXPECT_EQ(run.retries, 2u);  // of 400 and of 200; 100 take 50 MiB
  EXPECT_EQ(sizes_of(run), Sizes(10, 100));
  EXPECT_EQ(done, std::vector<int>(1000, 1));
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
}

TEST_P(Scopes, AnItemThatFindsNoMemoryIsAnError) {
  MemoryManager& memory = make_manager({.pool = {.limit = 64_MiB}});
  Sizes asked;
  EXPECT_THROW(process_in_chunks(1000, {},
                                 [&](const ChunkRange& chunk) {
                                   asked.push_back(chunk.count);
                                   memory.create<std::byte>("work", chunk.count * 65_MiB);
                                 }),
               LimitExceeded);
  EXPECT_EQ(asked, (Sizes{100, 50, 25, 12, 6, 3, 1}));
  // A device that has no more is the same to it; any other error is not.
  std::size_t calls = 0;
  const auto out_of_memory = [&](const ChunkRange&) {
    ++calls;
    throw OutOfMemory("none left");
  };
  EXPECT_THROW(process_in_chunks(3, {}, out_of_memory), OutOfMemory);
  EXPECT_EQ(calls, 2u);
  const auto other = [&](const ChunkRange&) {
    ++calls;
    throw Timeout("late");
  };
  EXPECT_THROW(process_in_chunks(3, {}, other), Timeout);
  EXPECT_EQ(calls, 3u);
}

TEST_P(Scopes, ChunksAreAsLargeAsMemoryLets) {
  MemoryManager& memory = make_manager({.pool = {.limit = 64_MiB}});
  const std::size_t automatic = automatic_chunk(memory.pool(), 1_MiB);
  const ChunkedRun run =
      process_in_chunks(200, {.bytes_per_item = 1_MiB, .pool = &memory.pool()}, [&](const ChunkRange& chunk) {
        const Buffer<std::byte> work = memory.scoped<std::byte>("work", chunk.count * 1_MiB);
      });
  EXPECT_EQ(run.retries, 0u);
  EXPECT_EQ(run.chunks.front().count, automatic);
  EXPECT_GT(automatic, 20u);
}

TEST(Chunks, WorkGoesThroughAllItemsInOrder) {
  const auto run = [](std::size_t items, const ChunkOptions& options) {
    Sizes seen;
    const ChunkedRun done =
        process_in_chunks(items, options, [&](const ChunkRange& chunk) { seen.push_back(chunk.count); });
    EXPECT_EQ(sizes_of(done), seen);
    EXPECT_EQ(done.retries, 0u);
    return seen;
  };
  EXPECT_EQ(run(0, {}), Sizes{});
  EXPECT_EQ(run(1, {}), Sizes{1});
  EXPECT_EQ(run(250, {}), (Sizes{100, 100, 50}));
  EXPECT_EQ(run(229, {}), (Sizes{100, 129}));
  EXPECT_EQ(run(230, {}), (Sizes{100, 100, 30}));
  EXPECT_EQ(run(10, {.chunk_items = 4, .fold_below = 0}), (Sizes{4, 4, 2}));
  EXPECT_THROW(run(10, {.chunk_items = 0}), InvalidArgument);
  EXPECT_THROW(run(10, {.fold_below = 1.5}), InvalidArgument);
  EXPECT_THROW(run(10, {.bytes_per_item = 4}), InvalidArgument);
}

// A folded chunk that fails, and the rest after it, with every size of failure.
TEST(Chunks, EveryItemIsDoneOnceHoweverOftenChunksFail) {
  for (std::size_t fits = 1; fits < 140; ++fits) {
    std::vector<int> done(429);
    const ChunkedRun run = process_in_chunks(done.size(), {}, [&](const ChunkRange& chunk) {
      if (chunk.count > fits) throw LimitExceeded("too large");
      for (std::size_t i = 0; i < chunk.count; ++i) ++done[chunk.first + i];
    });
    EXPECT_EQ(done, std::vector<int>(429, 1)) << fits;
    EXPECT_LE(run.retries, 9u) << fits;
    static_cast<void>(sizes_of(run));
  }
}

TEST(Chunks, CoverAllItemsAndFoldASmallLastOne) {
  EXPECT_TRUE(chunks(0, 100).empty());
  for (const std::size_t items : {1u, 29u, 99u, 100u, 101u, 129u, 130u, 1000u, 1029u, 1030u}) {
    const std::vector<ChunkRange> all = chunks(items, 100);
    std::size_t next = 0;
    for (const ChunkRange& chunk : all) {
      EXPECT_EQ(chunk.first, next);
      EXPECT_GT(chunk.count, 0u);
      EXPECT_LT(chunk.count, 130u);
      next += chunk.count;
    }
    EXPECT_EQ(next, items);
    const std::size_t rest = items % 100;
    const std::size_t folded = rest != 0 && rest < 30 && items > 100 ? 1 : 0;
    EXPECT_EQ(all.size(), (items + 99) / 100 - folded) << items;
  }
  EXPECT_THROW(static_cast<void>(chunks(10, 0)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(chunks(10, 5, -0.1)), InvalidArgument);
}

}  // namespace
}  // namespace weir::contract
