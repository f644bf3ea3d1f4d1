// Buffers that are copied or cleared when they grow: whoever uses one on another stream comes after that.
#include <chrono>
#include <cstdint>
#include <future>
#include <thread>

#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

class BufferCopies : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, BufferCopies, testing::ValuesIn(manager_kinds()), name_of);

// Also on a stream that had used it before.
TEST_P(BufferCopies, WorkOnAnotherStreamWaitsForTheCopy) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  MemoryManager& memory = make_manager();
  const Stream grower = device_->stream();
  const Stream user = device_->stream();
  const Stream other = device_->stream();
  BufferHandle<std::uint32_t> buffer = memory.create<std::uint32_t>("moved", 1000, {.max_bytes = 64 * page()}, user);
  fill_pattern(buffer.access(other), 4000, 3);
  std::promise<void> go;
  device_->run(grower, [gate = go.get_future().share()] { gate.wait(); });
  buffer.ensure_capacity(3 * page() / sizeof(std::uint32_t), grower);
  bool right[2] = {false, false};
  const Stream* const streams[2] = {&user, &other};
  for (int i = 0; i < 2; ++i) {
    const std::uint32_t* const contents = buffer.access(*streams[i]);
    device_->run(*streams[i], [contents, out = &right[i]] { *out = has_pattern(contents, 4000, 3); });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for who does not wait
  go.set_value();
  for (const Stream* stream : streams) device_->synchronize(*stream);
  EXPECT_TRUE(right[0]);
  EXPECT_TRUE(right[1]);
}

TEST_P(BufferCopies, WorkOnAnotherStreamWaitsForTheClearingOfANewOne) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  MemoryManager& memory = make_manager({.pool = {.zero = true}});
  const Stream maker = device_->stream();
  const Stream user = device_->stream();
  std::promise<void> go;
  device_->run(maker, [gate = go.get_future().share()] { gate.wait(); });
  const auto buffer = memory.create<std::uint32_t>("cleared", 5000, {}, maker);
  std::uint32_t* const contents = buffer.access(user);
  device_->run(user, [contents] { fill_pattern(contents, 20'000, 3); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for who does not wait
  go.set_value();
  device_->synchronize(maker);
  device_->synchronize(user);
  EXPECT_TRUE(has_pattern(contents, 20'000, 3));
}

// A growth in place copies nothing, but clears what is new.
TEST_P(BufferCopies, WorkOnAnotherStreamWaitsForTheClearing) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  if (!pooling()) GTEST_SKIP() << "a pool that is switched off waits for every free";
  MemoryManager& memory = make_manager({.pool = {.zero = true}});
  const Stream grower = device_->stream();
  const Stream user = device_->stream();
  const std::size_t words = page() / sizeof(std::uint32_t);
  BufferHandle<std::uint32_t> buffer =
      memory.create<std::uint32_t>("cleared", words, {.growth = 1, .max_bytes = 64 * page()}, grower);
  buffer.ensure_capacity(2 * words, grower);  // into a range of its own, where there are pages
  device_->synchronize(grower);
  std::promise<void> go;
  device_->run(grower, [gate = go.get_future().share()] { gate.wait(); });
  buffer.resize(3 * words, grower);
  std::uint32_t* const contents = buffer.access(user);
  device_->run(user, [contents, words] { fill_pattern(contents, 12 * words, 3); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // for who does not wait
  go.set_value();
  device_->synchronize(grower);
  device_->synchronize(user);
  EXPECT_TRUE(has_pattern(contents, 12 * words, 3));
}

}  // namespace
}  // namespace weir::contract
