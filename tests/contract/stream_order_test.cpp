// The race that stream order is about: work that is still running writes into a
// block that was freed already, while the pool hands its memory to other streams.
// Slow tasks fill their block and then look whether it is still wholly theirs. A
// careless pool is run through the same detector, to show that it detects.
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

/// Tasks that take their time in a block, and the count of those that did not have it to themselves.
class Detector {
 public:
  /// A task for one block. `Word` is std::uint64_t, or an atomic where overlap is expected.
  template <class Word>
  std::function<void()> task(void* block, std::size_t bytes, std::uint64_t seed) {
    return [this, words = static_cast<Word*>(block), count = bytes / sizeof(Word), seed] {
      constexpr std::size_t parts = 8;
      std::size_t at = 0;
      for (std::size_t part = 1; part <= parts; ++part) {
        for (; at < count * part / parts; at += stride) words[at] = pattern_word(seed, at);
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
      for (std::size_t i = 0; i < count; i += stride) {
        if (words[i] != pattern_word(seed, i)) {
          ++disturbed_;
          break;
        }
      }
      ++done_;
    };
  }
  [[nodiscard]] int disturbed() const { return disturbed_; }
  [[nodiscard]] int done() const { return done_; }

 private:
  static constexpr std::size_t stride = 61;  // words: every granule is touched, and not only at its start
  std::atomic<int> disturbed_{0};
  std::atomic<int> done_{0};
};

// For the work of the others to end on a busy machine, under a validation layer.
constexpr auto most_patience = std::chrono::minutes(2);

class StreamOrder : public PoolContract {
 protected:
  void SetUp() override {
    PoolContract::SetUp();
    if (!IsSkipped() && !info_.pointers) GTEST_SKIP() << info_.name << " runs no host work on its streams";
  }

  /// `threads` threads, each queuing `tasks` tasks on random streams, freeing each block right after.
  void race(Pool& pool, unsigned threads, int tasks, std::size_t max_bytes, bool use_elsewhere) {
    std::vector<Stream> streams;
    for (int i = 0; i < 3; ++i) streams.push_back(device_->stream());
    Detector detector;
    std::vector<TestThread> crew;
    for (unsigned me = 0; me < threads; ++me) {
      crew.emplace_back([&, me] {
        std::mt19937_64 random(me + 1);
        for (int i = 0; i < tasks; ++i) {
          const StreamId home = streams[random() % streams.size()];
          const StreamId user = use_elsewhere ? streams[random() % streams.size()].id() : home;
          const std::size_t bytes = 512 * (1 + random() % (random() % 2 == 0 ? 64 : max_bytes / 512));
          void* block = pool.allocate(bytes, home);
          if (user != home) {
            // The user's work comes after whatever the home stream still does with the memory.
            const device::EventId ready = backend_->record(home);
            backend_->stream_wait(user, ready);
            backend_->release(ready);
            pool.used_on(block, user);
          }
          device_->run(user, detector.task<std::uint64_t>(block, bytes, random()));
          pool.deallocate(block, home);
        }
      });
    }
    for (TestThread& thread : crew) thread.join();
    for (const Stream& stream : streams) device_->synchronize(stream, 60s);
    EXPECT_EQ(detector.disturbed(), 0);
    EXPECT_EQ(detector.done(), static_cast<int>(threads) * tasks);
    pool.maintain();
    EXPECT_EQ(pool.statistics().pending, 0u);
  }
};

// Memory is short, so that streams live on each other's.
TEST_P(StreamOrder, HoldsWhereStreamsShareShortMemory) {
  Pool& pool = make_pool({.limit = 32_MiB, .reclaim_deadline = most_patience});
  race(pool, 1, 400, 6_MiB, false);
}

TEST_P(StreamOrder, HoldsForSeveralThreads) {
  Pool& pool = make_pool({.limit = 96_MiB, .reclaim_deadline = most_patience});
  race(pool, 3, 150, 6_MiB, false);
}

TEST_P(StreamOrder, HoldsForSmallBlocks) {
  Pool& pool = make_pool({.limit = 32_MiB, .reclaim_deadline = most_patience});
  race(pool, 2, 300, 64_KiB, false);
}

TEST_P(StreamOrder, HoldsForBlocksUsedElsewhere) {
  Pool& pool = make_pool({.limit = 96_MiB, .reclaim_deadline = most_patience});
  race(pool, 2, 200, 6_MiB, true);
}

// Trimming and ageing unmap: a task in an unmapped page would crash.
TEST_P(StreamOrder, HoldsWhileMemoryGoesBack) {
  Pool& pool = make_pool({.idle_age = 0s});
  std::atomic<bool> stop{false};
  TestThread trimmer([&] {
    while (!stop) {
      static_cast<void>(pool.trim());
      clock_.advance(2s);
      pool.maintain();
    }
  });
  race(pool, 2, 150, 6_MiB, false);
  stop = true;
  trimmer.join();
}

// A stream that ends while its work still runs leaves its memory only then.
TEST_P(StreamOrder, HoldsForStreamsThatEnd) {
  Pool& pool = make_pool({.limit = 64_MiB, .reclaim_deadline = most_patience});
  Detector detector;
  for (int i = 0; i < 100; ++i) {
    Stream stream = device_->stream();
    void* block = pool.allocate(5_MiB, stream);
    device_->run(stream, detector.task<std::uint64_t>(block, 5_MiB, static_cast<std::uint64_t>(i)));
    pool.deallocate(block, stream);
    TestThread([&pool, &detector, i, ended = std::move(stream), this]() mutable {
      Stream other = device_->stream();
      {
        const Stream gone = std::move(ended);
        pool.retire(gone);
      }
      void* next = pool.allocate(5_MiB, other);
      device_->run(other, detector.task<std::uint64_t>(next, 5_MiB, 1000 + static_cast<std::uint64_t>(i)));
      pool.deallocate(next, other);
      device_->synchronize(other);
    }).join();
  }
  EXPECT_EQ(detector.disturbed(), 0);
  EXPECT_EQ(detector.done(), 200);
}

// The end of the pool waits for the work that still uses its memory.
// The block is freed on a stream that never saw the work of its memory's former life.
TEST_P(StreamOrder, HoldsForWorkOfAFormerLife) {
  Pool& pool = make_pool();
  const Stream first = device_->stream();
  const Stream second = device_->stream();
  for (int round = 0; round < 20; ++round) {
    std::atomic<bool> go{false};
    std::atomic<bool> over{false};
    std::atomic<bool> early{false};
    void* const former = pool.allocate(4096, first);
    device_->run(first, [&] {
      go.wait(false);
      over = true;
    });
    if (pooling()) {  // else the free itself waits
      pool.deallocate(former, first);
      void* const between = pool.allocate(4096, first);
      pool.deallocate(between, second);
    }
    void* const next = pool.allocate(4096, second);
    device_->run(second, [&, same = next == former] { early = same && !over; });
    std::this_thread::sleep_for(1ms);
    go = true;
    go.notify_all();
    device_->synchronize(second);
    device_->synchronize(first);
    EXPECT_FALSE(early) << "round " << round;
    pool.deallocate(next, second);
    if (!pooling()) pool.deallocate(former, first);
  }
}

TEST_P(StreamOrder, HoldsAtTheEndOfThePool) {
  for (int i = 0; i < 20; ++i) {
    Detector detector;
    Stream stream = device_->stream();
    Pool& pool = make_pool();
    void* block = pool.allocate(5_MiB, stream);
    for (std::uint64_t k = 0; k < 5; ++k) device_->run(stream, detector.task<std::uint64_t>(block, 5_MiB, k));
    pool.deallocate(block, stream);
    end_pool(pool);
    EXPECT_EQ(detector.disturbed(), 0);
    device_->synchronize(stream);
    EXPECT_EQ(detector.done(), 5);
  }
}

// The control: handing memory on at once, with no regard to streams, is seen.
TEST(StreamOrderDetector, SeesACarelessPool) {
  Device device = open_device({.backend = "host"});
  Stream first = device.stream();
  Stream second = device.stream();
  constexpr std::size_t bytes = 256_KiB;
  std::vector<std::atomic<std::uint64_t>> memory(bytes / 8);
  Detector detector;
  int tasks = 0;
  while (detector.disturbed() == 0 && tasks < 1000) {
    for (const StreamId stream : {first.id(), second.id()}) {
      device.run(stream,
                 detector.task<std::atomic<std::uint64_t>>(memory.data(), bytes, static_cast<std::uint64_t>(++tasks)));
    }
    device.synchronize(first);
    device.synchronize(second);
  }
  EXPECT_GT(detector.disturbed(), 0);
}

// The control within a pool: work on a stream that is not named, by used_on() or the free, is the caller's fault and
// is seen.
TEST(StreamOrderDetector, SeesABlockFreedOnTheWrongStream) {
  Device device = open_device({.backend = "host"});
  Pool pool(device);
  Stream used = device.stream();
  Stream wrong = device.stream();
  constexpr std::size_t bytes = 256_KiB;
  Detector detector;
  std::uint64_t tasks = 0;
  while (detector.disturbed() == 0 && tasks < 1000) {
    void* block = pool.allocate(bytes, wrong);
    device.run(used, detector.task<std::atomic<std::uint64_t>>(block, bytes, ++tasks));
    pool.deallocate(block, wrong);
    void* next = pool.allocate(bytes, wrong);
    device.run(wrong, detector.task<std::atomic<std::uint64_t>>(next, bytes, ++tasks));
    pool.deallocate(next, wrong);
    device.synchronize(used);
    device.synchronize(wrong);
  }
  EXPECT_GT(detector.disturbed(), 0);
  pool.verify();
}

INSTANTIATE_TEST_SUITE_P(Kinds, StreamOrder, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
