// Buffers that are spilled to the host when device memory runs short: which ones, when they may not be, and that they
// come back with their contents in the order of the stream that uses them.
#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "contract/keeping_sink.hpp"
#include "contract/spilling.hpp"

namespace weir::contract {
namespace {

TEST_P(Spilling, AWorkingSetOfOneAndAHalfDevicesCompletes) {
  MemoryManager& memory = make();
  std::vector<Words> buffers;
  for (std::uint32_t i = 0; i < 6; ++i) buffers.push_back(create(memory, "buffer " + std::to_string(i), i));
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t i = 0; i < 6; ++i) expect_contents(memory, buffers[i], i);
  }
  const ManagerStatistics now = memory.statistics();
  EXPECT_LE(now.pool.reserved.peak, limit);
  EXPECT_GE(now.transfers.spilled, 4_MiB);
  EXPECT_GE(now.transfers.spills, 2u + 3 * 2);
  EXPECT_EQ(now.transfers.bytes_spilled - now.transfers.bytes_returned, now.transfers.spilled);
  EXPECT_EQ(now.pool.requested.live + now.transfers.spilled, 12_MiB);
  EXPECT_EQ(memory.check_leaks().bytes, 12_MiB);
  EXPECT_EQ(memory.check_leaks().blocks, 6u);
  for (const Words& buffer : buffers) memory.free(buffer);
  EXPECT_EQ(memory.statistics().transfers.spilled, 0u);
}

TEST_P(Spilling, TakesTheLeastRecentlyUsedFirst) {
  MemoryManager& memory = make();
  const Words first = create(memory, "first", 1);
  const Words second = create(memory, "second", 2);
  const Words third = create(memory, "third", 3);
  expect_contents(memory, first, 1);
  create(memory, "fourth", 4);
  create(memory, "fifth", 5);
  EXPECT_EQ(first.residency(), Residency::device);
  EXPECT_EQ(second.residency(), Residency::host);
  EXPECT_EQ(third.residency(), Residency::device);
  EXPECT_EQ(second.statistics().allocated, 0u);
  EXPECT_EQ(second.statistics().requested, 2_MiB);
  EXPECT_EQ(second.statistics().spills, 1u);
  expect_contents(memory, second, 2);
  EXPECT_EQ(second.residency(), Residency::device);
  EXPECT_EQ(third.residency(), Residency::host);
}

TEST_P(Spilling, LeavesBuffersWhoseAddressIsOut) {
  MemoryManager& memory = make();
  std::vector<Words> held;
  for (std::uint32_t i = 0; i < 4; ++i) {
    held.push_back(create(memory, "held " + std::to_string(i), i));
    EXPECT_EQ(held.back().access().size(), words);
  }
  const std::uint64_t address = held[1].access().address();
  EXPECT_THROW(create(memory, "further", 9), LimitExceeded);
  held[3].end_access();
  create(memory, "further", 9);
  EXPECT_EQ(held[3].residency(), Residency::host);
  EXPECT_EQ(held[1].access().address(), address);
  for (std::uint32_t i = 0; i < 3; ++i) expect_contents(memory, held[i], i);
}

TEST_P(Spilling, LeavesBuffersThatAreInUse) {
  MemoryManager& memory = make();
  const Words idle = create(memory, "idle", 1);
  const Words used = create(memory, "used", 2);
  expect_contents(memory, idle, 1);  // so that `used` is next
  {
    const BufferUse<std::uint32_t> use = used.use();
    EXPECT_EQ(use.size(), words);
    for (std::uint32_t i = 3; i < 6; ++i) create(memory, "buffer " + std::to_string(i), i);
    EXPECT_EQ(used.residency(), Residency::device);
    EXPECT_EQ(idle.residency(), Residency::host);
  }
  expect_contents(memory, idle, 1);
  EXPECT_EQ(used.residency(), Residency::host);
  expect_contents(memory, used, 2);
}

TEST_P(Spilling, LeavesPersistentAndPlainBuffers) {
  MemoryManager& memory = make();
  const Words persistent = create(memory, "persistent", 1, {.persistent = true});
  const Words plain = create(memory, "plain", 2, {.plain = true});
  for (std::uint32_t i = 3; i < 7; ++i) create(memory, "buffer " + std::to_string(i), i);
  EXPECT_EQ(persistent.residency(), Residency::device);
  EXPECT_EQ(plain.residency(), Residency::device);
  expect_contents(memory, persistent, 1);
  expect_contents(memory, plain, 2);
}

TEST_P(Spilling, IsOffUnlessAskedFor) {
  MemoryManager& memory = make(0);
  for (std::uint32_t i = 0; i < 4; ++i) create(memory, "buffer " + std::to_string(i), i);
  EXPECT_THROW(create(memory, "fifth", 5), LimitExceeded);
  EXPECT_EQ(memory.statistics().transfers.spills, 0u);
}

TEST_P(Spilling, LeavesTransfersTheirPinnedMemory) {
  MemoryManager& memory =
      make_manager({.pool = {.limit = limit}, .transfers = {.pinned_limit = 8_MiB, .spill_limit = 16_MiB}});
  std::vector<Words> buffers;
  for (std::uint32_t i = 0; i < 9; ++i) buffers.push_back(create(memory, "buffer " + std::to_string(i), i));
  EXPECT_GE(memory.statistics().transfers.spilled, 10_MiB);
  for (std::uint32_t i = 0; i < 9; ++i) expect_contents(memory, buffers[i], i);
}

TEST_P(Spilling, MovesWhatIsMissingAndNothingWhereThatWouldNotDo) {
  MemoryManager& memory = make();
  for (std::uint32_t i = 0; i < 3; ++i) create(memory, "buffer " + std::to_string(i), i);
  memory.free("buffer 2");  // 4 of 8 MiB are free
  EXPECT_EQ(memory.create<std::uint32_t>("large", 5 * words / 2).size(), 5 * words / 2);
  EXPECT_EQ(memory.statistics().transfers.spills, 1u);
  memory.free("large");
  create(memory, "persistent", 3, {.persistent = true});
  EXPECT_THROW(memory.create<std::uint32_t>("too large", 7 * words / 2), LimitExceeded);
  EXPECT_EQ(memory.statistics().transfers.spills, 1u);
}

TEST_P(Spilling, ABufferOnTheHostShrinksThere) {
  MemoryManager& memory = make(2_MiB);
  Words first = create(memory, "first", 1);
  for (std::uint32_t i = 2; i < 6; ++i) static_cast<void>(create(memory, "buffer " + std::to_string(i), i).access());
  ASSERT_EQ(first.residency(), Residency::host);
  first.resize(100);
  first.shrink();  // there is no memory to bring it back
  EXPECT_EQ(first.residency(), Residency::host);
  EXPECT_EQ(first.capacity(), 100u);
  memory.free("buffer 2");
  std::vector<std::uint32_t> few = contents(1);
  few.resize(100);
  EXPECT_TRUE(memory.download(first) == few || GetParam().backend == "dry");
}

// What a queued function owns ends on a thread that another's spill may wait for.
// The copy to the host goes on where its wait ended: the buffer is not reused before it is done.
TEST_P(Spilling, IsLogged) {
  KeepingSink sink(LogLevel::info);
  MemoryManager& memory = make_manager({.pool = {.limit = limit, .log = &sink}, .transfers = {.spill_limit = 64_MiB}});
  const Words first = create(memory, "first", 1);
  for (std::uint32_t i = 2; i < 6; ++i) create(memory, "buffer " + std::to_string(i), i);
  ASSERT_EQ(sink.of(LogEvent::spill).size(), 1u);
  EXPECT_EQ(sink.of(LogEvent::spill)[0].text, "buffer \"first\" was spilled to the host");
  expect_contents(memory, first, 1);
  ASSERT_EQ(sink.of(LogEvent::spill).size(), 3u);  // another one goes, and it comes back
  EXPECT_EQ(sink.of(LogEvent::spill)[2].text, "buffer \"first\" came back to the device");
  end_manager(memory);
}

TEST_P(Spilling, EndsAtItsLimitWithNothingLost) {
  MemoryManager& memory = make(4_MiB);
  std::vector<Words> buffers;
  for (std::uint32_t i = 0; i < 6; ++i) buffers.push_back(create(memory, "buffer " + std::to_string(i), i));
  const Said said = error_of<LimitExceeded>([&] { create(memory, "further", 9); });
  EXPECT_TRUE(says(said, {"buffer 5", "limit of 8.00 MiB"}));
  EXPECT_EQ(memory.statistics().transfers.spilled, 4_MiB);
  std::vector<std::uint32_t> here;  // the last four, but for one whose work was seen to be done later
  std::vector<std::uint32_t> there;
  for (std::uint32_t i = 0; i < 6; ++i) (buffers[i].residency() == Residency::device ? here : there).push_back(i);
  ASSERT_EQ(here.size(), 4u);
  for (const std::uint32_t i : here) expect_contents(memory, buffers[i], i);
  // What is on the host comes back as soon as there is memory for it.
  for (const std::size_t i : {0, 1}) {
    memory.free(buffers[here[i]]);
    expect_contents(memory, buffers[there[i]], there[i]);
  }
}

TEST_P(Spilling, MakesRoomForAGrowingBuffer) {
  MemoryManager& memory = make();
  Words grows = create(memory, "grows", 1, {.growth = 1.0});
  const Words other = create(memory, "other", 2);
  const Words third = create(memory, "third", 3);
  grows.resize(2 * words);
  std::vector<std::uint32_t> half = memory.download(grows);
  half.resize(words);
  if (GetParam().backend != "dry") {
    EXPECT_TRUE(half == contents(1));
  }
  expect_contents(memory, other, 2);
  expect_contents(memory, third, 3);
}

TEST_P(Spilling, BuffersOnTheHostChangeTheirSize) {
  MemoryManager& memory = make();
  Words first = create(memory, "first", 1);
  for (std::uint32_t i = 2; i < 6; ++i) create(memory, "buffer " + std::to_string(i), i);
  ASSERT_EQ(first.residency(), Residency::host);
  first.resize(words / 2);
  first.shrink();
  first.resize(words);
  EXPECT_EQ(first.residency(), Residency::host);
  std::vector<std::uint32_t> half = memory.download(first);
  EXPECT_EQ(first.residency(), Residency::device);
  std::vector<std::uint32_t> expected = contents(1);
  half.resize(words / 2);
  expected.resize(words / 2);
  if (GetParam().backend != "dry") {
    EXPECT_TRUE(half == expected);
  }
}

TEST_P(Spilling, WaitsForTheWorkThatUsesABuffer) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code that could write the buffer";
  MemoryManager& memory = make();
  Stream stream = device_->stream();
  const Words first = create(memory, "first", 1);
  std::promise<void> open;
  device_->run(stream, [gate = open.get_future().share()] { gate.wait(); });
  {
    const BufferUse<std::uint32_t> use = first.use(stream);
    device_->run(stream, [to = use.data()] {
      const std::vector<std::uint32_t> late = contents(7);
      std::copy(late.begin(), late.end(), to);
    });
  }
  for (std::uint32_t i = 2; i < 5; ++i) {
    static_cast<void>(create(memory, "buffer " + std::to_string(i), i).access());  // so that `first` alone can go
  }
  std::jthread opener([&] {
    std::this_thread::sleep_for(20ms);
    open.set_value();
  });
  create(memory, "fifth", 5);
  EXPECT_EQ(first.residency(), Residency::host);
  memory.free("buffer 2");
  expect_contents(memory, first, 7);
}

TEST_P(Spilling, BringsBuffersBackInTheOrderOfTheStream) {
  MemoryManager& memory = make();
  Stream one = device_->stream();
  Stream other = device_->stream();
  const Words first = create(memory, "first", 1);
  for (std::uint32_t i = 2; i < 6; ++i) create(memory, "buffer " + std::to_string(i), i);
  ASSERT_EQ(first.residency(), Residency::host);
  const BufferUse<std::uint32_t> use = first.use(one);
  expect_contents(memory, first, 1, other);
  expect_contents(memory, first, 1, one);
}

TEST_P(Spilling, KeepsDownloadsThatWereStarted) {
  MemoryManager& memory = make();
  const Words first = create(memory, "first", 1, {.downloads = true});
  const Words second = create(memory, "second", 2);
  memory.start_download(first);
  for (std::uint32_t i = 3; i < 6; ++i) create(memory, "buffer " + std::to_string(i), i);
  const auto frame = memory.wait_for_download(first);
  if (GetParam().backend != "dry") {
    EXPECT_TRUE(std::vector<std::uint32_t>(frame.begin(), frame.end()) == contents(1));
  }
  expect_contents(memory, second, 2);
  expect_contents(memory, first, 1);
}

TEST_P(Spilling, TensorsGoUntilTheyAreAccessed) {
  MemoryManager& memory = make();
  TensorPool tensors(memory);
  std::vector<Tensor> all;
  for (std::uint32_t i = 0; i < 6; ++i) {
    clock_.advance(1ms);
    all.push_back(tensors.acquire<std::uint32_t>({words}));
    memory.upload(all.back().buffer<std::uint32_t>(), contents(i));
  }
  EXPECT_GE(memory.statistics().transfers.spilled, 4_MiB);
  for (std::uint32_t i = 0; i < 6; ++i) {
    const BufferUse<std::uint32_t> use = all[i].use<std::uint32_t>();
    EXPECT_EQ(use.size(), words);
    expect_contents(memory, all[i].buffer<std::uint32_t>(), i);
  }
  const Tensor& kept = all[2];
  const std::uint64_t address = kept.access<std::uint32_t>().address();
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < 6; ++i) expect_contents(memory, all[i].buffer<std::uint32_t>(), i);
  }
  EXPECT_EQ(kept.buffer<std::uint32_t>().residency(), Residency::device);
  EXPECT_EQ(kept.access<std::uint32_t>().address(), address);
  for (const Tensor& each : all) tensors.release(each);
  EXPECT_EQ(tensors.statistics().live, 0u);
  EXPECT_EQ(memory.statistics().transfers.spilled, 0u);
  tensors.preallocate(std::vector<TensorDemand>{{{words}, DType::uint32, 4}}, StreamId::legacy_default);
  EXPECT_THROW(tensors.preallocate(std::vector<TensorDemand>{{{words}, DType::uint32, 5}}, StreamId::legacy_default),
               LimitExceeded)
      << "what was made ready is not spilled for what is to be made ready";
}

TEST_P(Spilling, ScopesGoUntilTheyAreAccessed) {
  MemoryManager& memory = make();
  const PoolingScope scope =
      memory.scope("scope", words / 2, {scope_column<std::uint32_t>("a"), scope_column<std::uint32_t>("b")});
  std::vector<std::uint32_t> half = contents(1);
  half.resize(words / 2);
  memory.upload(scope.memory(), std::as_bytes(std::span(half)), StreamId::legacy_default,
                {.offset = scope.offset("b")});
  for (std::uint32_t i = 2; i < 6; ++i) create(memory, "buffer " + std::to_string(i), i);
  ASSERT_EQ(scope.memory().residency(), Residency::host);
  {
    const ColumnUse<std::uint32_t> use = scope.use<std::uint32_t>("b");
    EXPECT_EQ(use.size(), words / 2);
    EXPECT_EQ(use.span().address() % PoolingScope::alignment, 0u);
    EXPECT_EQ(scope.memory().residency(), Residency::device);
    std::vector<std::byte> found(half.size() * sizeof(half[0]));
    memory.download(scope.memory(), std::span(found), StreamId::legacy_default, {.offset = scope.offset("b")});
    EXPECT_TRUE(GetParam().backend == "dry" || std::ranges::equal(found, std::as_bytes(std::span(half))));
  }
  for (std::uint32_t i = 2; i < 6; ++i)
    expect_contents(memory, memory.find<std::uint32_t>("buffer " + std::to_string(i)), i);
  EXPECT_EQ(scope.memory().residency(), Residency::host);
  static_cast<void>(scope.access<std::uint32_t>("a"));
  for (std::uint32_t i = 2; i < 6; ++i)
    expect_contents(memory, memory.find<std::uint32_t>("buffer " + std::to_string(i)), i);
  EXPECT_EQ(scope.memory().residency(), Residency::device);
}

TEST_P(Spilling, ARefusalSaysWhichBytesAddressesKeep) {
  MemoryManager& memory = make();
  std::vector<Words> held;
  for (std::uint32_t i = 0; i < 4; ++i) held.push_back(create(memory, "held " + std::to_string(i), i));
  for (std::uint32_t i = 0; i < 3; ++i) static_cast<void>(held[i].access());
  const auto too_large = [&] { return memory.create<std::uint32_t>("too large", 2 * words); };
  EXPECT_TRUE(says(error_of<LimitExceeded>(too_large), {"6.00 MiB cannot be spilled", "end_access()"}));
  EXPECT_TRUE(says(error_of<LimitExceeded>([&] { static_cast<void>(memory.pool().allocate(4_MiB)); }),
                   {"6.00 MiB cannot be spilled"}));
  for (std::uint32_t i = 0; i < 3; ++i) held[i].end_access();
  EXPECT_EQ(too_large().size(), 2 * words);
}

TEST_P(Spilling, MakesRoomForOtherLibraries) {
  MemoryManager& memory = make();
  std::vector<Words> buffers;
  for (std::uint32_t i = 0; i < 4; ++i) buffers.push_back(create(memory, "buffer " + std::to_string(i), i));
  {
    const ExternalBytes booked = memory.book_external(4_MiB);
    const ManagerStatistics now = memory.statistics();
    EXPECT_EQ(now.transfers.spilled, 4_MiB);
    EXPECT_LE(now.pool.reserved.live + now.pool.external, limit);
    for (const Words& each : {buffers[2], buffers[3]}) static_cast<void>(each.access());
    const Said said = error_of<LimitExceeded>([&] { create(memory, "further", 9); });
    EXPECT_TRUE(says(said, {"8.00 MiB of the limit of 8.00 MiB are in use, 4.00 MiB of these by other libraries"}));
  }
  for (std::uint32_t i = 0; i < 4; ++i) expect_contents(memory, buffers[i], i);
}

// A call fails, or all do from it on, and at the end every buffer that was made has what was put into it.
INSTANTIATE_TEST_SUITE_P(Kinds, Spilling, testing::ValuesIn(manager_kinds()), name_of);

}  // namespace
}  // namespace weir::contract
