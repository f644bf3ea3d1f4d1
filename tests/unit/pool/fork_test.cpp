// After fork() a child that goes on with its parent's pools gets an error for
// each call, never a hang, also where another thread was busy in them at that
// moment; and it may make devices and pools of its own.
#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "support/in_child.hpp"

namespace weir {
namespace {

class Fork : public ForkOfThreads, public testing::WithParamInterface<PoolMode> {};

TEST_P(Fork, AChildGetsAnErrorAndNeverAHang) {
  Device device = open_device({.backend = "host"});
  auto pool = std::make_unique<Pool>(device, PoolOptions{.mode = GetParam()});
  std::optional<Stream> stream = device.stream();
  device.run(*stream, [] {});
  void* block = pool->allocate(5000);
  const BlockHandle handle = pool->handle(block);
  pool->deallocate(pool->allocate(700));  // there would be a hit

  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) {
      Stream own = device.stream();
      device.run(own, [] {});
      void* mine = pool->allocate(300'000, own);
      pool->deallocate(pool->allocate(700));
      pool->deallocate(mine, own);
      static_cast<void>(pool->trim());
      static_cast<void>(pool->live_blocks());
    }
  });
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      return is_unsupported([&] { return pool->allocate(700); }) &&
             is_unsupported([&] { return pool->allocate(9'000'000, *stream, {.alignment = 4096}); }) &&
             is_unsupported([&] { return pool->try_allocate(700); }) &&
             is_unsupported([&] { return pool->acquire(700); }) &&
             is_unsupported([&] { return pool->acquire_growable(700, 9'000'000); }) &&
             is_unsupported([&] { return pool->acquire_plain(700); }) &&
             is_unsupported([&] { return pool->resize(handle, 9000); }) &&
             is_unsupported([&] { pool->deallocate(block); }) && is_unsupported([&] { pool->release(handle); }) &&
             is_unsupported([&] { return pool->address(handle); }) &&
             is_unsupported([&] { return pool->handle(block); }) &&
             is_unsupported([&] { return pool->allocated(handle); }) &&
             is_unsupported([&] { return pool->describe(handle); }) &&
             is_unsupported([&] { pool->used_on(block, *stream); }) && is_unsupported([&] { pool->retire(*stream); }) &&
             is_unsupported([&] { return pool->trim(); }) && is_unsupported([&] { pool->maintain(); }) &&
             is_unsupported([&] { return pool->book_external(1); }) &&
             is_unsupported([&] { return pool->statistics(); }) &&
             is_unsupported([&] { return pool->check_leaks(); }) &&
             is_unsupported([&] { return pool->live_blocks(); }) && is_unsupported([&] { return pool->tag("owner"); });
    })) << "fork "
        << i;
    EXPECT_TRUE(holds_in_child([&] {
      // Everything ends as it would at the end of a scope.
      stream.reset();
      pool.reset();
      { const Device gone = std::move(device); }
      return true;
    })) << "fork "
        << i;
  }
  stop = true;
  busy.join();
  // The parent goes on.
  pool->deallocate(block);
  pool->verify();
  EXPECT_EQ(pool->check_leaks().blocks, 0u);
}

TEST_P(Fork, AChildMayMakeItsOwn) {
  Device parents = open_device({.backend = "host"});
  Pool pool(parents, {.mode = GetParam()});
  pool.deallocate(pool.allocate(5000));
  EXPECT_TRUE(holds_in_child([&] {
    Device device = open_device({.backend = "host"});
    // Room for the large block beside a segment that the other thread has its block in, and one that it had it in.
    Pool own(device, {.mode = GetParam(), .limit = std::uint64_t{128} << 20});
    Stream stream = device.stream();
    std::atomic<bool> ran{false};
    device.run(stream, [&] { ran = true; });
    device.synchronize(stream);
    // A visitor of another thread's cache: the barriers work here too.
    std::jthread other([&] {
      for (int i = 0; i < 2000; ++i) own.deallocate(own.allocate(40'000));
    });
    for (int i = 0; i < 200; ++i) {
      own.deallocate(own.allocate(50'000'000));
      static_cast<void>(own.live_blocks());
    }
    other.join();
    own.verify();
    return ran && own.check_leaks().blocks == 0;
  }));
  pool.deallocate(pool.allocate(5000));
  pool.verify();
}

INSTANTIATE_TEST_SUITE_P(Modes, Fork, testing::Values(PoolMode::pages, PoolMode::segments, PoolMode::off),
                         [](const auto& mode) {
                           return mode.param == PoolMode::pages      ? "pages"
                                  : mode.param == PoolMode::segments ? "segments"
                                                                     : "off";
                         });

}  // namespace
}  // namespace weir
