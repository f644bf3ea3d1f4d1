// What device memory holds after each way in which weir moves, grows, copies and hands on memory; and first that the
// checks see an order that was left out.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "cuda/fixture.hpp"
#include "support/thread.hpp"

namespace weir::contents {
namespace {

constexpr std::size_t mebi_words = std::size_t{1} << 17;  // a MiB

// Memory that weir does not know of, and nothing that orders the two streams: the check runs before what it checks is
// written, as the gate opens after it. Then the same with the order.
TEST_P(Contents, AnOrderThatIsLeftOutIsSeen) {
  const std::shared_ptr<void> block = kernels_->memory(8 * mebi_words);
  fill(streams_[0], block.get(), mebi_words, 1);
  finish();
  kernels_->wait_for_gate(streams_[0]);
  fill(streams_[0], block.get(), mebi_words, 2);
  check(streams_[1], block.get(), mebi_words, 2);
  device_->synchronize(streams_[1], std::chrono::seconds(60));
  kernels_->open_gate();
  wrong_expected_ = mebi_words;
  fill(streams_[0], block.get(), mebi_words, 3);
  order(streams_[0], streams_[1]);
  check(streams_[1], block.get(), mebi_words, 3);
  finish();
}

// A stream that was named still writes the block when it is freed and asked for again.
TEST_P(Contents, AStreamNamedByUsedOnIsWaitedFor) {
  Pool pool(*device_, {.mode = GetParam().mode, .limit = 64_MiB});
  void* const block = pool.allocate(8 * mebi_words, streams_[0]);
  fill(streams_[0], block, mebi_words, 1);
  order(streams_[0], streams_[1]);
  kernels_->wait_for_gate(streams_[1]);
  check(streams_[1], block, mebi_words, 1);
  fill(streams_[1], block, mebi_words, 2);
  pool.used_on(block, streams_[1]);
  pool.deallocate(block, streams_[0]);
  void* const next = pool.allocate(8 * mebi_words, streams_[0]);
  fill(streams_[0], next, mebi_words, 3);
  kernels_->open_gate();
  finish();
  check(streams_[0], next, mebi_words, 3);
  pool.deallocate(next, streams_[0]);
}

// The same where only that block's memory can serve: the pool has to wait for the other stream, while it is at work.
TEST_P(Contents, AFreeOnAnotherStreamIsWaitedForWhereMemoryIsShort) {
  Pool pool(*device_, {.mode = GetParam().mode, .limit = 32_MiB, .segment_bytes = 32_MiB});
  constexpr std::size_t words = 30 * mebi_words;
  void* const block = pool.allocate(8 * words, streams_[0]);
  fill(streams_[0], block, words, 1);
  order(streams_[0], streams_[1]);
  kernels_->wait_for_gate(streams_[1]);
  check(streams_[1], block, words, 1);
  pool.deallocate(block, streams_[1]);
  TestThread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    kernels_->open_gate();
  });
  void* const next = pool.allocate(8 * words, streams_[0]);
  fill(streams_[0], next, words, 2);
  check(streams_[0], next, words, 2);
  opener.join();
  pool.deallocate(next, streams_[0]);
  finish();
}

// Pages of blocks that were freed while their last work was queued, moved to where a larger block needs them: the work
// sees what it should, and the new owner's contents stay.
TEST_P(Contents, PagesAreMovedAfterTheWorkThatUsesThem) {
  if (!paged()) GTEST_SKIP() << "segments do not move";
  Pool pool(*device_, {.mode = GetParam().mode, .limit = 48_MiB, .max_handle_bytes = 1});
  const std::size_t page = pool.page_bytes() / 8;
  const std::size_t count = 40_MiB / pool.page_bytes();
  for (std::uint64_t round = 0; round < 4; ++round) {
    const StreamId owner = streams_[round % 2];
    std::vector<void*> blocks;
    for (std::size_t i = 0; i < count; ++i) {
      blocks.push_back(pool.allocate(8 * page, owner));
      fill(owner, blocks[i], page, 1000 * round + i);
    }
    for (std::size_t i = 0; i < count; ++i) {
      check(owner, blocks[i], page, 1000 * round + i);
      if (i % 2 != 0) pool.deallocate(blocks[i], owner);
    }
    const StreamId taker = streams_[2 + round % 2];
    const std::size_t words = count / 2 * page;
    void* const large = pool.allocate(8 * words, taker);
    fill(taker, large, words, 7777 + round);
    for (std::size_t i = 0; i < count; i += 2) check(owner, blocks[i], page, 1000 * round + i);
    check(taker, large, words, 7777 + round);
    for (std::size_t i = 0; i < count; i += 2) pool.deallocate(blocks[i], owner);
    pool.deallocate(large, taker);
  }
  finish();
  EXPECT_GT(pool.statistics().page_remaps, 0u) << "no page was moved";
}

// A block grows while work on it is queued, and gives pages back that other blocks get.
TEST_P(Contents, GrowthInPlaceKeepsWhatIsThere) {
  if (!paged()) GTEST_SKIP() << "segments do not grow in place";
  Pool pool(*device_, {.mode = GetParam().mode, .limit = 512_MiB});
  const StreamId stream = streams_[0];
  const std::size_t page = pool.page_bytes() / 8;
  const BlockHandle block = pool.acquire_growable(8 * 2 * page, 8 * 40 * page, stream);
  std::vector<std::pair<std::size_t, std::size_t>> parts;  // where each begins, and its words; the seed is its number
  std::size_t words = 0;
  const auto at = [&](std::size_t word) { return reinterpret_cast<const void*>(pool.address(block) + 8 * word); };
  const auto grow_to = [&](std::size_t more) {
    parts.emplace_back(words, more - words);
    fill(stream, at(words), more - words, parts.size());
    words = more;
  };
  grow_to(2 * page);
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t pages : {std::size_t{3}, std::size_t{7}, std::size_t{8}, std::size_t{20}, std::size_t{33}}) {
      ASSERT_TRUE(pool.resize(block, 8 * pages * page, stream));
      grow_to(pages * page);
      void* const other = pool.allocate(8 * 3 * page, streams_[1]);
      fill(streams_[1], other, 3 * page, 1000 + pages);
      for (std::size_t i = 0; i < parts.size(); ++i) check(stream, at(parts[i].first), parts[i].second, i + 1);
      check(streams_[1], other, 3 * page, 1000 + pages);
      pool.deallocate(other, streams_[1]);
    }
    ASSERT_TRUE(pool.resize(block, 8 * 2 * page, stream));
    parts.resize(1);
    words = 2 * page;
  }
  pool.release(block, stream);
  finish();
}

// Buffers that grow by a copy, in place, and by moving their pages.
TEST_P(Contents, ABufferKeepsWhatItHoldsWhenItGrows) {
  MemoryManager memory(*device_, {.pool = {.mode = GetParam().mode, .limit = 512_MiB}});
  const StreamId stream = streams_[0];
  auto buffer = memory.create<std::uint64_t>("grown", 1000, {.max_bytes = 128_MiB}, stream);
  std::uint64_t seed = 1;
  fill(stream, buffer.access(stream).data(), buffer.size(), seed);
  for (std::size_t words : {std::size_t{2'000}, std::size_t{40'000}, 3 * mebi_words, 5 * mebi_words, 40 * mebi_words}) {
    if (seed == 3) finish();  // this growth finds it idle
    const std::size_t before = buffer.size();
    auto neighbour = memory.create<std::uint64_t>("next to it", 2 * mebi_words, {}, streams_[1]);
    fill(streams_[1], neighbour.access(streams_[1]).data(), 2 * mebi_words, 100 + seed);
    buffer.resize(words, stream);
    check(stream, buffer.access(stream).data(), before, seed);
    fill(stream, buffer.access(stream).data(), words, ++seed);
    check(streams_[1], neighbour.access(streams_[1]).data(), 2 * mebi_words, 99 + seed);
    memory.free("next to it");
  }
  check(stream, buffer.access(stream).data(), buffer.size(), seed);
  EXPECT_GT(buffer.statistics().resizes, 0u);
  if (!paged()) {
    EXPECT_GT(buffer.statistics().bytes_moved, 0u) << "no growth copied";
  }
  finish();
}

[[nodiscard]] std::vector<std::uint64_t> pattern(std::size_t words, std::uint64_t seed) {
  std::vector<std::uint64_t> made(words);
  for (std::size_t i = 0; i < words; ++i) made[i] = pattern_word(seed, i);
  return made;
}

// Uploads, downloads, and snapshots whose buffer is overwritten at once.
TEST_P(Contents, TransfersKeepTheOrderOfTheirStream) {
  MemoryManager memory(*device_, {.pool = {.mode = GetParam().mode, .limit = 512_MiB}});
  const StreamId stream = streams_[0];
  constexpr std::size_t words = 3 * mebi_words + 17;
  auto buffer = memory.create<std::uint64_t>("copied", words, {.downloads = true}, stream);
  const auto* const data = buffer.access(stream).data();
  for (std::uint64_t seed = 1; seed < 40; seed += 4) {
    fill(stream, data, words, seed);
    memory.start_download(buffer, stream);
    fill(stream, data, words, seed + 1);
    memory.start_download(buffer, stream);
    fill(stream, data, words, seed + 2);
    for (const std::uint64_t each : {seed, seed + 1}) {
      const auto got = memory.wait_for_download(buffer);
      ASSERT_TRUE(std::ranges::equal(got, pattern(words, each))) << "the snapshot of seed " << each;
    }
    ASSERT_EQ(memory.download(buffer, stream), pattern(words, seed + 2));
    memory.upload(buffer, pattern(words, seed + 3), stream);
    check(stream, data, words, seed + 3);
  }
  finish();
}

INSTANTIATE_TEST_SUITE_P(Kinds, Contents, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contents
