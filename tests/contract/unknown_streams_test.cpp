// A stream that never was: whatever takes a stream refuses it, and nothing has changed.
// One that was destroyed gets no memory, but what is freed on it is taken.
#include <functional>
#include <map>
#include <string>

#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

constexpr StreamId never{4'000'000'000u};

class UnknownStreams : public PoolContract {};

TEST_P(UnknownStreams, AreRefusedAtEveryDoorOfAPool) {
  Pool& pool = make_pool();
  void* live = pool.allocate(1_MiB);
  const BlockHandle block = pool.acquire(1_MiB);
  std::map<std::string, std::function<void()>> doors = {
      {"allocate", [&] { static_cast<void>(pool.allocate(4096, never)); }},
      {"allocate of a page", [&] { static_cast<void>(pool.allocate(3_MiB, never)); }},
      {"try_allocate", [&] { static_cast<void>(pool.try_allocate(4096, never)); }},
      {"acquire", [&] { static_cast<void>(pool.acquire(4096, never)); }},
      {"acquire_growable", [&] { static_cast<void>(pool.acquire_growable(3_MiB, 30_MiB, never)); }},
      {"acquire_plain", [&] { static_cast<void>(pool.acquire_plain(4096, never)); }},
      {"resize", [&] { static_cast<void>(pool.resize(block, (512u << 10), never)); }},
      {"deallocate", [&] { pool.deallocate(live, never); }},
      {"release", [&] { pool.release(block, never); }},
      {"used_on an address", [&] { pool.used_on(live, never); }},
      {"used_on a handle", [&] { pool.used_on(block, never); }},
      {"synchronize", [&] { device_->synchronize(never); }},
  };
  if (pooling()) doors["map_ahead"] = [&] { pool.map_ahead(8_MiB, never); };
  for (int round = 0; round < 2; ++round) {
    for (const auto& [name, call] : doors) {
      const Statistics before = pool.statistics();
      EXPECT_THROW(call(), InvalidArgument) << name;
      EXPECT_TRUE(same_but_refusals(before, pool.statistics())) << name;
    }
  }
  pool.deallocate(live);
  pool.release(block);
}

TEST_P(UnknownStreams, OfTheDestroyedOnesTheMemoryIsTaken) {
  Pool& pool = make_pool();
  StreamId gone{};
  void* live = nullptr;
  {
    const Stream stream = device_->stream();
    gone = stream;
    live = pool.allocate(1_MiB, stream);
  }
  EXPECT_THROW(static_cast<void>(pool.allocate(4096, gone)), InvalidArgument);
  EXPECT_THROW(static_cast<void>(pool.try_allocate(4096, gone)), InvalidArgument);
  EXPECT_THROW(pool.used_on(live, gone), InvalidArgument);
  EXPECT_NO_THROW(pool.deallocate(live, gone));
  EXPECT_EQ(pool.statistics().live, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, UnknownStreams, testing::ValuesIn(kinds()), name_of);

class UnknownStreamsOfManagers : public TransferContract {};

TEST_P(UnknownStreamsOfManagers, AreRefusedAtEveryDoor) {
  MemoryManager& memory = make_manager();
  const Bytes data = bytes_of(100'000, 1);
  Bytes back(data.size());
  auto buffer = memory.create<std::uint8_t>("buffer", std::span(data), {.downloads = true});
  const std::map<std::string, std::function<void()>> doors = {
      {"create", [&] { static_cast<void>(memory.create<int>("other", 10, {}, never)); }},
      {"create with data",
       [&] { static_cast<void>(memory.create<std::uint8_t>("other", std::span(data), {}, never)); }},
      {"access", [&] { static_cast<void>(buffer.access(never)); }},
      {"ensure_capacity", [&] { buffer.ensure_capacity(1'000'000, never); }},
      {"upload", [&] { memory.upload(buffer, std::span(data), never); }},
      {"start_upload", [&] { static_cast<void>(memory.start_upload(buffer, std::span(data), never)); }},
      {"download", [&] { memory.download(buffer, std::span(back), never); }},
      {"start_download", [&] { memory.start_download(buffer, never); }},
  };
  for (const auto& [name, call] : doors) {
    const ManagerStatistics before = memory.statistics();
    EXPECT_THROW(call(), InvalidArgument) << name;
    const ManagerStatistics after = memory.statistics();
    EXPECT_TRUE(same_but_refusals(before.pool, after.pool)) << name;
    EXPECT_EQ(after.transfers.uploads, before.transfers.uploads) << name;
    EXPECT_EQ(after.transfers.pinned.live, before.transfers.pinned.live) << name;
  }
  memory.download(buffer, std::span(back));
  EXPECT_EQ(back, data);
}

INSTANTIATE_TEST_SUITE_P(Kinds, UnknownStreamsOfManagers, testing::ValuesIn(kinds_with_contents()), name_of);

}  // namespace
}  // namespace weir::contract
