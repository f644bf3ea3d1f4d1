// A stream of the fake driver: a queue with a thread that works it off, and what
// each piece of work touches, for as long as it is not done.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::fake_cuda {

/// A piece of work, and the memory it uses.
struct Work {
  struct Range {
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
  };
  std::function<void()> run;
  std::vector<Range> uses = {};
  std::vector<std::shared_ptr<void>> keeps = {};  ///< until it is done
};

/// What a graph holds: work that runs each time it is launched, and user objects, whose destructors the last copy and
/// the last launch call.
struct Graph {
  std::vector<Work> work = {};
  std::vector<std::shared_ptr<void>> objects = {};
};

/// Shut, it keeps all streams from starting work.
class Gate {
 public:
  void shut();
  void open();
  void pass();

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool shut_ = false;
};

class Stream;

/// When a stream came to a position, by the system's clock, in nanoseconds; 0: not yet.
using Arrival = std::atomic<std::int64_t>;

/// All work of a stream up to a position.
struct Point {
  std::shared_ptr<Stream> stream = {};
  std::uint64_t position = 0;
  bool captured = false;
  /// Of one that is late: done so long after the stream came there, which Stream::watch() tells.
  std::shared_ptr<const Arrival> arrival = {};
  std::chrono::nanoseconds lateness{0};
  [[nodiscard]] bool done() const;
  void wait() const;
};

class Stream {
 public:
  Stream(std::shared_ptr<Gate> gate, int device, bool blocking);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  void submit(Work work);
  [[nodiscard]] std::uint64_t submitted();
  /// Told when all that is submitted by now is done.
  [[nodiscard]] std::shared_ptr<const Arrival> watch();
  [[nodiscard]] bool done(std::uint64_t position);
  void wait(std::uint64_t position);
  /// Takes no more work; does what it has.
  void close();
  /// Drops what has not started.
  void drop();
  /// Whether work that is not done uses any of the range.
  [[nodiscard]] bool uses(std::uint64_t address, std::uint64_t bytes);

  [[nodiscard]] int device() const noexcept { return device_; }
  [[nodiscard]] bool blocking() const noexcept { return blocking_; }

  // Guarded by the fake's lock.
  bool capturing = false;
  bool broken = false;
  Graph graph = {};

 private:
  struct Watch {
    std::uint64_t position = 0;
    std::shared_ptr<Arrival> arrival;
  };

  void loop();
  void tell_watches();

  const std::shared_ptr<Gate> gate_;
  const int device_;
  const bool blocking_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> queue_;  // the front one may be running
  std::uint64_t submitted_ = 0;
  std::uint64_t completed_ = 0;
  std::uint64_t drops_ = 0;
  std::deque<Watch> watches_;  // by position
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace weir::fake_cuda
