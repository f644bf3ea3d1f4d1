#include "backend/host/host_streams.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include <weir/errors.hpp>

#include "core/deadline.hpp"
#include "core/elsewhere.hpp"
#include "core/thread.hpp"
#include "device/stream_position.hpp"

namespace weir::backend::host {

using device::position_of;
using device::stream_of;
// One thread's wait for any of several positions: each worker that is watched tells when its own is reached.
class HostStreams::Watch {
 public:
  void tell() {
    {
      const std::lock_guard lock(mutex_);
      told_ = true;
    }
    told_at_.notify_one();
  }
  bool wait(std::chrono::nanoseconds deadline) {
    std::unique_lock lock(mutex_);
    return told_at_.wait_for(lock, std::min(deadline, core::longest_wait), [&] { return told_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable told_at_;
  bool told_ = false;
};

class HostStreams::Worker {
 public:
  explicit Worker(StreamId stream) : stream_(stream) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { finish(); }

  /// Runs what is queued to its end; takes nothing more.
  void finish() noexcept {
    close();
    if (thread_.joinable()) thread_.join();
  }

  /// Takes nothing more; the thread ends when what is queued is done.
  void close() noexcept {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    queued_.notify_one();
  }
  /// Whether finish() would wait for no work.
  [[nodiscard]] bool over() {
    const std::lock_guard lock(mutex_);
    return closing_ && completed_ == submitted_ && thread_.get_id() != std::this_thread::get_id();
  }

  void submit(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      if (closing_) throw InvalidArgument("work was queued on a stream that is being destroyed", {.name = "stream"});
      // The first work starts the thread: a stream that is only named costs none.
      if (!thread_.joinable()) {
        const std::string whose = "stream " + std::to_string(static_cast<std::uint32_t>(stream_));
        thread_ = core::start_thread(whose, [this] { loop(); });
      }
      queue_.push_back(std::move(work));
      ++submitted_;
    }
    queued_.notify_one();
  }

  std::uint64_t submitted() {
    const std::lock_guard lock(mutex_);
    return submitted_;
  }

  bool done(std::uint64_t position) {
    const std::lock_guard lock(mutex_);
    return completed_ >= position;
  }

  /// Tells `watch` when the position is reached, until unwatch(); true, and nothing more, where it is already.
  bool watch(std::uint64_t position, Watch& watch) {
    const std::lock_guard lock(mutex_);
    if (completed_ >= position) return true;
    watches_.push_back({position, &watch});
    return false;
  }
  /// From here on the watch may end.
  void unwatch(const Watch& watch) noexcept {
    const std::lock_guard lock(mutex_);
    std::erase_if(watches_, [&](const Watched& each) { return each.by == &watch; });
  }

 private:
  struct Watched {
    std::uint64_t position = 0;
    Watch* by = nullptr;
  };

  void loop() {
    core::run_queued_work_from_now_on();
    std::unique_lock lock(mutex_);
    for (;;) {
      queued_.wait(lock, [&] { return closing_ || !queue_.empty(); });
      if (queue_.empty()) return;
      std::function<void()> work = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      work();
      work = nullptr;
      lock.lock();
      ++completed_;
      for (const Watched& each : watches_) {
        if (each.position <= completed_) each.by->tell();
      }
    }
  }

  const StreamId stream_;
  std::mutex mutex_;
  std::condition_variable queued_;  // for the worker
  std::vector<Watched> watches_;
  std::deque<std::function<void()>> queue_;
  std::uint64_t submitted_ = 0;
  std::uint64_t completed_ = 0;
  bool closing_ = false;
  std::thread thread_;
};

HostStreams::HostStreams() {
  workers_.add(StreamId::legacy_default, std::make_shared<Worker>(StreamId::legacy_default));
}

HostStreams::~HostStreams() { workers_.destroy_all(); }

StreamId HostStreams::create() {
  workers_.drop_ended();
  const StreamId id = device::next_stream_id();
  workers_.add(id, std::make_shared<Worker>(id));
  return id;
}

void HostStreams::destroy(StreamId stream) noexcept { workers_.destroy(stream); }

void HostStreams::end_after_work(StreamId stream) noexcept { workers_.end_after_work(stream); }

StreamId HostStreams::resolve(StreamId stream) {
  static_cast<void>(workers_.find(stream));
  return stream;
}

void HostStreams::run(StreamId stream, std::function<void()> work) { workers_.find(stream)->submit(std::move(work)); }

device::EventId HostStreams::record(StreamId stream) {
  return device::event_at(stream, workers_.find(stream)->submitted());
}

bool HostStreams::query(device::EventId event) {
  const auto worker = workers_.find_or_null(stream_of(event));
  return !worker || worker->done(position_of(event));
}

bool HostStreams::wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline) {
  Watch watch;
  std::vector<std::shared_ptr<Worker>> watched;
  watched.reserve(events.size());
  bool done = events.empty();
  for (std::size_t i = 0; i < events.size() && !done; ++i) {
    auto worker = workers_.find_or_null(stream_of(events[i]));
    done = !worker || worker->watch(position_of(events[i]), watch);
    if (!done) watched.push_back(std::move(worker));
  }
  if (!done) done = watch.wait(deadline);
  for (const auto& worker : watched) worker->unwatch(watch);
  return done;
}

void HostStreams::stream_wait(StreamId stream, device::EventId event) {
  const auto waiting = workers_.find(stream);
  auto worker = workers_.find_or_null(stream_of(event));
  if (!worker || worker->done(position_of(event))) return;
  waiting->submit([worker = std::move(worker), position = position_of(event)] {
    Watch watch;
    while (!worker->watch(position, watch)) {
      static_cast<void>(watch.wait(std::chrono::nanoseconds::max()));
      worker->unwatch(watch);
    }
  });
}

}  // namespace weir::backend::host
