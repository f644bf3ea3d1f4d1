// The buffers of a network: their names, sizes and kinds, all of them or none, mistakes that are named, and batches
// whose size changes.
#include <cstdint>
#include <string>
#include <vector>

#include "contract/keeping_sink.hpp"
#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class Networks : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, Networks, testing::ValuesIn(manager_kinds()), name_of);

const std::vector<std::string> always{"input",          "hidden",         "output",
                                      "weights_hidden", "weights_output", "bias_hidden",
                                      "bias_output",    "matmul_params",  "activation_params",
                                      "staging_input",  "staging_output"};
const std::vector<std::string> for_training{"q_values", "target_q_values", "actions",         "rewards",
                                            "dones",    "td_errors",       "qlearning_params"};

std::uint64_t bytes_named(const MemoryManager& memory, const std::string& name) {
  const AnyBuffer buffer = memory.find(name);
  return buffer.size() * buffer.type().bytes;
}

TEST_P(Networks, AreElevenBuffersOrEighteen) {
  MemoryManager& memory = make_manager();
  {
    const NetworkBuffers one = create_network_buffers(memory, {.input = 2, .hidden = 128, .output = 3});
    EXPECT_EQ(memory.statistics().buffers, 11u);
    for (const std::string& each : always) EXPECT_TRUE(memory.contains(each)) << each;
    EXPECT_FALSE(one.trains());
  }
  EXPECT_EQ(memory.statistics().buffers, 0u);
  const NetworkBuffers many = create_network_buffers(memory, {.input = 2, .hidden = 128, .output = 3, .batch = 64});
  EXPECT_EQ(memory.statistics().buffers, 18u);
  EXPECT_TRUE(many.trains());
  for (const std::string& each : for_training) EXPECT_TRUE(memory.contains(each)) << each;
  EXPECT_EQ(bytes_named(memory, "input"), 2u * 64 * 4);
  EXPECT_EQ(bytes_named(memory, "hidden"), 128u * 64 * 4);
  EXPECT_EQ(bytes_named(memory, "output"), 3u * 64 * 4);
  EXPECT_EQ(bytes_named(memory, "weights_hidden"), 2u * 128 * 4);
  EXPECT_EQ(bytes_named(memory, "weights_output"), 128u * 3 * 4);
  EXPECT_EQ(bytes_named(memory, "bias_hidden"), 128u * 4);
  EXPECT_EQ(bytes_named(memory, "bias_output"), 3u * 4);
  EXPECT_EQ(bytes_named(memory, "matmul_params"), 16u);
  EXPECT_EQ(bytes_named(memory, "activation_params"), 16u);
  EXPECT_EQ(bytes_named(memory, "staging_input"), 2u * 64 * 4);
  EXPECT_EQ(bytes_named(memory, "staging_output"), 3u * 64 * 4);
  EXPECT_EQ(bytes_named(memory, "q_values"), 3u * 64 * 4);
  EXPECT_EQ(bytes_named(memory, "target_q_values"), 3u * 64 * 4);
  for (const char* each : {"actions", "rewards", "dones", "td_errors"}) EXPECT_EQ(bytes_named(memory, each), 64u * 4);
  EXPECT_EQ(bytes_named(memory, "qlearning_params"), 32u);
  EXPECT_EQ(many.bytes(), 4u * (64 * (2 + 128 + 3 + 3 + 3 + 4) + 2 * 128 + 128 * 3 + 128 + 3) + 16 + 16 + 32);
  EXPECT_EQ(memory.find<float>("q_values"), many.q_values);
  // Staging memory is the host's own.
  many.staging_input.access().data()[127] = 1.5F;
  EXPECT_EQ(many.staging_input.access().data()[127], 1.5F);
}

TEST_P(Networks, OfAnyDepthHaveAsManyBuffers) {
  MemoryManager& memory = make_manager();
  const NetworkBuffers deep =
      create_network_buffers(memory, {.input = 4, .hidden = {64, 48, 16}, .output = 3, .batch = 10});
  EXPECT_EQ(memory.statistics().buffers, 18u);
  EXPECT_EQ(deep.hidden.size(), 10u * (64 + 48 + 16));
  EXPECT_EQ(deep.weights_hidden.size(), 4u * 64 + 64 * 48 + 48 * 16);
  EXPECT_EQ(deep.bias_hidden.size(), 64u + 48 + 16);
  EXPECT_EQ(deep.weights_output.size(), 16u * 3);
  EXPECT_EQ(deep.first_weight(0), 0u);
  EXPECT_EQ(deep.first_weight(1), 4u * 64);
  EXPECT_EQ(deep.first_weight(2), 4u * 64 + 64 * 48);
  EXPECT_EQ(deep.first_neuron(0), 0u);
  EXPECT_EQ(deep.first_neuron(2), 64u + 48);
  EXPECT_EQ(deep.bytes(), 4u * (10 * (4 + 128 + 3 + 3 + 3 + 4) + (4 * 64 + 64 * 48 + 48 * 16 + 16 * 3) + 128 + 3) + 64);
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] { static_cast<void>(deep.first_weight(3)); }),
                   {"hidden layer 3", "there are 3"}));
  EXPECT_THROW(static_cast<void>(NetworkBuffers().first_neuron(1)), InvalidArgument);
}

TEST_P(Networks, ABatchWithoutTrainingHasEleven) {
  MemoryManager& memory = make_manager();
  const NetworkBuffers batch =
      create_network_buffers(memory, {.input = 2, .hidden = 8, .output = 3, .batch = 16, .training = false});
  EXPECT_EQ(memory.statistics().buffers, 11u);
  EXPECT_EQ(batch.input.size(), 32u);
}

TEST_P(Networks, TwoLiveInOneManagerByTheirPrefixes) {
  MemoryManager& memory = make_manager();
  const NetworkSizes sizes{.input = 2, .hidden = 8, .output = 3, .batch = 4};
  NetworkBuffers policy = create_network_buffers(memory, sizes, "policy/");
  NetworkBuffers target = create_network_buffers(memory, sizes, "target/");
  EXPECT_EQ(memory.statistics().buffers, 36u);
  EXPECT_TRUE(memory.contains("policy/bias_hidden"));
  EXPECT_THROW(static_cast<void>(create_network_buffers(memory, sizes, "target/")), InvalidArgument);
  EXPECT_EQ(memory.statistics().buffers, 36u);
  policy.free();
  EXPECT_FALSE(policy.input.valid());
  EXPECT_EQ(memory.statistics().buffers, 18u);
  EXPECT_THROW(policy.set_batch(2), StaleHandle);
  policy = std::move(target);
  EXPECT_EQ(policy.prefix(), "target/");
  EXPECT_EQ(memory.statistics().buffers, 18u);
}

TEST_P(Networks, AllOrNone) {
  MemoryManager& memory = make_manager();
  memory.create<float>("td_errors", 1);  // the last name but one is taken
  EXPECT_THROW(static_cast<void>(create_network_buffers(memory, {.input = 2, .hidden = 8, .output = 3, .batch = 4})),
               InvalidArgument);
  EXPECT_EQ(memory.statistics().buffers, 1u);
  MemoryManager& small = make_manager({.name = "small", .transfers = {.pinned_limit = 1_MiB}});
  EXPECT_THROW(static_cast<void>(create_network_buffers(
                   small, {.input = 1024, .hidden = 8, .output = 1024, .batch = 200})),  // staging is the host's
               LimitExceeded);
  EXPECT_EQ(small.statistics().buffers, 0u);
  EXPECT_EQ(small.statistics().pool.requested.live, 0u);
}

TEST_P(Networks, MistakesNameTheValueAndTheRange) {
  MemoryManager& memory = make_manager({.name = "m", .pool = {.limit = 64_MiB}});
  const auto refused = [&](const NetworkSizes& sizes, std::initializer_list<std::string_view> parts) {
    EXPECT_TRUE(
        says(error_of<InvalidArgument>([&] { static_cast<void>(create_network_buffers(memory, sizes)); }), parts));
  };
  refused({.input = 0, .hidden = 1, .output = 1}, {"input is 0", "1 to 2147483647"});
  refused({.input = 1, .hidden = -3, .output = 1}, {"hidden is -3", "1 to"});
  refused({.input = 1, .hidden = 1, .output = 3'000'000'000}, {"output is 3000000000", "1 to"});
  refused({.input = 1, .hidden = 1, .output = 1, .batch = -1}, {"batch is -1", "1 to"});
  refused({.input = 1, .hidden = {8, 0, 8}, .output = 1}, {"hidden layer 2 is 0", "1 to"});
  refused({.input = 1, .hidden = HiddenLayers(std::span<const std::int64_t>()), .output = 1}, {"no hidden layer"});
  refused({.input = 1, .hidden = {2'000'000'000, 2'000'000'000}, .output = 1},
          {"sum of all hidden layers is 4000000000", "1 to"});
  const auto too_much = [&](const NetworkSizes& sizes, std::initializer_list<std::string_view> parts) {
    const Said said = error_of<LimitExceeded>([&] { static_cast<void>(create_network_buffers(memory, sizes, "n/")); });
    EXPECT_TRUE(says(said, parts));
    EXPECT_EQ(said.facts.limit, 64_MiB);
    EXPECT_GT(said.facts.bytes_asked, 64_MiB);
  };
  too_much({.input = 4096, .hidden = 4096, .output = 1}, {"\"n/\"", "64.0", "\"m\"", "64.00 MiB"});
  too_much({.input = NetworkSizes::max_size,
            .hidden = NetworkSizes::max_size,
            .output = NetworkSizes::max_size,
            .batch = NetworkSizes::max_size},
           {"more than 2^64 B", "64.00 MiB"});
  EXPECT_EQ(memory.statistics().buffers, 0u);
}

TEST_P(Networks, ALargeBatchIsWarnedOf) {
  KeepingSink sink(LogLevel::warning);
  MemoryManager& memory = make_manager({.pool = {.log = &sink}});
  NetworkBuffers network = create_network_buffers(memory, {.input = 2, .hidden = 8, .output = 3, .batch = 1024});
  EXPECT_TRUE(sink.of(LogEvent::unusual).empty());
  network.set_batch(1025);
  ASSERT_EQ(sink.of(LogEvent::unusual).size(), 1u);
  EXPECT_NE(sink.of(LogEvent::unusual)[0].text.find("1025"), std::string::npos);
}

TEST_P(Networks, BatchesChangeWithoutTheDriver) {
  MemoryManager& memory = make_manager();
  NetworkBuffers network = create_network_buffers(memory, {.input = 4, .hidden = 64, .output = 2});
  const std::uint64_t weights = network.weights_hidden.access().address();
  network.set_batch(256);  // from now on it trains
  EXPECT_EQ(memory.statistics().buffers, 18u);
  EXPECT_EQ(network.sizes().batch, 256);
  const std::uint64_t hidden = network.hidden.access().address();
  const Statistics before = memory.statistics().pool;
  const std::uint64_t pinned = memory.statistics().transfers.pinned.driver_calls;
  for (const std::int64_t batch : {1, 17, 256, 128, 256}) {
    network.set_batch(batch);
    EXPECT_EQ(network.input.size(), 4u * static_cast<std::size_t>(batch));
    EXPECT_EQ(network.hidden.size(), 64u * static_cast<std::size_t>(batch));
    EXPECT_EQ(network.staging_output.size(), 2u * static_cast<std::size_t>(batch));
    EXPECT_EQ(network.td_errors.size(), static_cast<std::size_t>(batch));
    EXPECT_EQ(network.hidden.access().address(), hidden);
    EXPECT_EQ(network.weights_hidden.access().address(), weights);
  }
  EXPECT_EQ(memory.statistics().pool.driver_calls, before.driver_calls);
  EXPECT_EQ(memory.statistics().pool.allocations, before.allocations);
  EXPECT_EQ(memory.statistics().transfers.pinned.driver_calls, pinned);
  EXPECT_EQ(network.weights_hidden.size(), 256u);
  EXPECT_EQ(network.qlearning_params.size(), 1u);
}

TEST_P(Networks, ABatchThatIsRefusedChangesNoSize) {
  MemoryManager& memory = make_manager({.pool = {.limit = 256_MiB}});
  NetworkBuffers network = create_network_buffers(memory, {.input = 4, .hidden = 64, .output = 2, .batch = 8});
  EXPECT_THROW(network.set_batch(0), InvalidArgument);
  network.set_batch(8);  // as it is
  EXPECT_THROW(network.set_batch(1'000'000), LimitExceeded);
  // Within the limit, but another buffer has most of it.
  const auto other = memory.create<std::byte>("other", 150_MiB);
  EXPECT_THROW(network.set_batch(600'000), LimitExceeded);
  EXPECT_EQ(network.sizes().batch, 8);
  EXPECT_EQ(network.input.size(), 32u);
  EXPECT_EQ(network.hidden.size(), 512u);
  EXPECT_EQ(network.rewards.size(), 8u);
}

}  // namespace
}  // namespace weir::contract
