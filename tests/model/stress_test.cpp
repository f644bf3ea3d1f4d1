// Threads that run freely over one pool, each a random program of its own, and what must
// be true once they are done: every total is exactly what the threads counted themselves.
// While they run only bounds are checked. What queued work finds in its blocks is checked
// in stream order, so memory that is handed out too early shows.
// WEIR_MODEL_SEED repeats the programs (not their interleaving), WEIR_MODEL_OPERATIONS
// says how long they are.
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "contract/fake_clock.hpp"
#include "device/access.hpp"
#include "late_events.hpp"
#include "model/environment.hpp"
#include "open_backend.hpp"
#include "support/faulty_backend.hpp"
#include "support/thread.hpp"

namespace weir::model {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t workers = 4;
constexpr std::size_t lives = 3;  // threads that follow one another in a worker's place
constexpr std::uint64_t limit = 96_MiB;
constexpr std::uint64_t live_of_worker = 22_MiB;  // so that all together meet the limit now and then

struct Kind {
  std::string name;
  std::string backend;
  PoolMode mode;
  std::uint64_t thread_cache_bytes = std::uint64_t{1} << 30;
  bool zero = false;
  std::uint64_t share = 1;           ///< it takes one of so many of the operations
  std::chrono::nanoseconds late{0};  ///< events are done so much later than they were recorded

  friend std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }
};

struct Held {
  void* address = nullptr;
  BlockHandle handle;
  std::uint64_t bytes = 0;
  StreamId stream{};
  std::shared_ptr<const Stream> working;  ///< the stream, if work on it uses the block
};

/// What the threads share beside the pool.
struct Common {
  explicit Common(const Kind& kind)
      : late(kind.late),
        backend(open_backend(kind.backend)),
        device(device::Access::make_device(backend, "for the stress test")),
        pool(std::make_unique<Pool>(device, PoolOptions{.name = kind.name,
                                                        .mode = kind.mode,
                                                        .limit = limit,
                                                        .thread_cache_bytes = kind.thread_cache_bytes,
                                                        .zero = kind.zero,
                                                        .reclaim_deadline = kind.late == 0s ? 1ms : 10s,
                                                        .clock = &clock})) {
    backend->delay_events(kind.late);
    for (std::size_t i = 0; i < 2 * workers; ++i) board.push_back(device.stream());
  }

  /// A stream of any worker.
  Stream any_stream(std::uint64_t dice) {
    const std::lock_guard lock(mutex);
    return board[dice % board.size()];
  }

  const std::chrono::nanoseconds late;
  contract::FakeClock clock;
  std::atomic<bool> overwritten{false};
  std::atomic<std::uint64_t> next_mark{1};
  std::shared_ptr<device::FaultyBackend> backend;
  Device device;
  std::unique_ptr<Pool> pool;
  std::mutex mutex;
  std::vector<Stream> board;                    // guarded by the mutex; each worker has two of its own
  std::array<std::vector<Held>, workers> mail;  // the same
  std::string failure;                          // the same; the first
};

class Worker {
 public:
  Worker(Common& common, std::size_t number, std::uint64_t seed) : common_(common), number_(number), random_(seed) {}

  void run(std::uint64_t operations) {
    for (std::size_t life = 0; life < lives; ++life) {
      TestThread([&] {
        try {
          for (std::uint64_t i = 0; i < operations / lives; ++i) step();
          if (life + 1 == lives) free_all();
        } catch (const std::exception& error) {
          const std::lock_guard lock(common_.mutex);
          if (common_.failure.empty()) common_.failure = error.what();
        }
      }).join();
    }
  }
  void free_all() {
    read_mail();
    for (const Held& each : std::exchange(held_, {})) free(each);
  }

  std::uint64_t allocations = 0;
  std::uint64_t frees = 0;
  std::uint64_t requested = 0;
  std::uint64_t refusals = 0;

 private:
  [[nodiscard]] std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }
  [[nodiscard]] Pool& pool() const { return *common_.pool; }

  void step();
  void allocate();
  void free_one();
  void free(const Held& block);
  void read_mail();
  void renew_stream();
  void look();
  void expect(bool holds, const char* what) {
    if (!holds) throw std::logic_error(what);
  }

  [[nodiscard]] std::uint64_t any_size() {
    if (roll(2) == 0) return std::uint64_t{3000} << roll(9);  // a few that repeat, of all kinds
    if (roll(20) == 0) return 2_MiB * (1 + roll(2));
    return static_cast<std::uint64_t>(std::exp2(std::uniform_real_distribution<>(0.0, 21.5)(random_)));
  }
  [[nodiscard]] Stream own_stream() { return common_.any_stream(2 * number_ + roll(2)); }

  Common& common_;
  const std::size_t number_;
  std::mt19937_64 random_;
  std::vector<Held> held_;
  std::uint64_t live_ = 0;
};

void Worker::step() {
  const std::uint64_t dice = roll(1000);
  if (dice < 440) return live_ < live_of_worker || roll(8) == 0 ? allocate() : free_one();
  if (dice < 860) return free_one();
  if (dice < 920) return read_mail();
  if (dice < 960) return look();
  if (dice < 970) return static_cast<void>(pool().trim(roll(2) == 0 ? 0 : roll(limit)));
  if (dice < 980) return pool().maintain();
  if (dice < 983) return renew_stream();
  if (dice < 988) return pool().retire(own_stream());
  if (dice < 989 && common_.late == 0s) return common_.backend->hold_events();  // late ones come, and are waited for
  if (dice < 995) return common_.backend->let_events_go();
  common_.clock.advance(std::chrono::milliseconds(roll(20'000)));
}

void Worker::allocate() {
  Held block;
  const Stream stream = own_stream();
  block.stream = roll(4) == 0 ? StreamId::legacy_default : stream.id();
  block.bytes = roll(100) == 0 ? limit + 1 + roll(limit) : any_size();
  const std::size_t alignment = roll(8) == 0 ? std::size_t{1} << roll(21) : 1;
  try {
    if (roll(3) == 0) {
      block.handle = pool().acquire(block.bytes, block.stream, {.alignment = alignment});
      block.address = reinterpret_cast<void*>(pool().address(block.handle));  // NOLINT(performance-no-int-to-ptr)
    } else {
      block.address = pool().allocate(block.bytes, block.stream, {.alignment = alignment});
    }
  } catch (const LimitExceeded&) {
    ++refusals;
    return;
  } catch (const OutOfMemory&) {
    expect(block.bytes <= limit, "more than the limit, and yet it was not the limit that refused");
    ++refusals;
    return;
  }
  expect(block.bytes <= limit, "more than the limit was given");
  ++allocations;
  requested += block.bytes;
  live_ += block.bytes;
  const bool works = block.stream == stream.id() && block.bytes >= 8 && roll(8) == 0;
  if (works && common_.device.info().pointers) {
    block.working = std::make_shared<const Stream>(stream);
    const std::uint64_t mark = common_.next_mark++;
    auto* const first = static_cast<std::uint64_t*>(block.address);
    auto* const last = first + (block.bytes / 8 - 1);
    common_.device.run(stream, [=] { *first = *last = mark; });
    common_.device.run(stream, [=, &overwritten = common_.overwritten] {
      if (*first != mark || *last != mark) overwritten = true;
    });
  }
  held_.push_back(std::move(block));
}

void Worker::free_one() {
  if (held_.empty()) return;
  // The newest more often than chance has it: hits are what a cache is for.
  const std::size_t at = roll(2) == 0 ? held_.size() - 1 : roll(held_.size());
  std::swap(held_[at], held_.back());
  Held block = std::move(held_.back());
  held_.pop_back();
  live_ -= block.bytes;
  if (roll(16) == 0) pool().used_on(block.address, common_.any_stream(random_()));
  if (roll(4) != 0) return free(block);
  const std::lock_guard lock(common_.mutex);
  common_.mail[roll(workers)].push_back(std::move(block));
}

void Worker::free(const Held& block) {
  const bool same_stream = block.working && roll(2) == 0;
  const StreamId stream = same_stream ? block.stream : own_stream().id();
  if (block.working && !same_stream) pool().used_on(block.address, block.stream);
  if (block.handle != BlockHandle{}) {
    pool().release(block.handle, stream);
  } else {
    pool().deallocate(block.address, stream);
  }
  ++frees;
}

void Worker::read_mail() {
  std::vector<Held> mail;
  {
    const std::lock_guard lock(common_.mutex);
    mail.swap(common_.mail[number_]);
  }
  for (const Held& each : mail) free(each);
}

void Worker::renew_stream() {
  Stream stream = common_.device.stream();
  {
    const std::lock_guard lock(common_.mutex);
    std::swap(common_.board[2 * number_ + roll(2)], stream);
  }
  // The former one ends here, or with the last that holds it.
}

void Worker::look() {
  if (roll(8) == 0) {
    for (const LiveBlock& block : pool().live_blocks()) {
      expect(block.requested <= block.allocated && block.requested <= limit, "live_blocks lists a block with no size");
    }
  }
  expect(pool().check_leaks().blocks < std::uint64_t{1} << 32, "check_leaks counts below zero");
  const Statistics now = pool().statistics();
  expect(now.reserved.live <= limit && now.reserved.peak <= limit, "more is reserved than the limit");
  expect(now.errors == 0, "an error was counted, and none was made");
}

class Stress : public testing::TestWithParam<Kind> {};

TEST_P(Stress, EndsWithExactTotals) {
  WEIR_NEEDS_BACKEND(GetParam().backend)
  const std::uint64_t seed = number_from("WEIR_MODEL_SEED", std::random_device{}());
  const std::uint64_t operations = number_from("WEIR_MODEL_OPERATIONS", 20'000) / GetParam().share;
  std::printf("%s: WEIR_MODEL_SEED=%llu\n", GetParam().name.c_str(), static_cast<unsigned long long>(seed));
  std::fflush(stdout);  // a run that hangs or crashes tells its seed too
  Common common(GetParam());
  std::vector<Worker> crew;
  crew.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) crew.emplace_back(common, i, seed + i);
  std::vector<TestThread> threads;
  threads.reserve(workers);
  for (Worker& worker : crew) threads.emplace_back([&] { worker.run(operations / workers); });
  for (TestThread& thread : threads) thread.join();
  ASSERT_EQ(common.failure, "");
  for (Worker& worker : crew) worker.free_all();

  Worker all(common, 0, 0);
  for (const Worker& worker : crew) {
    all.allocations += worker.allocations;
    all.frees += worker.frees;
    all.requested += worker.requested;
    all.refusals += worker.refusals;
  }
  common.backend->let_events_go();
  Pool& pool = *common.pool;
  Statistics now = pool.statistics();
  EXPECT_EQ(all.frees, all.allocations);
  EXPECT_EQ(now.allocations, all.allocations);
  EXPECT_EQ(now.frees, all.frees);
  EXPECT_EQ(now.requested.cumulative, all.requested);
  EXPECT_EQ(now.refusals, all.refusals);
  EXPECT_GT(now.refusals, 0u);
  EXPECT_EQ(now.requested.live, 0u);
  EXPECT_EQ(now.live, 0u);
  EXPECT_EQ(now.errors, 0u);
  EXPECT_LE(now.requested.peak, limit + workers * 64_KiB);
  EXPECT_EQ(pool.check_leaks().blocks, 0u);
  EXPECT_EQ(pool.check_leaks().bytes, 0u);
  EXPECT_EQ(pool.live_blocks().size(), 0u);
  EXPECT_NO_THROW(pool.verify());

  for (Stream& stream : common.board) common.device.synchronize(stream);
  common.device.synchronize(StreamId::legacy_default);
  static_cast<void>(pool.trim(0));
  now = pool.statistics();
  EXPECT_EQ(now.reserved.live, 0u);
  EXPECT_EQ(now.cached + now.pending + now.mapped_free + now.held, 0u);
  EXPECT_NO_THROW(pool.verify());
  EXPECT_FALSE(common.overwritten) << "memory was handed out while earlier work used it";
  common.pool.reset();
  EXPECT_EQ(common.backend->balance(), device::FaultyBackend::Balance{});
  EXPECT_EQ(common.backend->breach(), "");
  EXPECT_EQ(driver_fault(GetParam().backend), "");
}

const auto name_of = [](const auto& kind) { return kind.param.name; };
using enum PoolMode;

const std::vector<Kind> pools{
    {.name = "host_pages", .backend = "host", .mode = pages},
    {.name = "host_pages_cleared", .backend = "host", .mode = pages, .zero = true, .share = 10},
    {.name = "host_segments", .backend = "host", .mode = segments},
    {.name = "host_off", .backend = "host", .mode = off, .share = 5},
    {.name = "dry_pages", .backend = "dry", .mode = pages},
    {.name = "dry_pages_uncached", .backend = "dry", .mode = pages, .thread_cache_bytes = 0},
    {.name = "dry_segments", .backend = "dry", .mode = segments},
    {.name = "dry_off", .backend = "dry", .mode = off, .share = 5},
    // With late events, by which each wait takes longer.
    {.name = "host_pages_late", .backend = "host", .mode = pages, .share = 20, .late = lateness_asked()},
    {.name = "host_segments_late", .backend = "host", .mode = segments, .share = 20, .late = lateness_asked()},
    {.name = "dry_pages_late", .backend = "dry", .mode = pages, .share = 20, .late = lateness_asked()},
};
INSTANTIATE_TEST_SUITE_P(Pools, Stress, testing::ValuesIn(pools), name_of);

#ifdef WEIR_HAS_CUDA
const std::vector<Kind> cuda{
    {.name = "cuda_pages", .backend = "cuda", .mode = pages},
    {.name = "cuda_segments", .backend = "cuda", .mode = segments},
    {.name = "cuda_fake_pages", .backend = cuda_fake, .mode = pages, .share = 5},
    {.name = "cuda_fake_segments", .backend = cuda_fake, .mode = segments, .share = 5},
    {.name = "cuda_fake_off", .backend = cuda_fake, .mode = off, .share = 5},
};
INSTANTIATE_TEST_SUITE_P(Cuda, Stress, testing::ValuesIn(cuda), name_of);
#endif

}  // namespace
}  // namespace weir::model
