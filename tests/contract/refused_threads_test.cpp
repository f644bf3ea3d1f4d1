// No thread can be made: whoever needs one gets an error that says so, nothing has
// changed, and what was refused never runs.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "contract/transfer_fixture.hpp"
#include "device/access.hpp"
#include "support/in_child.hpp"
#include "support/refused_threads.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

// Backends whose streams have threads of weir's.
std::vector<std::string> backends_with_threads() {
  std::vector<std::string> names;
  for (const KnownBackend& each : known_backends()) {
    const auto kind = backend_named(each.name);
    const bool has_threads = kind == BackendKind::host || kind == BackendKind::vulkan;
    if (each.absent.empty() && has_threads) names.push_back(each.name);
  }
  return names;
}

void expect_no_thread(const DriverError& error) {
  EXPECT_EQ(error.facts().native_code, EAGAIN);
  EXPECT_TRUE(error.facts().name.starts_with("stream ")) << error.facts().name;
  for (const char* part : {"thread", "ulimit -u", "nothing was queued"}) {
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
  }
}

class RefusedThread : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!can_refuse_threads) GTEST_SKIP() << "the sanitizer makes the threads";
  }
  std::shared_ptr<device::FaultyBackend> backend_ = open_backend(GetParam());
  Device device_ = device::Access::make_device(backend_);
};

TEST_P(RefusedThread, NothingIsQueued) {
  const Stream stream = device_.stream();
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  {
    const RefusedThreads refused;
    const auto error = caught<DriverError>([&] { device_.run(stream, [&, held = std::move(held)] { ++first; }); });
    ASSERT_TRUE(error);
    expect_no_thread(*error);
    EXPECT_TRUE(seen.expired());
    device_.synchronize(stream, 0s);
  }
  device_.run(stream, [&] { ++second; });
  device_.synchronize(stream);
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
}

// A device whose copies need no thread makes them.
TEST_P(RefusedThread, TransfersFailWholeOrNotAtAll) {
  MemoryManager memory(device_, {.name = "memory", .pool = {.limit = 64_MiB}, .transfers = {.in_place = false}});
  for (const std::size_t size : {std::size_t{10'000}, std::size_t{3'000'000}}) {
    const Stream stream = device_.stream();
    auto buffer = memory.create<std::uint8_t>("buffer", size, {.downloads = true}, stream);
    const Bytes data = bytes_of(size, size);
    Bytes back(size);
    const auto attempt = [&](const auto& call) {
      const auto before = memory.statistics().transfers;
      const RefusedThreads refused;
      try {
        call();
        return true;
      } catch (const DriverError& error) {
        EXPECT_NE(error.message().find("thread"), std::string::npos) << error.message();
      }
      const auto after = memory.statistics().transfers;
      EXPECT_EQ(after.uploads + after.downloads, before.uploads + before.downloads);
      EXPECT_EQ(after.pinned.live, before.pinned.live);
      return false;
    };
    static_cast<void>(attempt([&] { memory.upload(buffer, std::span(data), stream); }));
    static_cast<void>(attempt([&] { static_cast<void>(memory.start_upload(buffer, std::span(data), stream)); }));
    static_cast<void>(attempt([&] { memory.download(buffer, std::span(back), stream); }));
    memory.upload(buffer, std::span(data), stream);
    const bool started = attempt([&] { memory.start_download(buffer, stream); });
    memory.download(buffer, std::span(back), stream);
    EXPECT_EQ(back, data);
    if (!started) memory.start_download(buffer, stream);
    const auto frame = memory.wait_for_download(buffer);
    EXPECT_TRUE(std::equal(frame.begin(), frame.end(), data.begin(), data.end()));
    memory.free(buffer);
  }
}

// Memory that another stream's work still uses is waited for on the device, by a thread; without one there is other
// memory.
TEST_P(RefusedThread, AllocationsGoOn) {
  Pool pool(device_, {.name = "pool", .limit = 64_MiB});
  const Stream one = device_.stream();
  const Stream other = device_.stream();
  void* block = pool.allocate(20_MiB, one);
  Gate gate(device_, one);
  pool.deallocate(block, one);
  void* second = nullptr;
  {
    const RefusedThreads refused;
    second = pool.allocate(20_MiB, other);
  }
  EXPECT_NE(second, nullptr);
  pool.verify();
  gate.open();
  device_.synchronize(one);
  pool.deallocate(second, other);
}

// What ends in queued work may need a thread for that: it ends once there is one.
TEST_P(RefusedThread, EndsAreNotLost) {
  const Stream stream = device_.stream();
  std::atomic<bool> ran{false};
  {
    auto pool = std::make_shared<Pool>(device_, PoolOptions{.name = "pool"});
    pool->deallocate(pool->allocate(1_MiB));
    Gate gate(device_, stream);
    device_.run(stream, [pool, &ran] { ran = true; });
    const RefusedThreads refused;
    pool.reset();
    gate.open();
    device_.synchronize(stream);
    EXPECT_TRUE(ran);
    EXPECT_NE(backend_->balance(), device::FaultyBackend::Balance{});
  }
  static_cast<void>(device_.info());  // any call tries again
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (backend_->balance() != device::FaultyBackend::Balance{} && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
}

INSTANTIATE_TEST_SUITE_P(Backends, RefusedThread, testing::ValuesIn(backends_with_threads()),
                         [](const auto& backend) { return backend.param; });

using RefusedBySystem = ForkOfThreads;

// The real thing: the system's limit on a user's threads, which does not hold for root.
TEST_F(RefusedBySystem, NothingIsQueued) {
  EXPECT_TRUE(holds_in_child([] {
    Device device = open_device({.backend = "host"});
    const Stream stream = device.stream();
    constexpr uid_t nobody_else = 54'321;
    if (getuid() == 0 && setuid(nobody_else) != 0) return false;
    rlimit before{};
    getrlimit(RLIMIT_NPROC, &before);
    const rlimit none{0, before.rlim_max};
    setrlimit(RLIMIT_NPROC, &none);
    std::atomic<int> first{0};
    std::atomic<int> second{0};
    bool refused = false;
    try {
      device.run(stream, [&] { ++first; });
    } catch (const DriverError& error) {
      refused = error.facts().native_code == EAGAIN;
    }
    setrlimit(RLIMIT_NPROC, &before);
    device.run(stream, [&] { ++second; });
    device.synchronize(stream);
    return refused && first == 0 && second == 1;
  }));
}

}  // namespace
}  // namespace weir::contract
