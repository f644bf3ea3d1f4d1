#include "backend/host/host_streams.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include <weir/errors.hpp>

#include "core/elsewhere.hpp"
#include "core/thread.hpp"

namespace weir::backend::host {
namespace {

// An event packs its stream and position into one value, so that it needs no table.
constexpr unsigned position_bits = 40;

device::EventId pack(StreamId stream, std::uint64_t position) {
  if (position == 0) return device::EventId::none;
  return static_cast<device::EventId>((std::uint64_t{static_cast<std::uint32_t>(stream)} << position_bits) | position);
}

StreamId stream_of(device::EventId event) {
  return static_cast<StreamId>(static_cast<std::uint64_t>(event) >> position_bits);
}

std::uint64_t position_of(device::EventId event) {
  return static_cast<std::uint64_t>(event) & ((std::uint64_t{1} << position_bits) - 1);
}

}  // namespace

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
    return told_at_.wait_for(lock, std::min(deadline, longest), [&] { return told_; });
  }

 private:
  static constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365);  // from now, still a time

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
  workers_.emplace(StreamId::legacy_default, std::make_shared<Worker>(StreamId::legacy_default));
}

// Each to its end before any goes: a wait that is queued on one keeps another, and must not be the last to do so.
HostStreams::~HostStreams() {
  for (const auto& [stream, worker] : workers_) worker->finish();
}

StreamId HostStreams::create() {
  drop_ended();
  const StreamId id = device::next_stream_id();
  auto worker = std::make_shared<Worker>(id);
  const std::lock_guard lock(mutex_);
  workers_.emplace(id, std::move(worker));
  return id;
}

void HostStreams::destroy(StreamId stream) noexcept {
  const std::shared_ptr<Worker> last = find_or_null(stream);
  if (!last) return;
  // Only then: while its work runs, its events must not look past.
  last->finish();
  const std::lock_guard lock(mutex_);
  workers_.erase(stream);
}

void HostStreams::end_after_work(StreamId stream) noexcept {
  const std::shared_ptr<Worker> last = find_or_null(stream);
  if (!last) return;
  last->close();
  {
    const std::lock_guard lock(mutex_);
    ending_.push_back(stream);
  }
  drop_ended();
}

// Their threads have ended, or are about to.
void HostStreams::drop_ended() noexcept {
  std::vector<std::shared_ptr<Worker>> ended;  // joined after the lock
  const std::lock_guard lock(mutex_);
  std::erase_if(ending_, [&](StreamId stream) {
    const auto found = workers_.find(stream);
    if (found == workers_.end()) return true;
    if (!found->second->over()) return false;
    ended.push_back(std::move(found->second));
    workers_.erase(found);
    return true;
  });
}

StreamId HostStreams::resolve(StreamId stream) {
  static_cast<void>(find(stream));
  return stream;
}

std::shared_ptr<HostStreams::Worker> HostStreams::find_or_null(StreamId stream) {
  const std::lock_guard lock(mutex_);
  const auto found = workers_.find(stream);
  return found == workers_.end() ? nullptr : found->second;
}

std::shared_ptr<HostStreams::Worker> HostStreams::find(StreamId stream) {
  if (auto worker = find_or_null(stream)) return worker;
  throw InvalidArgument("stream " + std::to_string(static_cast<std::uint32_t>(stream)) +
                            " does not exist on this device or was destroyed",
                        {.name = "stream"});
}

void HostStreams::run(StreamId stream, std::function<void()> work) { find(stream)->submit(std::move(work)); }

device::EventId HostStreams::record(StreamId stream) { return pack(stream, find(stream)->submitted()); }

bool HostStreams::query(device::EventId event) {
  const auto worker = event == device::EventId::none ? nullptr : find_or_null(stream_of(event));
  return !worker || worker->done(position_of(event));
}

bool HostStreams::wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline) {
  Watch watch;
  std::vector<std::shared_ptr<Worker>> watched;
  watched.reserve(events.size());
  bool done = events.empty();
  for (std::size_t i = 0; i < events.size() && !done; ++i) {
    auto worker = events[i] == device::EventId::none ? nullptr : find_or_null(stream_of(events[i]));
    done = !worker || worker->watch(position_of(events[i]), watch);
    if (!done) watched.push_back(std::move(worker));
  }
  if (!done) done = watch.wait(deadline);
  for (const auto& worker : watched) worker->unwatch(watch);
  return done;
}

void HostStreams::stream_wait(StreamId stream, device::EventId event) {
  if (query(event)) return;
  auto worker = find_or_null(stream_of(event));
  if (!worker) return;
  run(stream, [worker = std::move(worker), position = position_of(event)] {
    Watch watch;
    while (!worker->watch(position, watch)) {
      static_cast<void>(watch.wait(std::chrono::nanoseconds::max()));
      worker->unwatch(watch);
    }
  });
}

}  // namespace weir::backend::host
