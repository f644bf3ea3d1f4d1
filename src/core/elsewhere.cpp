#include "core/elsewhere.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace weir::core {
namespace {

constinit thread_local bool queued_work = false;
constinit thread_local bool ending_thread = false;

struct End {
  void* object;
  void (*call)(void*);
};

struct Ends {
  std::mutex mutex;
  std::condition_variable done;
  std::deque<End> waiting;
  std::size_t threads = 0;
};

// Whether some wait, and no thread could be made.
constinit std::atomic<bool> stuck{false};

Ends& ends() { return one_a_process<Ends>(); }

void work_off(Ends& all) noexcept {
  ending_thread = true;
  std::unique_lock lock(all.mutex);
  while (!all.waiting.empty()) {
    const End next = all.waiting.front();
    all.waiting.pop_front();
    lock.unlock();
    next.call(next.object);
    lock.lock();
  }
  --all.threads;
  all.done.notify_all();
}

// One for each end that was handed over, so that none waits behind another's work. The lock is held.
void start_thread(Ends& all) noexcept {
  try {
    std::thread([&all] { work_off(all); }).detach();
    ++all.threads;
    stuck = false;
  } catch (const std::system_error&) {
    stuck = all.threads == 0;
  } catch (const std::bad_alloc&) {
    stuck = all.threads == 0;
  }
}

// Drivers must not be taken down around a thread that is in the middle of an end.
void await_ends() {
  constexpr std::chrono::seconds patience{10};
  Ends& all = ends();
  std::unique_lock lock(all.mutex);
  static_cast<void>(all.done.wait_for(lock, patience, [&] { return all.threads == 0; }));
}

}  // namespace

InQueuedWork::InQueuedWork() noexcept : before_(std::exchange(queued_work, true)) {}
InQueuedWork::~InQueuedWork() { queued_work = before_; }

void run_queued_work_from_now_on() noexcept { queued_work = true; }
bool in_queued_work() noexcept { return queued_work; }
bool ends_elsewhere() noexcept { return ending_thread; }

void hand_over(void* object, void (*end)(void*)) noexcept {
  // Registered by the first end and not before, to be called before what was loaded by then is taken down.
  static constinit std::atomic<bool> registered{false};
  try {
    if (!registered.exchange(true)) static_cast<void>(std::atexit(await_ends));
    Ends& all = ends();
    const std::lock_guard lock(all.mutex);
    all.waiting.push_back({object, end});
    start_thread(all);
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): a leak is better than a wait without end
  }
}

void retry_ends() noexcept {
  if (!stuck.load(std::memory_order_relaxed)) return;
  Ends& all = ends();
  const std::lock_guard lock(all.mutex);
  if (!all.waiting.empty() && all.threads == 0) start_thread(all);
}

}  // namespace weir::core
