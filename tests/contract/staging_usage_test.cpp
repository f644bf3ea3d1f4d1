// Buffers of the host: pinned memory under a name, which the host uses in place and the device copies from and to.
#include <cstring>

#include <weir/errors.hpp>

#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t staged = 300'000;

class StagingUsage : public TransferContract {
 protected:
  static constexpr BufferOptions up_{.usage = Usage::staging_upload};
  static constexpr BufferOptions down_{.usage = Usage::staging_download};

  static void fill(const BufferHandle<std::uint8_t>& buffer, std::uint64_t seed) {
    fill_pattern(buffer.access().data(), buffer.size(), seed);
  }
};

TEST_P(StagingUsage, WhatTheHostWritesGetsToTheDeviceAndBack) {
  MemoryManager& memory = make_manager();
  const auto up = memory.create<std::uint8_t>("up", staged, up_);
  const auto data = memory.create<std::uint8_t>("data", staged);
  const auto down = memory.create<std::uint8_t>("down", staged, down_);
  for (std::uint64_t seed = 1; seed < 4; ++seed) {
    fill(up, seed);
    memory.copy(data, memory, up);
    memory.copy(down, memory, data);
    EXPECT_TRUE(has_pattern(down.access().data(), staged, seed));
    EXPECT_EQ(memory.download(data), bytes_of(staged, seed));
  }
  EXPECT_EQ(moved().bytes_staged, staged * 3);  // by download() alone: the copies go straight
}

TEST_P(StagingUsage, ItIsPinnedMemoryAndCountsThere) {
  MemoryManager& memory = make_manager({.pinned_limit = 8 << 20});
  const auto buffer = memory.create<std::uint8_t>("up", staged, up_);
  EXPECT_EQ(memory.statistics().pool.reserved.live, 0u);
  EXPECT_EQ(moved().pinned.requested.live, staged);
  EXPECT_EQ(memory.check_leaks().blocks, 1u);
  EXPECT_EQ(memory.check_leaks().bytes, staged);
  const auto error =
      caught<LimitExceeded>([&] { static_cast<void>(memory.create<std::uint8_t>("more", 8 << 20, down_)); });
  EXPECT_TRUE(error && error->facts().name == "more" && error->facts().limit == 8u << 20);
  memory.free("up");
  EXPECT_TRUE(staging_comes_back());
}

TEST_P(StagingUsage, UploadsDownloadsAndBatchesWorkAsOnOthers) {
  MemoryManager& memory = make_manager();
  for (const BufferOptions& options : {up_, down_}) {
    const auto buffer = memory.create<std::uint8_t>("host", bytes_of(staged, 1), options);
    EXPECT_EQ(memory.download(buffer), bytes_of(staged, 1));
    memory.start_upload(buffer, bytes_of(staged, 2)).wait();
    EXPECT_TRUE(has_pattern(buffer.access().data(), staged, 2));
    Batch batch(memory);
    batch.update(buffer, bytes_of(staged / 2, 3));
    batch.read(buffer, 0, staged / 2);
    const auto results = batch.submit(StreamId::legacy_default, {.all_or_nothing = true});
    ASSERT_EQ(results.size(), 2u);
    EXPECT_TRUE(std::ranges::equal(results[1].data<std::uint8_t>(), bytes_of(staged / 2, 3)));
    memory.free(buffer);
  }
}

TEST_P(StagingUsage, ABatchThatFailsPutsItBack) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("host", bytes_of(staged, 1), up_);
  const auto other = memory.create<std::uint8_t>("other", 10);
  Batch batch(memory);
  batch.update(buffer, bytes_of(staged, 2));
  batch.read(other, 5, 10);  // past its end
  const auto results = batch.submit(StreamId::legacy_default, {.all_or_nothing = true});
  EXPECT_FALSE(results[0].ok());
  EXPECT_EQ(memory.download(buffer), bytes_of(staged, 1));
}

TEST_P(StagingUsage, ItGrowsAndShrinksWithItsContents) {
  MemoryManager& memory = make_manager();
  auto buffer = memory.create<std::uint8_t>("host", bytes_of(staged, 1), up_);
  const Stream stream = device_->stream();
  static_cast<void>(buffer.access(stream));
  EXPECT_TRUE(buffer.ensure_capacity(3 * staged, stream));
  EXPECT_TRUE(has_pattern(buffer.access().data(), staged, 1));
  buffer.shrink();
  EXPECT_TRUE(has_pattern(buffer.access().data(), staged, 1));
  EXPECT_EQ(memory.download(buffer), bytes_of(staged, 1));
}

// A buffer that is freed while work may still read it gives its memory to nobody before that is done.
TEST_P(StagingUsage, MemoryThatAStreamUsesIsNotHandedOut) {
  MemoryManager& memory = make_manager();
  Stream stream = device_->stream();
  auto one = memory.create<std::uint8_t>("one", bytes_of(staged, 1), up_);
  const std::uint8_t* const first = one.access(stream).data();
  {
    const Gate gate(*device_, stream);
    memory.free("one");
    const auto two = memory.create<std::uint8_t>("two", staged, up_);
    EXPECT_NE(two.access().data(), first);
    fill(two, 2);
    EXPECT_TRUE(has_pattern(first, staged, 1));
  }
}

TEST_P(StagingUsage, WhatMakesNoSenseIsRefused) {
  MemoryManager& memory = make_manager();
  expect_error<InvalidArgument>("no", [&] {
    static_cast<void>(memory.create<int>("no", 10, {.usage = Usage::staging_download, .downloads = true}));
  });
  expect_error<InvalidArgument>(
      "no", [&] { static_cast<void>(memory.create<int>("no", 10, {.usage = static_cast<Usage>(99)})); });
  EXPECT_FALSE(memory.contains("no"));
}

INSTANTIATE_TEST_SUITE_P(Kinds, StagingUsage, testing::ValuesIn(kinds_with_contents()), name_of);

}  // namespace
}  // namespace weir::contract
