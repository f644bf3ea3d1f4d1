// Uploads and downloads that are waited for: contents byte for byte, by every way
// that they may take (in place, pinned, written, staged in blocks), with exact
// counts, and typed errors for what makes no sense.
#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

class Transfers : public TransferContract {
 protected:
  /// Contents of `count` bytes go up and come down whole.
  void round_trip(std::size_t count, std::uint64_t seed) {
    const auto buffer = memory_->scoped<std::uint8_t>("round", count);
    const Bytes sent = bytes_of(count, seed);
    memory_->upload(buffer, sent);
    EXPECT_EQ(memory_->download(buffer), sent) << count << " bytes";
  }
};

TEST_P(Transfers, WholeBuffersOfAllSizesComeBack) {
  for (const bool in_place : {false, true}) {
    if (in_place && !device_->info().pointers) continue;
    make_manager({.staging_block_bytes = 4096, .in_place = in_place});
    std::uint64_t seed = 0;
    for (const std::size_t count : {1u, 3u, 511u, 4095u, 4096u, 4097u, 8193u, 65535u, 65536u, 65537u, 100'003u}) {
      round_trip(count, ++seed);
    }
    end_manager();
  }
  make_manager();
  for (const std::size_t count : {1u << 20, (1u << 20) + 1, (3u << 20) + 7}) round_trip(count, count);
}

TEST_P(Transfers, RangesTouchNothingBesideThem) {
  MemoryManager& memory = make_manager({.staging_block_bytes = 4096});
  constexpr std::size_t size = 200'001;
  const auto buffer = memory.create<std::uint8_t>("ranges", bytes_of(size, 1));
  Bytes expected = bytes_of(size, 1);
  std::uint64_t seed = 1;
  for (const auto& [offset, count] : {std::pair<std::size_t, std::size_t>{0, 1},
                                      {size - 1, 1},
                                      {77, 65536},
                                      {99, 65537},
                                      {1, size - 1},
                                      {3000, 9001},
                                      {size, 0}}) {
    const Bytes part = bytes_of(count, ++seed);
    memory.upload(buffer, part, StreamId::legacy_default, {.offset = offset});
    std::copy(part.begin(), part.end(), expected.begin() + static_cast<std::ptrdiff_t>(offset));
    ASSERT_EQ(memory.download(buffer), expected) << count << " at " << offset;
    Bytes window(count + 2, 0xab);  // a byte before and behind, which stay
    memory.download(buffer, std::span(window).subspan(1, count), StreamId::legacy_default, {.offset = offset});
    EXPECT_EQ(window.front(), 0xab);
    EXPECT_EQ(window.back(), 0xab);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), window.begin() + 1));
  }
}

TEST_P(Transfers, OffsetsCountElements) {
  struct Odd {
    std::uint8_t bytes[7];
    bool operator==(const Odd&) const = default;
  };
  MemoryManager& memory = make_manager();
  std::vector<Odd> all(20'000);
  fill_pattern(all.data(), all.size() * sizeof(Odd), 5);
  const auto buffer = memory.create<Odd>("odd", all);
  std::vector<Odd> part(10'001);
  memory.download(buffer, std::span(part), StreamId::legacy_default, {.offset = 9'999});
  EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + 9'999));
  EXPECT_EQ(buffer.statistics().bytes_uploaded, all.size() * 7);
  EXPECT_EQ(buffer.statistics().bytes_downloaded, part.size() * 7);
}

TEST_P(Transfers, CountsAreExact) {
  MemoryManager& memory = make_manager();
  constexpr std::size_t threshold = 64 << 10;
  const auto buffer = memory.create<std::uint8_t>("counted", threshold + 1);
  memory.upload(buffer, bytes_of(threshold, 1));
  EXPECT_EQ(moved().bytes_staged, 0u);  // written by the driver's own way
  EXPECT_EQ(backend_->calls(device::CallKind::write), 1u);
  memory.upload(buffer, bytes_of(threshold + 1, 2));
  EXPECT_EQ(moved().bytes_staged, threshold + 1);
  EXPECT_EQ(backend_->calls(device::CallKind::upload), 1u);
  EXPECT_EQ(memory.download(buffer), bytes_of(threshold + 1, 2));
  EXPECT_EQ(moved().bytes_staged, 2 * (threshold + 1));
  memory.start_upload(buffer, bytes_of(10, 3), StreamId::legacy_default, {.offset = 7}).wait();

  const TransferStatistics all = moved();
  EXPECT_EQ(all.uploads, 3u);
  EXPECT_EQ(all.downloads, 1u);
  EXPECT_EQ(all.asynchronous, 1u);
  EXPECT_EQ(all.bytes_uploaded, threshold + threshold + 1 + 10);
  EXPECT_EQ(all.bytes_downloaded, threshold + 1);
  EXPECT_EQ(all.timeouts, 0u);
  EXPECT_EQ(all.pinned.requested.live, 0u);
  const BufferStatistics own = buffer.statistics();
  EXPECT_EQ(own.uploads, 3u);
  EXPECT_EQ(own.downloads, 1u);
  EXPECT_EQ(own.bytes_uploaded, all.bytes_uploaded);
  EXPECT_EQ(own.bytes_downloaded, all.bytes_downloaded);
}

TEST_P(Transfers, PinnedMemoryIsUsedAsItIs) {
  MemoryManager& memory = make_manager();
  constexpr std::size_t size = 300'001;
  const auto buffer = memory.create<std::uint8_t>("pinned", size);
  const Pinned<std::uint8_t> from = memory.pinned<std::uint8_t>(size);
  ASSERT_EQ(from.size(), size);
  const Bytes sent = bytes_of(size, 9);
  std::copy(sent.begin(), sent.end(), from.begin());
  memory.upload(buffer, from);
  EXPECT_EQ(moved().bytes_staged, 0u);
  const Pinned<std::uint8_t> into = memory.pinned<std::uint8_t>(size);
  memory.download(buffer, std::span(into.data(), size));
  EXPECT_EQ(moved().bytes_staged, 0u);
  EXPECT_TRUE(std::equal(sent.begin(), sent.end(), into.begin()));
  // A window inside it, odd at both ends.
  memory.upload(buffer, std::span<const std::uint8_t>(from.data() + 3, 70'000), StreamId::legacy_default,
                {.offset = 11});
  EXPECT_EQ(moved().bytes_staged, 0u);
  Bytes expected = sent;
  std::copy(sent.begin() + 3, sent.begin() + 70'003, expected.begin() + 11);
  EXPECT_EQ(memory.download(buffer), expected);
  EXPECT_EQ(moved().pinned.requested.live, 2 * size);
}

TEST_P(Transfers, InPlaceNeitherStagesNorQueuesCopies) {
  if (!device_->info().pointers) GTEST_SKIP() << "the host cannot write this device's memory";
  MemoryManager& memory = make_manager({.in_place = true});
  const auto buffer = memory.create<std::uint8_t>("in place", bytes_of(100'000, 1));
  EXPECT_TRUE(memory.start_upload(buffer, bytes_of(70'000, 2), StreamId::legacy_default, {.offset = 5}).done());
  Bytes expected = bytes_of(100'000, 1);
  const Bytes part = bytes_of(70'000, 2);
  std::copy(part.begin(), part.end(), expected.begin() + 5);
  EXPECT_EQ(memory.download(buffer), expected);
  EXPECT_EQ(moved().bytes_staged, 0u);
  for (const auto kind : {device::CallKind::write, device::CallKind::upload, device::CallKind::download}) {
    EXPECT_EQ(backend_->calls(kind), 0u);
  }
}

TEST_P(Transfers, EmptyOnesDoNothing) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("empty", bytes_of(10, 1));
  const std::uint64_t uploads = moved().uploads;
  memory.upload(buffer, {}, StreamId::legacy_default, {.offset = 10});
  memory.download(buffer, std::span<std::uint8_t>(), StreamId::legacy_default, {.offset = 10});
  const Transfer nothing = memory.start_upload(buffer, {}, StreamId::legacy_default, {.offset = 3});
  EXPECT_TRUE(nothing.done());
  nothing.wait(0ns);
  EXPECT_EQ(moved().uploads, uploads);
  EXPECT_EQ(moved().downloads, 0u);
  EXPECT_EQ(memory.pinned<int>(0).size(), 0u);
  EXPECT_EQ(memory.download(buffer), bytes_of(10, 1));
}

TEST_P(Transfers, WindowsOutsideAreRefusedByName) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint32_t>("narrow", 100);
  memory.upload(buffer, std::vector<std::uint32_t>(100, 7));
  const std::vector<std::uint32_t> data(101, 9);
  std::vector<std::uint32_t> into(101);
  const std::span<const std::uint32_t> all(data);
  expect_error<InvalidArgument>("narrow", [&] { memory.upload(buffer, all); });
  expect_error<InvalidArgument>(
      "narrow", [&] { memory.upload(buffer, all.first(1), StreamId::legacy_default, {.offset = 100}); });
  expect_error<InvalidArgument>("narrow",
                                [&] { memory.upload(buffer, {}, StreamId::legacy_default, {.offset = 101}); });
  expect_error<InvalidArgument>(
      "narrow", [&] { memory.upload(buffer, all.first(2), StreamId::legacy_default, {.offset = SIZE_MAX}); });
  expect_error<InvalidArgument>("narrow", [&] {
    static_cast<void>(memory.start_upload(buffer, all.first(50), StreamId::legacy_default, {.offset = 51}));
  });
  expect_error<InvalidArgument>("narrow", [&] { memory.download(buffer, std::span(into)); });
  expect_error<InvalidArgument>("narrow", [&] {
    memory.download(buffer, std::span(into).first(1), StreamId::legacy_default, {.offset = SIZE_MAX});
  });
  EXPECT_EQ(memory.download(buffer), std::vector<std::uint32_t>(100, 7));
  // Capacity that is not in use is outside too.
  memory.free("narrow");
  expect_error<StaleHandle>("narrow", [&] { memory.upload(buffer, all.first(1)); });
  expect_error<StaleHandle>("narrow", [&] { memory.download(buffer, std::span(into).first(1)); });
  expect_error<StaleHandle>("narrow", [&] { static_cast<void>(memory.start_upload(buffer, all.first(1))); });
}

TEST_P(Transfers, AnotherManagersBufferIsRefused) {
  MemoryManager& memory = make_manager();
  MemoryManager other(*device_, {.name = "other", .pool = {.mode = GetParam().mode, .limit = 64_MiB}});
  const auto buffer = other.create<std::uint8_t>("foreign", 10);
  expect_error<InvalidArgument>("foreign", [&] { memory.upload(buffer, bytes_of(10, 1)); });
  // Another manager's pinned memory is as good as ordinary memory.
  const Pinned<std::uint8_t> pinned = other.pinned<std::uint8_t>(100'000);
  fill_pattern(pinned.data(), pinned.size(), 4);
  const auto own = memory.create<std::uint8_t>("own", 100'000);
  memory.upload(own, pinned);
  EXPECT_EQ(moved().bytes_staged, 100'000u);
  EXPECT_EQ(memory.download(own), bytes_of(100'000, 4));
}

TEST_P(Transfers, PinnedMemoryHasALimit) {
  MemoryManager& memory = make_manager({.pinned_limit = 8_MiB});
  const auto buffer = memory.create<std::uint8_t>("limited", bytes_of(100'000, 1));
  {
    const Pinned<std::uint8_t> most = memory.pinned<std::uint8_t>(8_MiB);
    const auto refused = caught<LimitExceeded>([&] { static_cast<void>(memory.pinned<std::uint8_t>(1)); });
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->facts().limit, 8_MiB);
    EXPECT_EQ(refused->facts().bytes_asked, 1u);
    // Staging finds none either, and nothing changes.
    static_cast<void>(caught<LimitExceeded>([&] { memory.upload(buffer, bytes_of(100'000, 2)); }));
    static_cast<void>(caught<LimitExceeded>([&] { static_cast<void>(memory.download(buffer)); }));
    static_cast<void>(
        caught<LimitExceeded>([&] { static_cast<void>(memory.start_upload(buffer, bytes_of(100'000, 2))); }));
    memory.upload(buffer, bytes_of(1000, 3));  // needs none
  }
  Bytes expected = bytes_of(100'000, 1);
  fill_pattern(expected.data(), 1000, 3);
  EXPECT_EQ(memory.download(buffer), expected);
  const auto overflow = caught<InvalidArgument>([&] { static_cast<void>(memory.pinned<double>(SIZE_MAX / 2)); });
  ASSERT_TRUE(overflow);
  EXPECT_EQ(overflow->facts().name, "memory");
}

TEST_P(Transfers, IdlePinnedMemoryGoesBack) {
  if (GetParam().mode == PoolMode::off) GTEST_SKIP() << "once is enough";
  MemoryManager& memory = make_manager();
  static_cast<void>(memory.pinned<std::uint8_t>(1_MiB));
  EXPECT_GT(backend_->balance().pinned_bytes, 0u);
  clock_.advance(31s);
  memory.maintain();
  EXPECT_EQ(backend_->balance().pinned_bytes, 0u);
}

TEST_P(Transfers, OptionsThatMakeNoSenseAreRefused) {
  for (const TransferOptions& options :
       {TransferOptions{.staging_threshold = (64 << 10) + 1}, TransferOptions{.staging_block_bytes = 4095}}) {
    const auto refused = caught<InvalidArgument>([&] { make_manager(options); });
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->facts().name, "memory");
  }
  EXPECT_EQ(memory_, nullptr);
  make_manager({.staging_threshold = 0, .staging_block_bytes = 4096});
  round_trip(1, 1);
  EXPECT_EQ(moved().bytes_staged, 2u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Transfers, testing::ValuesIn(kinds_with_contents()), name_of);

// Counts, limits and errors need no contents.
class TransfersOfNothing : public TransferContract {};

TEST_P(TransfersOfNothing, AreCounted) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("dry", 200'000, {.downloads = true});
  memory.upload(buffer, Bytes(200'000));
  static_cast<void>(memory.download(buffer));
  memory.start_download(buffer);
  EXPECT_EQ(memory.wait_for_download(buffer).size(), 200'000u);
  EXPECT_EQ(moved().bytes_uploaded, 200'000u);
  EXPECT_EQ(moved().bytes_downloaded, 400'000u);
  EXPECT_EQ(moved().bytes_staged, 400'000u);
}

TEST_P(TransfersOfNothing, InPlaceIsUnsupportedWithoutPointers) {
  if (device_->info().pointers) GTEST_SKIP() << "this device has pointers";
  const auto refused = caught<Unsupported>([&] { make_manager({.in_place = true}); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->facts().name, "memory");
}

INSTANTIATE_TEST_SUITE_P(Kinds, TransfersOfNothing, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
