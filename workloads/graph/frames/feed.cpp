#include "workloads/graph/frames/feed.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace weir::graph {

Feed::Feed(MemoryManager& memory, Buffers buffers, StreamId compute, FrameMode mode, FrameSink& sink,
           std::chrono::nanoseconds patience)
    : memory_(memory),
      buffers_(std::move(buffers)),
      compute_(compute),
      mode_(mode),
      sink_(sink),
      patience_(patience),
      device_(memory.device()) {
  if (mode == FrameMode::none) {
    throw InvalidArgument("frames: a feed was asked for with frames off; ask for sync, latest or every",
                          {.name = "frames"});
  }
  waiter_ = std::thread([this] { await_downloads(); });
  try {
    giver_ = std::thread([this] { give_frames(); });
  } catch (...) {
    fail(std::current_exception());
    waiter_.join();
    throw;
  }
}

Feed::~Feed() { end(); }

void Feed::end() noexcept {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  if (waiter_.joinable()) waiter_.join();
  if (giver_.joinable()) giver_.join();
}

// --- The thread that queues steps ---

void Feed::take(std::uint64_t step) {
  std::unique_lock lock(mutex_);
  throw_failure();
  last_step_ = step;
  if (mode_ == FrameMode::latest && frames_.size() == frame_slots) {
    ++counts_.dropped;
    if (reading_) std::for_each(std::next(frames_.begin()), frames_.end(), [](Started& each) { each.outrun = true; });
    return;
  }
  start(step, lock);
  if (mode_ != FrameMode::sync) return;
  changed_.wait(lock, [&] { return frames_.empty() || failure_; });
  throw_failure();
}

void Feed::finish() {
  {
    std::unique_lock lock(mutex_);
    throw_failure();
    if (last_started_ != last_step_) {
      --counts_.dropped;
      start(last_step_, lock);
    }
  }
  drain();
}

void Feed::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return frames_.empty() || failure_; });
  throw_failure();
}

// Downloads are started without the lock, as the driver is called: this thread alone starts any.
void Feed::start(std::uint64_t step, std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [&] { return frames_.size() < frame_slots || failure_; });
  throw_failure();
  lock.unlock();
  try {
    memory_.start_download(buffers_.positions, compute_);
    queue_stamp(device_, compute_, timeline_, &Timeline::snapshot_ended);
    memory_.start_download(buffers_.velocities, compute_);
  } catch (...) {
    fail(std::current_exception());  // one of the two may be under way, so that their slots are out of step
    throw;
  }
  lock.lock();
  frames_.push_back({.frame = {.step = step, .positions = {}, .velocities = {}}});
  last_started_ = step;
  changed_.notify_all();
}

void Feed::throw_failure() const {
  if (failure_) std::rethrow_exception(failure_);
}

void Feed::fail(std::exception_ptr failure) noexcept {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = std::move(failure);
  changed_.notify_all();
}

Feed::Counts Feed::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

// --- The thread that waits for downloads, and does nothing else, so that their ends are seen when they come ---

void Feed::await_downloads() noexcept {
  try {
    for (std::uint64_t number = 0; await_next(number); ++number) {
      const std::span<const Position> positions = memory_.wait_for_download(buffers_.positions, patience_);
      const std::span<const Position> velocities = memory_.wait_for_download(buffers_.velocities, patience_);
      const Timeline::Clock::time_point at = Timeline::Clock::now();
      arrive(number, positions, velocities);
      timeline_->download_ended(at);
    }
  } catch (...) {
    fail(std::current_exception());
  }
}

void Feed::arrive(std::uint64_t number, std::span<const Position> positions, std::span<const Position> velocities) {
  const std::lock_guard lock(mutex_);
  Started& arrived = frames_.at(number - given_back_);
  arrived.frame.positions = positions;
  arrived.frame.velocities = velocities;
  arrived.arrived = true;
  if (!reading_) arrived.outrun = false;  // the sink waits for it
  changed_.notify_all();
}

bool Feed::await_next(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return number < given_back_ + frames_.size() || ended_ || failure_; });
  return !ended_ && !failure_;
}

// --- The thread that calls the sink ---

void Feed::give_frames() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return (!frames_.empty() && frames_.front().arrived) || ended_ || failure_; });
    if (ended_ || failure_) return;
    if (mode_ == FrameMode::latest) drop_outrun();
    if (frames_.empty() || !frames_.front().arrived) continue;
    const Frame frame = frames_.front().frame;
    reading_ = true;
    lock.unlock();
    std::exception_ptr failure;
    try {
      sink_.take(frame);
    } catch (...) {
      failure = std::current_exception();
    }
    lock.lock();
    reading_ = false;
    if (!failure) {
      ++counts_.frames;
      counts_.last = frame.step;
    }
    if (failure && !failure_) failure_ = std::move(failure);
    frames_.pop_front();
    ++given_back_;
    changed_.notify_all();
  }
}

// What a newer frame has overtaken, and what later steps have: those have no frame, so the next one gets one. A frame
// that is one step behind is as new as any that could come.
void Feed::drop_outrun() {
  const auto overtaken = [&] { return frames_.size() > 1 && frames_[1].arrived; };
  const auto outrun = [&] { return frames_.front().outrun && last_step_ > frames_.front().frame.step + 1; };
  while (!frames_.empty() && frames_.front().arrived && (overtaken() || outrun())) {
    frames_.pop_front();
    ++given_back_;
    ++counts_.dropped;
  }
  changed_.notify_all();
}

}  // namespace weir::graph
