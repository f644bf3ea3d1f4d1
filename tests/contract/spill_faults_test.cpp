// What goes on beside a spill: work that is late, owners that end, handlers that free, threads, drivers that fail.
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "contract/spilling.hpp"

namespace weir::contract {
namespace {

class SpillingBeside : public Spilling {};

TEST_P(SpillingBeside, ABufferThatQueuedWorkOwnsEndsWhileItIsSpilled) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code that could own a buffer";
  MemoryManager& memory = make();
  Stream stream = device_->stream();
  auto owned = std::make_shared<Buffer<std::uint32_t>>(memory.scoped<std::uint32_t>("owned", words));
  { const BufferUse<std::uint32_t> use = owned->use(stream); }
  device_->run(stream, [owned = std::move(owned)] { std::this_thread::sleep_for(20ms); });
  const auto began = std::chrono::steady_clock::now();
  for (std::uint32_t i = 2; i < 7; ++i) create(memory, "buffer " + std::to_string(i), i);
  device_->synchronize(stream);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_P(SpillingBeside, ABusyBufferHoldsNobodyUp) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code that could hold a buffer";
  MemoryManager& memory = make();
  Stream stream = device_->stream();
  const Words busy = create(memory, "busy", 1);
  const Words idle = create(memory, "idle", 2, {.downloads = true});
  std::promise<void> open;
  device_->run(stream, [gate = open.get_future().share()] { gate.wait(); });
  { const BufferUse<std::uint32_t> use = busy.use(stream); }
  memory.start_download(idle);
  for (std::uint32_t i = 3; i < 6; ++i) create(memory, "buffer " + std::to_string(i), i);
  EXPECT_EQ(busy.residency(), Residency::device);
  EXPECT_EQ(idle.residency(), Residency::host);
  EXPECT_EQ(memory.wait_for_download(idle, 5s).size(), words);
  open.set_value();
  expect_contents(memory, busy, 1, stream);
}

TEST_P(SpillingBeside, ASpillThatDoesNotEndInTimeLeavesTheBuffer) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code that could hold a buffer";
  MemoryManager& memory =
      make_manager({.pool = {.limit = limit, .reclaim_deadline = 20ms}, .transfers = {.spill_limit = 64_MiB}});
  Stream stream = device_->stream();
  std::promise<void> open;
  device_->run(stream, [gate = open.get_future().share()] { gate.wait(); });
  std::vector<Words> busy;
  for (std::uint32_t i = 0; i < 4; ++i) {
    busy.push_back(create(memory, "busy " + std::to_string(i), i));
    const BufferUse<std::uint32_t> use = busy.back().use(stream);
  }
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THROW(create(memory, "further", 9), LimitExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  open.set_value();
  for (std::uint32_t i = 0; i < 4; ++i) expect_contents(memory, busy[i], i, stream);
}

TEST_P(SpillingBeside, AHandlerMayFreeTheBufferThatComesBack) {
  MemoryManager& memory = make(2_MiB);
  const Words first = create(memory, "first", 1);
  for (std::uint32_t i = 2; i < 6; ++i) static_cast<void>(create(memory, "buffer " + std::to_string(i), i).access());
  ASSERT_EQ(first.residency(), Residency::host);
  const PressureRegistration handler = memory.pool().on_pressure([&](const MemoryPressure& pressure) {
    if (pressure.attempt != 0) return false;
    memory.free("first");
    memory.free("buffer 2");
    return true;
  });
  EXPECT_THROW(static_cast<void>(first.access()), StaleHandle);
  EXPECT_FALSE(memory.contains("first"));
}

TEST_P(SpillingBeside, ServesThreadsThatTakeTurns) {
  MemoryManager& memory = make();
  std::vector<std::jthread> threads;
  for (std::uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = "thread " + std::to_string(t);
      const Words mine = memory.create<std::uint32_t>(name, contents(t));
      const Words more = memory.create<std::uint32_t>(name + " more", contents(t + 10));
      for (int round = 0; round < 10; ++round) {
        const bool same = memory.download(mine) == contents(t) && memory.download(more) == contents(t + 10);
        EXPECT_TRUE(same || GetParam().backend == "dry") << name;
      }
    });
  }
  threads.clear();
  EXPECT_GT(memory.statistics().transfers.spills, 0u);
}

TEST_P(SpillingBeside, EachCallFailsOnceWithNothingLost) {
  for (const auto fault : {device::FaultyBackend::Fault::driver_error, device::FaultyBackend::Fault::out_of_memory}) {
    for (std::uint64_t n = 1;; n += GetParam().backend == "dry" ? 7 : 17) {
      SCOPED_TRACE(testing::Message() << "call " << n);
      MemoryManager& memory = make();
      backend_->fail(n, fault);
      std::vector<std::pair<Words, std::uint32_t>> made;
      const auto attempt = [](auto&& call) {
        try {
          call();
        } catch (const Error& error) {
          EXPECT_TRUE(error.code() == ErrorCode::driver_error || error.code() == ErrorCode::out_of_memory ||
                      error.code() == ErrorCode::limit_exceeded)
              << error.message();
        }
      };
      for (std::uint32_t i = 0; i < 6; ++i) {
        attempt([&] { made.emplace_back(create(memory, "buffer " + std::to_string(i), i), i); });
      }
      for (const auto& [buffer, seed] : made) attempt([&] { static_cast<void>(memory.download(buffer)); });
      const bool fired = backend_->fired();
      backend_->heal();
      for (const auto& [buffer, seed] : made) expect_contents(memory, buffer, seed);
      EXPECT_TRUE(coherent(memory.statistics().pool));
      EXPECT_EQ(memory.check_leaks().blocks, made.size());
      end_manager(memory);
      ASSERT_FALSE(HasFailure());
      if (!fired) break;
      ASSERT_LT(n, 5000u);
    }
  }
}

TEST_P(SpillingBeside, ADeviceThatIsLostLeavesNothing) {
  for (std::uint64_t n = 1;; n += 5) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    MemoryManager& memory = make();
    backend_->lose(n);
    const auto attempt = [](auto&& call) {
      try {
        call();
      } catch (const Error&) {  // NOLINT(bugprone-empty-catch): what it says is other tests' matter
      }
    };
    std::vector<Words> made;
    for (std::uint32_t i = 0; i < 6; ++i) {
      attempt([&] { made.push_back(create(memory, "buffer " + std::to_string(i), i)); });
    }
    for (const Words& buffer : made) attempt([&] { static_cast<void>(memory.download(buffer)); });
    const bool fired = backend_->fired();
    end_manager(memory);
    backend_->heal();
    ASSERT_FALSE(HasFailure());
    if (!fired) break;
    ASSERT_LT(n, 5000u);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, SpillingBeside, testing::ValuesIn(manager_kinds()), name_of);

}  // namespace
}  // namespace weir::contract
