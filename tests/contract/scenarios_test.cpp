// The scenarios by which an earlier manager of buffers was tested, one test each, by the
// names of its list. It compared lengths; here every byte that was moved is compared.
#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

class Scenarios : public TransferContract {
 protected:
  [[nodiscard]] bool pooling() const { return GetParam().mode != PoolMode::off; }
  [[nodiscard]] Bytes contents(const BufferHandle<std::uint8_t>& buffer) const { return memory_->download(buffer); }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Scenarios, testing::ValuesIn(kinds_with_contents()), name_of);

TEST_P(Scenarios, Creation) {
  MemoryManager& memory = make_manager();
  const Bytes given = bytes_of(10'007, 1);
  const auto with_contents = memory.create<std::uint8_t>("with contents", given);
  const auto bare = memory.create<float>("bare", 1000, {.usage = Usage::storage_read_only});
  EXPECT_EQ(contents(with_contents), given);
  EXPECT_EQ(bare.size(), 1000u);
  EXPECT_EQ(bare.statistics().requested, 4000u);
  EXPECT_EQ(memory.find<std::uint8_t>("with contents"), with_contents);
  EXPECT_EQ(memory.statistics().buffers, 2u);
}

TEST_P(Scenarios, Pooling) {
  MemoryManager& memory = make_manager();
  const auto first = memory.create<std::uint8_t>("first", bytes_of(1_MiB, 1));
  const auto kept = memory.create<std::uint8_t>("kept", bytes_of(1_MiB, 2));
  memory.free(first);
  const std::uint64_t misses = memory.statistics().pool.misses;
  const auto second = memory.create<std::uint8_t>("second", bytes_of(1_MiB, 3));
  if (pooling()) {
    EXPECT_EQ(memory.statistics().pool.misses, misses);
  }
  EXPECT_EQ(contents(second), bytes_of(1_MiB, 3));  // what was there before is not seen
  EXPECT_EQ(contents(kept), bytes_of(1_MiB, 2));
}

TEST_P(Scenarios, AsynchronousUpdateAndRead) {
  MemoryManager& memory = make_manager();
  const Stream stream = device_->stream();
  const auto buffer = memory.create<std::uint8_t>("buffer", bytes_of(200'000, 1), {.downloads = true});
  const Bytes update = bytes_of(150'001, 2);
  Bytes expected = bytes_of(200'000, 1);
  std::copy(update.begin(), update.end(), expected.begin() + 777);
  const Transfer written = memory.start_upload(buffer, update, stream, {.offset = 777});
  memory.start_download(buffer, stream);
  const Transfer overwritten = memory.start_upload(buffer, bytes_of(200'000, 3), stream);
  const auto read = memory.wait_for_download(buffer);
  EXPECT_TRUE(std::equal(read.begin(), read.end(), expected.begin(), expected.end()));
  written.wait();
  overwritten.wait();
  EXPECT_EQ(memory.download(buffer, stream), bytes_of(200'000, 3));
  EXPECT_GE(moved().asynchronous, 3u);
}

TEST_P(Scenarios, MemoryTracking) {
  MemoryManager& memory = make_manager();
  const auto one = memory.create<std::uint8_t>("one", bytes_of(3000, 1));
  const auto two = memory.create<double>("two", 1000);
  EXPECT_EQ(memory.statistics().pool.requested.live, 11'000u);
  EXPECT_EQ(memory.check_leaks().blocks, 2u);
  EXPECT_EQ(memory.check_leaks().bytes, 11'000u);
  memory.free(two);
  const Statistics known = memory.statistics().pool;
  EXPECT_EQ(known.requested.live, 3000u);
  EXPECT_EQ(known.requested.peak, 11'000u);
  EXPECT_EQ(known.requested.cumulative, 11'000u);
  EXPECT_GE(known.reserved.live, known.allocated.live);
  EXPECT_EQ(one.statistics().bytes_uploaded, 3000u);
  EXPECT_EQ(contents(one), bytes_of(3000, 1));
  EXPECT_EQ(one.statistics().bytes_downloaded, 3000u);
}

TEST_P(Scenarios, Validation) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("buffer", bytes_of(1000, 1));
  expect_error<InvalidArgument>("none", [&] { memory.create<float>("none", 0); });
  expect_error<InvalidArgument>("buffer", [&] { memory.create<float>("buffer", 1); });
  expect_error<InvalidArgument>("growing", [&] { memory.create<float>("growing", 1, {.growth = 0.5}); });
  expect_error<LimitExceeded>("large", [&] { memory.create<float>("large", 1000, {.max_bytes = 3999}); });
  expect_error<InvalidArgument>("buffer", [&] { memory.upload(buffer, bytes_of(1001, 2)); });
  expect_error<InvalidArgument>(
      "buffer", [&] { memory.upload(buffer, bytes_of(10, 2), StreamId::legacy_default, {.offset = 991}); });
  expect_error<TypeMismatch>("buffer", [&] { static_cast<void>(memory.find<float>("buffer")); });
  EXPECT_TRUE(buffer.validate(990, 10));
  EXPECT_FALSE(buffer.validate(991, 10));
  EXPECT_EQ(contents(buffer), bytes_of(1000, 1));
  EXPECT_EQ(memory.statistics().buffers, 1u);
}

TEST_P(Scenarios, ErrorHandling) {
  MemoryManager& memory = make_manager({}, 32_MiB);
  const auto buffer = memory.create<std::uint8_t>("buffer", bytes_of(1_MiB, 1));
  const auto refused = caught<LimitExceeded>([&] { memory.create<std::uint8_t>("large", 33_MiB); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->facts().name, "large");
  EXPECT_EQ(refused->facts().bytes_asked, 33_MiB);
  expect_error<NotFound>("large", [&] { memory.free("large"); });
  backend_->fail(1, device::FaultyBackend::Fault::driver_error, device::CallKind::upload);
  EXPECT_THROW(memory.upload(buffer, bytes_of(1_MiB, 2)), Error);
  memory.upload(buffer, bytes_of(1_MiB, 3));  // it goes on after an error
  EXPECT_EQ(contents(buffer), bytes_of(1_MiB, 3));
  EXPECT_GE(memory.statistics().pool.errors, 1u);
  EXPECT_GE(memory.statistics().pool.refusals, 1u);
}

TEST_P(Scenarios, Batches) {
  MemoryManager& memory = make_manager();
  const auto old = memory.create<std::uint8_t>("old", bytes_of(100'000, 1));
  const std::vector<BatchResult> results = Batch(memory)
                                               .read(old, 0, 100'000)
                                               .update(old, bytes_of(100'000, 2))
                                               .create<std::uint8_t>("new", bytes_of(5000, 3))
                                               .update(old, bytes_of(2, 4), 99'999)
                                               .submit();
  ASSERT_EQ(results.size(), 4u);
  const auto read = results[0].data<std::uint8_t>();
  EXPECT_EQ(Bytes(read.begin(), read.end()), bytes_of(100'000, 1));
  EXPECT_TRUE(results[1].ok());
  EXPECT_EQ(contents(results[2].buffer<std::uint8_t>()), bytes_of(5000, 3));
  expect_error<InvalidArgument>("old", [&] { results[3].require(); });
  EXPECT_EQ(contents(old), bytes_of(100'000, 2));
}

TEST_P(Scenarios, Monitoring) {
  MemoryManager& memory = make_manager();
  const auto nodes = memory.create<std::uint8_t>("nodes", bytes_of(2000, 1));
  memory.create<float>("edges", 10);
  EXPECT_EQ(contents(nodes), bytes_of(2000, 1));
  const Report report = memory.report();
  EXPECT_EQ(report.manager, "memory");
  EXPECT_EQ(report.device, device_->info().name);
  ASSERT_EQ(report.buffers.size(), 2u);
  EXPECT_EQ(report.buffers[0].name, "edges");
  EXPECT_EQ(report.buffers[1].name, "nodes");
  EXPECT_EQ(report.buffers[1].size, 2000u);
  EXPECT_EQ(report.buffers[1].uploads, 1u);
  EXPECT_EQ(report.buffers[1].downloads, 1u);
  ASSERT_EQ(report.blocks.size(), 2u);
  EXPECT_EQ(report.blocks[0].tag, "nodes");
  EXPECT_EQ(report.totals.transfers.bytes_uploaded, 2000u);
  EXPECT_EQ(report.totals.transfers.bytes_downloaded, 2000u);
  EXPECT_EQ(report.totals.buffers_created, 2u);
  EXPECT_TRUE(coherent(report.totals.pool));
}

TEST_P(Scenarios, NetworkBuffers) {
  MemoryManager& memory = make_manager();
  weir::NetworkBuffers network =
      create_network_buffers(memory, {.input = 3, .hidden = 16, .output = 2, .batch = 8}, "dqn/");
  EXPECT_EQ(memory.statistics().buffers, 18u);
  std::vector<float> weights(3 * 16), samples(3 * 8);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 0.5F * static_cast<float>(i);
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = -1.0F * static_cast<float>(i);
  const QLearningParameters given{.batch = 8, .input = 3, .hidden = 16, .output = 2};
  memory.upload(network.weights_hidden, weights);
  memory.upload(network.qlearning_params, std::span(&given, 1));
  std::copy(samples.begin(), samples.end(), network.staging_input.access().data());
  memory.copy(network.input, memory, network.staging_input);
  network.set_batch(4);
  network.set_batch(8);
  EXPECT_EQ(memory.download(network.weights_hidden), weights);
  EXPECT_EQ(memory.download(network.input), samples);
  const QLearningParameters read = memory.download(network.qlearning_params).front();
  EXPECT_EQ(read.output, 2u);
  EXPECT_EQ(read.discount, 0.99F);
  network.free();
  EXPECT_EQ(memory.statistics().buffers, 0u);
}

TEST_P(Scenarios, UtilityFunctions) {
  EXPECT_EQ(format_bytes(1'610'612'736), "1.50 GiB");
  EXPECT_EQ(parse_bytes("1.5 GiB"), 1'610'612'736u);
  EXPECT_EQ(parse_bytes(format_bytes(64_KiB)), 64_KiB);
  EXPECT_THROW(static_cast<void>(parse_bytes("some")), InvalidArgument);
  EXPECT_EQ(weir::name(ErrorCode::stale_handle), "stale_handle");
  EXPECT_EQ(element_bytes(DType::float16), 2u);
  std::size_t next = 0;
  for (const ChunkRange& chunk : chunks(1029, 100)) {
    EXPECT_EQ(chunk.first, next);
    next += chunk.count;
  }
  EXPECT_EQ(next, 1029u);
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("buffer", bytes_of(1000, 1));
  const auto view = buffer.view(990, 10);
  EXPECT_EQ(view.access().size(), 10u);
  EXPECT_EQ(view.access().address(), buffer.access().address() + 990);
  const Bytes given = bytes_of(1000, 1);
  EXPECT_EQ(memory.download(buffer, StreamId::legacy_default, {.offset = 990}),
            Bytes(given.begin() + 990, given.end()));
}

TEST_P(Scenarios, Limits) {
  constexpr std::uint64_t limit = 96_MiB, third = limit / 3 + 4_KiB;  // three are a little more than there may be
  MemoryManager& memory = make_manager({}, limit);
  const auto one = memory.create<std::uint8_t>("one", bytes_of(third, 1));
  const auto two = memory.create<std::uint8_t>("two", bytes_of(third, 2));
  const auto refused = caught<LimitExceeded>([&] { memory.create<std::uint8_t>("three", third); });
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->facts().limit, limit);
  EXPECT_FALSE(memory.contains("three"));
  EXPECT_EQ(contents(one), bytes_of(third, 1));
  memory.free(one);
  const auto three = memory.create<std::uint8_t>("three", bytes_of(third, 3));
  EXPECT_EQ(contents(two), bytes_of(third, 2));
  EXPECT_EQ(contents(three), bytes_of(third, 3));
}

TEST_P(Scenarios, StagingOf64KiBAndOneByteMore) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("buffer", 64_KiB + 1);
  const Bytes at_most = bytes_of(64_KiB, 1), more = bytes_of(64_KiB + 1, 2);
  const std::uint64_t before = moved().bytes_staged;
  memory.upload(buffer, at_most);
  EXPECT_EQ(moved().bytes_staged, before);
  memory.upload(buffer, more);
  EXPECT_EQ(moved().bytes_staged, before + 64_KiB + 1);
  EXPECT_EQ(contents(buffer), more);
  memory.upload(buffer, at_most);
  Bytes both = at_most;
  both.push_back(more.back());
  EXPECT_EQ(contents(buffer), both);
}

TEST_P(Scenarios, FiveAtOnce) {
  MemoryManager& memory = make_manager();
  std::vector<std::thread> threads;
  std::vector<Bytes> read(5);
  for (std::size_t i = 0; i < 5; ++i) {
    threads.emplace_back([&, i] {
      const auto buffer = memory.create<std::uint8_t>("buffer " + std::to_string(i), bytes_of(100'000 + i, i));
      for (std::size_t round = 0; round < 5; ++round) memory.upload(buffer, bytes_of(100'000 + i, 10 * round + i));
      read[i] = memory.download(buffer);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(read[i], bytes_of(100'000 + i, 40 + i));
  EXPECT_EQ(memory.statistics().buffers, 5u);
}

TEST_P(Scenarios, ReuseThrice) {
  MemoryManager& memory = make_manager();
  TensorPool tensors(memory);
  std::uint64_t misses = 0;
  for (std::uint64_t round = 0; round < 4; ++round) {
    const auto buffer = memory.create<std::uint8_t>("again", bytes_of(70'000, round));
    const Tensor tensor = tensors.acquire<std::uint8_t>({7, 10'000});
    memory.upload(tensor.buffer<std::uint8_t>(), bytes_of(70'000, 100 + round));
    EXPECT_EQ(contents(buffer), bytes_of(70'000, round));
    EXPECT_EQ(contents(tensor.buffer<std::uint8_t>()), bytes_of(70'000, 100 + round));
    memory.free("again");
    tensors.release(tensor);
    if (round == 0) misses = memory.statistics().pool.misses;
  }
  EXPECT_EQ(memory.statistics().buffers_created, 8u);
  EXPECT_EQ(tensors.statistics().acquired, 4u);
  if (pooling()) {
    EXPECT_EQ(memory.statistics().pool.misses, misses);
  }
}

TEST_P(Scenarios, CleanUpAndUseAfterIt) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("buffer", bytes_of(1000, 1));
  const Buffer<float> owned = memory.scoped<float>("owned", 10);
  TensorPool tensors(memory);
  const Tensor tensor = tensors.acquire<float>({10});
  memory.free_all();
  memory.free_all();
  EXPECT_EQ(memory.statistics().buffers, 0u);
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  expect_error<StaleHandle>("buffer", [&] { memory.upload(buffer, bytes_of(1000, 2)); });
  expect_error<StaleHandle>("buffer", [&] { static_cast<void>(memory.download(buffer)); });
  expect_error<StaleHandle>("owned", [&] { static_cast<void>(owned.access()); });
  EXPECT_THROW(static_cast<void>(tensor.access<float>()), StaleHandle);
  const auto again = memory.create<std::uint8_t>("buffer", bytes_of(1000, 3));  // the manager is as good as new
  EXPECT_EQ(contents(again), bytes_of(1000, 3));
  EXPECT_FALSE(buffer.valid());
  end_manager();
  expect_error<StaleHandle>("buffer", [&] { static_cast<void>(again.access()); });
}

}  // namespace
}  // namespace weir::contract
