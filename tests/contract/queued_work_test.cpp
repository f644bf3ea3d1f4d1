// What queued work holds: it ends on the thread that ran the work, before the work
// counts as done and under no lock, or where the driver allows no calls there, in the next
// call on any device; and where that is the last use of the stream, of a
// pool, a manager or the device, those end too, after their work, and nothing waits for
// itself.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "contract/transfer_fixture.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

/// Whether it holds within ten seconds, in which calls are made on another device.
template <class Condition>
testing::AssertionResult comes_true(Condition condition) {
  const Device other = open_device({.backend = "host"});
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return testing::AssertionFailure() << "not within 10 s";
    std::this_thread::sleep_for(1ms);
    static_cast<void>(other.facts());
  }
  return testing::AssertionSuccess();
}

std::vector<std::string> backends_that_run_host_code() {
  std::vector<std::string> names;
  for (const KnownBackend& each : known_backends()) {
    if (each.absent.empty() && backend_named(each.name) != BackendKind::dry) names.push_back(each.name);
  }
  return names;
}

class QueuedWork : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    backend_ = open_backend(GetParam());
    device_.emplace(device::Access::make_device(backend_));
  }
  void TearDown() override {
    device_.reset();
    if (!backend_) return;
    EXPECT_TRUE(comes_true([&] { return backend_->balance() == device::FaultyBackend::Balance{}; }));
    EXPECT_EQ(backend_->breach(), "");
    backend_.reset();
    EXPECT_EQ(driver_fault(GetParam()), "");
  }
  [[nodiscard]] std::uint64_t streams_ended() const { return backend_->calls(device::CallKind::destroy_stream); }

  std::shared_ptr<device::FaultyBackend> backend_;
  std::optional<Device> device_;
};

TEST_P(QueuedWork, MayHoldTheLastUseOfItsStream) {
  Pool pool(*device_, {.name = "pool"});
  void* block = pool.allocate(1_MiB);
  const std::uint64_t before = streams_ended();
  std::atomic<int> ran{0};
  {
    const Stream stream = device_->stream();
    pool.used_on(block, stream);
    Gate gate(*device_, stream);
    device_->run(stream, [stream, &ran] { ++ran; });
    device_->run(stream, [&ran] { ++ran; });
  }
  EXPECT_TRUE(comes_true([&] { return streams_ended() == before + 1 && ran == 2; }));
  pool.deallocate(block);
  pool.maintain();
  EXPECT_EQ(pool.statistics().pending, 0u);
}

// The pool's end waits for all that uses its memory: here also for work that is queued behind what holds it.
TEST_P(QueuedWork, MayHoldTheLastUseOfAPool) {
  const Stream stream = device_->stream();
  std::atomic<int> ran{0};
  {
    auto pool = std::make_shared<Pool>(*device_, PoolOptions{.name = "pool"});
    void* block = pool->allocate(1_MiB, stream);
    void* other = pool->allocate(1_MiB);
    pool->used_on(other, stream);
    Gate gate(*device_, stream);
    device_->run(stream, [pool, &ran] { ++ran; });
    device_->run(stream, [&ran] {
      std::this_thread::sleep_for(20ms);
      ++ran;
    });
    pool->deallocate(other);
    pool->deallocate(block, stream);
  }
  EXPECT_TRUE(comes_true([&] { return backend_->balance() == device::FaultyBackend::Balance{}; }));
  EXPECT_EQ(ran, 2);
  device_->synchronize(stream);
}

TEST_P(QueuedWork, MayHoldTheLastUseOfAManagerAndItsBuffers) {
  const Stream stream = device_->stream();
  std::atomic<bool> ran{false};
  struct Holder {
    explicit Holder(const Device& device)
        : memory(device, {.name = "memory", .pool = {.limit = 64_MiB}, .transfers = {.in_place = false}}) {}
    MemoryManager memory;
    BufferHandle<std::uint8_t> named;
    Buffer<std::uint8_t> scoped;
  };
  {
    auto holder = std::make_shared<Holder>(*device_);
    const Bytes data = bytes_of(300'000, 1);
    holder->named = holder->memory.create<std::uint8_t>("named", data.size(), {.downloads = true});
    holder->scoped = holder->memory.scoped<std::uint8_t>("scoped", data.size());
    Gate gate(*device_, stream);
    static_cast<void>(holder->memory.start_upload(holder->named, std::span(data), stream));
    device_->run(stream, [holder, &ran] { ran = true; });
    holder->memory.start_download(holder->named, stream);
  }
  EXPECT_TRUE(comes_true([&] { return backend_->balance() == device::FaultyBackend::Balance{}; }));
  EXPECT_TRUE(ran);
}

TEST_P(QueuedWork, MayHoldTheLastUseOfTheDevice) {
  std::weak_ptr<device::Backend> end = device::Access::shared_backend(*device_);
  std::atomic<bool> ran{false};
  {
    Device last = *device_;
    device_.reset();
    backend_.reset();
    const Stream stream = last.stream();
    Gate gate(last, stream);
    last.run(stream, [last, stream, &ran] { ran = true; });
  }
  EXPECT_TRUE(comes_true([&] { return end.expired(); }));
  EXPECT_TRUE(ran);
}

TEST_P(QueuedWork, HasEndedWhenItCountsAsDone) {
  const Stream stream = device_->stream();
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  device_->run(stream, [held = std::move(held)] { std::this_thread::sleep_for(5ms); });
  device_->synchronize(stream);
  EXPECT_TRUE(seen.expired());
}

// What ends in its destructor, and counts that it could.
template <class Call>
struct AtEnd {
  explicit AtEnd(Call what) : call(std::move(what)) {}
  ~AtEnd() { call(); }
  AtEnd(const AtEnd&) = delete;
  AtEnd& operator=(const AtEnd&) = delete;
  Call call;
};

TEST_P(QueuedWork, EndsUnderNoLock) {
  const bool here = device_->info().backend != BackendKind::cuda;  // before the work counts as done
  const Stream stream = device_->stream();
  Pool pool(*device_, {.name = "pool"});
  std::atomic<bool> more{false};
  std::atomic<bool> called{false};
  auto at_end = std::make_shared<AtEnd<std::function<void()>>>([&] {
    pool.deallocate(pool.allocate(3_MiB, stream), stream);
    device_->run(stream, [&] { more = true; });
    if (here) {
      EXPECT_THROW(device_->synchronize(stream, 0s), Timeout);  // that work is behind this
    }
    static_cast<void>(device_->stream());
    called = true;
  });
  device_->run(stream, [at_end = std::move(at_end)] {});
  EXPECT_TRUE(comes_true([&] { return more.load(); }));
  EXPECT_TRUE(called);
}

// With the pool off a free waits for its stream: not for itself.
TEST_P(QueuedWork, MayFreeWhatItsOwnStreamUses) {
  if (device_->info().backend == BackendKind::cuda) GTEST_SKIP() << "CUDA allows no call from a host function";
  for (const PoolMode mode : {PoolMode::off, PoolMode::automatic}) {
    const Stream stream = device_->stream();
    Pool pool(*device_, {.name = "pool", .mode = mode});
    void* block = pool.allocate(3_MiB, stream);
    const auto began = std::chrono::steady_clock::now();
    device_->run(stream, [&] { pool.deallocate(block, stream); });
    device_->synchronize(stream, 20s);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
    EXPECT_EQ(pool.statistics().live, 0u);
    static_cast<void>(pool.trim());
    EXPECT_EQ(pool.statistics().reserved.live, 0u);
  }
}

// A wait that is queued keeps the stream that it waits for: in a ring none may be ended by itself.
TEST_P(QueuedWork, MayWaitForEachOtherWhenTheDeviceEnds) {
  for (int round = 0; round < 20; ++round) {
    const auto opened = open_backend(GetParam());
    const StreamId one = opened->create_stream();
    const StreamId other = opened->create_stream();
    opened->run(one, [] { std::this_thread::sleep_for(1ms); });
    opened->run(other, [] { std::this_thread::sleep_for(1ms); });
    const device::EventId first = opened->record(one);
    const device::EventId second = opened->record(other);
    opened->stream_wait(one, second);
    opened->stream_wait(other, first);
    opened->run(one, [] {});
    opened->run(other, [] {});
    opened->release(first);
    opened->release(second);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, QueuedWork, testing::ValuesIn(backends_that_run_host_code()),
                         [](const auto& backend) { return backend.param; });

// --- The streams that threads have as their own ---

class ThreadsOwnStreams : public QueuedWork {
 protected:
  /// Of this process.
  static std::size_t threads() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/task")) ++count;
    return count;
  }
};

TEST_P(ThreadsOwnStreams, EndWithTheirThreads) {
  if (device_->info().backend == BackendKind::cuda) GTEST_SKIP() << "its streams have no threads of weir's";
  Pool pool(*device_, {.name = "pool"});
  const auto use = [&] {
    void* block = pool.allocate(1_MiB, StreamId::per_thread_default);
    device_->run(StreamId::per_thread_default, [] {});
    pool.deallocate(block, StreamId::per_thread_default);
  };
  TestThread(use).join();
  const std::size_t before = threads();
  for (int i = 0; i < 50; ++i) TestThread(use).join();
  EXPECT_TRUE(comes_true([&] { return threads() <= before; }));
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

// Streams' own threads have such streams too, and end at the same time: none may wait for another that waits for it.
TEST_P(ThreadsOwnStreams, OfThreadsThatRunQueuedWorkEndToo) {
  if (device_->info().backend == BackendKind::cuda) GTEST_SKIP() << "its streams have no threads of weir's";
  constexpr int crew = 8;
  const std::size_t before = threads();
  for (int round = 0; round < 40; ++round) {
    std::atomic<int> running{0};
    std::promise<void> open;
    const std::shared_future<void> opened = open.get_future().share();
    std::vector<TestThread> all;
    for (int i = 0; i < crew; ++i) {
      all.emplace_back([&, opened] {
        device_->run(StreamId::per_thread_default, [&, opened] {
          device_->run(StreamId::per_thread_default, [] {});
          ++running;
          opened.wait();
          --running;
        });
      });
    }
    for (TestThread& thread : all) thread.join();
    ASSERT_TRUE(comes_true([&] { return running == crew; }));
    open.set_value();
    ASSERT_TRUE(comes_true([&] { return running == 0; }));
  }
  EXPECT_TRUE(comes_true([&] {
    static_cast<void>(device_->stream());  // any call lets go what has ended
    return threads() <= before;
  }));
}

// The thread does not wait for that, nor is its memory anyone's until then.
TEST_P(ThreadsOwnStreams, EndAfterTheirWork) {
  Pool pool(*device_, {.name = "pool"});
  void* block = pool.allocate(3_MiB);
  void* own = nullptr;
  std::promise<void> open;
  std::atomic<bool> ran{false};
  StreamId stream{};
  TestThread([&] {
    stream = backend_->resolve(StreamId::per_thread_default);
    own = pool.allocate(3_MiB, stream);
    pool.used_on(block, StreamId::per_thread_default);
    device_->run(StreamId::per_thread_default, [&, opened = open.get_future().share()] {
      opened.wait();
      ran = true;
    });
  }).join();
  pool.deallocate(block);
  EXPECT_EQ(pool.statistics().pending, 3_MiB);
  pool.deallocate(own, stream);
  void* other = pool.allocate(3_MiB);
  EXPECT_NE(other, block);
  pool.deallocate(other);
  EXPECT_FALSE(ran);
  open.set_value();
  EXPECT_TRUE(comes_true([&] {
    pool.maintain();
    return pool.statistics().pending == 0;
  }));
  EXPECT_TRUE(ran);
  // The next thread's stream is another one.
  StreamId next{};
  TestThread([&] { next = backend_->resolve(StreamId::per_thread_default); }).join();
  EXPECT_NE(next, stream);
  EXPECT_TRUE(comes_true([&] {
    TestThread([&] { static_cast<void>(backend_->resolve(StreamId::per_thread_default)); }).join();
    try {
      static_cast<void>(backend_->resolve(stream));
      return false;
    } catch (const InvalidArgument&) {
      return true;
    }
  }));
}

TEST_P(ThreadsOwnStreams, StayWhileTheirThreadDoes) {
  const StreamId own = backend_->resolve(StreamId::per_thread_default);
  EXPECT_NE(own, StreamId::legacy_default);
  StreamId others{};
  TestThread([&] {
    others = backend_->resolve(StreamId::per_thread_default);
    EXPECT_EQ(backend_->resolve(StreamId::per_thread_default), others);
  }).join();
  EXPECT_NE(others, own);
  EXPECT_EQ(backend_->resolve(StreamId::per_thread_default), own);
}

// A thread may outlive the device, and use another in its place.
TEST_P(ThreadsOwnStreams, EndWithTheirDeviceToo) {
  TestThread([&] {
    StreamId last{};
    for (int i = 0; i < 3; ++i) {
      const auto opened = open_backend(GetParam());
      const StreamId own = opened->resolve(StreamId::per_thread_default);
      EXPECT_NE(own, last);
      opened->run(StreamId::per_thread_default, [] {});
      last = own;
    }
  }).join();
}

thread_local std::unique_ptr<AtEnd<std::function<void()>>> last_of_thread;

// Its last destructors may still use it.
TEST_P(ThreadsOwnStreams, ServeAThreadsLastDestructors) {
  Pool pool(*device_, {.name = "pool"});
  std::atomic<int> ran{0};
  TestThread([&] {
    last_of_thread = std::make_unique<AtEnd<std::function<void()>>>([&] {
      void* block = pool.allocate(1_MiB, StreamId::per_thread_default);
      device_->run(StreamId::per_thread_default, [&ran] { ++ran; });
      pool.deallocate(block, StreamId::per_thread_default);
    });
    device_->run(StreamId::per_thread_default, [&ran] { ++ran; });
  }).join();
  EXPECT_TRUE(comes_true([&] { return ran == 2; }));
}

INSTANTIATE_TEST_SUITE_P(Backends, ThreadsOwnStreams, testing::ValuesIn(backends_that_run_host_code()),
                         [](const auto& backend) { return backend.param; });

}  // namespace
}  // namespace weir::contract
