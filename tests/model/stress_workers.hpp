// Threads that run freely over one pool, each a random program of its own. What queued work finds in its blocks is
// checked in stream order, so memory that is handed out too early shows. While they run only bounds are checked; who
// calls them compares totals once they are done. Called by the stress and soak tests.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <weir/weir.hpp>

#include "contract/fake_clock.hpp"
#include "device/access.hpp"
#include "open_backend.hpp"
#include "support/faulty_backend.hpp"
#include "support/thread.hpp"

namespace weir::model {

using namespace std::chrono_literals;

inline constexpr std::size_t workers = 4;
inline constexpr std::size_t lives = 3;  // threads that follow one another in a worker's place
inline constexpr std::uint64_t limit = 96_MiB;
inline constexpr std::uint64_t live_of_worker = 22_MiB;  // so that all together meet the limit now and then

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
/// A program for each worker, all at once, and then all that they hold is freed. Gives the sums of what they did.
[[nodiscard]] Worker run_all(Common& common, std::uint64_t seed, std::uint64_t operations);
/// All work is done, and all memory back with the driver.
[[nodiscard]] Statistics come_to_rest(Common& common);

}  // namespace weir::model
