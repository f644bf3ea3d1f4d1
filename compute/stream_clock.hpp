// What work takes on a stream, whatever device it is of: two host functions in the stream's order stamp its begin and
// its end, so whatever holds the stream up between them counts, and other streams' work does not. On the host the time
// in which the stream's thread was ready and waited for a processor is left out, as other programs took that. Used by
// workloads that watch the pace of their streams.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include <weir/device.hpp>

namespace weir::compute {

/// How long the calling thread has been ready to run and waited for a processor, since it began. 0 where the system
/// does not tell. Reads a file of the system's, which takes some microseconds.
[[nodiscard]] std::chrono::nanoseconds waited_for_processor() noexcept;

/// What a team of threads lost to other programs while it computed, from its making to lost(). The calling thread is
/// one of the team.
class TeamClock {
 public:
  TeamClock() noexcept;
  /// Of `seconds` that this took, those beyond an equal share of the processor time that the process had, and beyond
  /// what the calling thread waited for a processor, which StreamClock leaves out. 0 where the process did more beside
  /// it.
  [[nodiscard]] double lost(double seconds, std::size_t threads) const noexcept;

 private:
  std::chrono::nanoseconds waited_;
  double used_;  // seconds of processors, all threads
};

class StreamClock {
 public:
  /// Before work is queued on the stream, and after. Costs two host functions, some 20 µs each on a GPU, in which the
  /// stream does nothing else. Throws as Device::run.
  void start(Device& device, StreamId stream);
  void stop(Device& device, StreamId stream);
  /// From the begin to the end of the work between the last two, once the stream is past it. 0 if none was.
  [[nodiscard]] std::chrono::nanoseconds passed() const noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  struct Stamp {
    std::atomic<Clock::rep> time{0};
    std::atomic<std::chrono::nanoseconds::rep> waited{0};
    std::atomic<std::thread::id> by{};
  };
  struct Stamps {
    Stamp begin, end;
  };
  static void stamp(Stamp& stamp) noexcept;

  std::shared_ptr<Stamps> stamps_;  // with the functions that are queued
};

}  // namespace weir::compute
