// Feeds a sink with frames while the device computes the next steps. A frame is a snapshot of positions and velocities
// in the order of the stream that computes; it downloads into pinned slots on a stream of the manager's, whose end one
// thread waits for, and another thread gives it to the sink. A slot is not written again before the sink has given it
// back, so no frame is torn or overwritten. What the sink throws, and what a download ends with, comes out of the next
// call. Made by a run and the bench; the buffers have to be there until its end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include <weir/weir.hpp>

#include "workloads/graph/frames/frame.hpp"
#include "workloads/graph/frames/timeline.hpp"

namespace weir::graph {

/// What a buffer that frames are taken of has as `download_slots`: one is read while one downloads and one is taken.
inline constexpr unsigned frame_slots = 3;

class Feed {
 public:
  struct Buffers {
    BufferHandle<Position> positions, velocities;  ///< of the same size, with `frame_slots` download slots each
  };
  struct Counts {
    std::uint64_t frames = 0, dropped = 0;  ///< given to the sink, and not
    std::uint64_t last = 0;                 ///< the step of the last one that it was given
  };

  /// `mode` is not `none`. `patience` bounds the wait for one frame, from its start to its arrival: the steps that were
  /// queued before it included. Throws InvalidArgument for buffers with other slots.
  Feed(MemoryManager& memory, Buffers buffers, StreamId compute, FrameMode mode, FrameSink& sink,
       std::chrono::nanoseconds patience = std::chrono::hours(1));
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;
  /// Frames that nobody took yet are left out.
  ~Feed();

  /// Step `step`, the last that was queued on the stream, ends with a frame. Waits where the mode says so, in `every`
  /// only where all slots are taken; `latest` never does. Throws what the sink threw, Timeout, LimitExceeded.
  void take(std::uint64_t step);
  /// Waits until the sink has all that it is to get, in every mode the last step's frame too. Throws as take.
  void finish();
  /// Waits until the sink has had all frames that were started, so that nothing before them is asked for again. Throws
  /// as take.
  void drain();
  /// Waits until the sink has no frame any more; it gets none from here on.
  void end() noexcept;

  [[nodiscard]] Counts counts() const;
  /// Where the steps' stamps go too.
  [[nodiscard]] const std::shared_ptr<Timeline>& timeline() const noexcept { return timeline_; }

 private:
  /// One that was started; in `frames_` until the sink has given it back.
  struct Started {
    Frame frame;
    bool arrived = false;
    bool outrun = false;  ///< a later step has ended without a frame, while the sink was busy
  };

  void start(std::uint64_t step, std::unique_lock<std::mutex>& lock);
  void throw_failure() const;
  void fail(std::exception_ptr failure) noexcept;
  void await_downloads() noexcept;
  void give_frames() noexcept;
  [[nodiscard]] bool await_next(std::uint64_t number);
  void drop_outrun();
  void arrive(std::uint64_t number, std::span<const Position> positions, std::span<const Position> velocities);

  MemoryManager& memory_;
  const Buffers buffers_;
  const StreamId compute_;
  const FrameMode mode_;
  FrameSink& sink_;
  const std::chrono::nanoseconds patience_;
  Device device_;
  const std::shared_ptr<Timeline> timeline_ = std::make_shared<Timeline>();  // what is queued may outlive this object

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Started> frames_;      // numbers given_back_, given_back_ + 1, …
  std::uint64_t given_back_ = 0;    // by the sink, or dropped
  std::uint64_t last_step_ = 0;     // that take() was called for
  std::uint64_t last_started_ = 0;  // of those, with a frame
  bool reading_ = false;            // the sink has the first of `frames_`
  bool ended_ = false;
  std::exception_ptr failure_;  // the first
  Counts counts_;
  std::thread waiter_, giver_;
};

}  // namespace weir::graph
