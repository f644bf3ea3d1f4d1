// What CUDA alone has: graphs that are launched again and again, and default streams that order each other.
#include <future>
#include <thread>

#include "cuda/fixture.hpp"
#include "support/thread.hpp"

namespace weir::contents {
namespace {

constexpr std::size_t words = std::size_t{3} << 17;  // 3 MiB

class ContentsOfCuda : public Contents {
 protected:
  void SetUp() override {
    Contents::SetUp();
    if (kernels_ && !kernels_->graphs()) {
      kernels_.reset();
      GTEST_SKIP() << "the host has neither graphs nor default streams that order each other";
    }
  }
};

// A graph allocates, frees and allocates again; between its launches others use the pool to its limit.
TEST_P(ContentsOfCuda, AGraphsMemoryIsItsOwnAtEveryLaunch) {
  Pool pool(*device_, {.mode = GetParam().mode, .limit = 64_MiB, .segment_bytes = 8_MiB});
  const StreamId stream = streams_[0];
  kernels_->begin_capture(stream);
  Stream captured = device_->begin_capture(stream);
  void* const first = pool.allocate(8 * words, captured);
  fill(captured, first, words, 1);
  check(captured, first, words, 1);
  pool.deallocate(first, captured);
  void* const second = pool.allocate(8 * words, captured);
  void* const third = pool.allocate(8 * words, captured);
  fill(captured, second, words, 2);
  fill(captured, third, words, 3);
  check(captured, second, words, 2);
  check(captured, third, words, 3);
  pool.deallocate(second, captured);
  pool.deallocate(third, captured);
  kernels_->end_capture(stream);
  for (std::uint64_t launch = 0; launch < 5; ++launch) {
    kernels_->launch_graph(stream);
    std::vector<void*> others;
    while (const auto got = pool.try_allocate(8 * words, streams_[1])) {
      others.push_back(*got);
      fill(streams_[1], *got, words, 100 * launch + others.size());
    }
    EXPECT_GT(others.size(), 3u);
    kernels_->launch_graph(stream);
    for (std::size_t i = 0; i < others.size(); ++i) {
      check(streams_[1], others[i], words, 100 * launch + i + 1);
      pool.deallocate(others[i], streams_[1]);
    }
    static_cast<void>(pool.trim());
  }
  finish();
}

// Another thread's per-thread stream and the legacy one: each comes after the other's work, and memory goes from one to
// the other no earlier.
TEST_P(ContentsOfCuda, TheLegacyStreamAndAnotherThreadsOwn) {
  Pool pool(*device_, {.mode = GetParam().mode, .limit = 8_MiB, .segment_bytes = 8_MiB});
  constexpr StreamId legacy = StreamId::legacy_default;
  constexpr StreamId own = StreamId::per_thread_default;
  for (std::uint64_t round = 0; round < 20; ++round) {
    const std::uint64_t seed = 10 * round;
    std::promise<void*> filled;
    std::promise<void> overwritten;
    TestThread other([&, again = overwritten.get_future()]() mutable {
      void* const block = pool.allocate(8 * words, own);
      fill(own, block, words, seed + 1);
      check(own, block, words, seed + 1);
      filled.set_value(block);
      again.wait();
      check(own, block, words, seed + 2);
      pool.deallocate(block, own);
      device_->synchronize(own, std::chrono::seconds(60));
    });
    void* const block = filled.get_future().get();
    check(legacy, block, words, seed + 1);
    fill(legacy, block, words, seed + 2);
    pool.used_on(block, legacy);
    overwritten.set_value();
    if (round % 2 == 0) other.join();
    std::vector<void*> all;
    for (std::uint64_t i = 0; i < 2; ++i) {
      if (const auto got = pool.try_allocate(8 * words, legacy)) all.push_back(*got);
    }
    for (std::size_t i = 0; i < all.size(); ++i) fill(legacy, all[i], words, seed + 3 + i);
    for (std::size_t i = 0; i < all.size(); ++i) {
      check(legacy, all[i], words, seed + 3 + i);
      pool.deallocate(all[i], legacy);
    }
    if (round % 2 != 0) other.join();
    device_->synchronize(legacy, std::chrono::seconds(60));
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ContentsOfCuda, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contents
