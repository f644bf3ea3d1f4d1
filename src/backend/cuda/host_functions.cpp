#include "backend/cuda/host_functions.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <utility>

#include "core/elsewhere.hpp"
#include "core/later_ends.hpp"

namespace weir::backend::cuda {

// Those that the driver has to call.
struct HostFunctions::Calls {
  std::mutex mutex;
  std::condition_variable fewer;
  std::set<Single*> waiting = {};
  Calls* before = nullptr;  // of those that keep() was called for

  void give_up() noexcept;
  void keep() noexcept;
};

// In a stream: called once.
class HostFunctions::Single final : public core::EndsLater {
 public:
  explicit Single(std::shared_ptr<Calls> calls) : calls_(std::move(calls)) {}

  static void call(void* queued) {
    auto* const here = static_cast<Single*>(queued);
    const std::shared_ptr<Calls> calls = here->calls_;
    {
      const std::lock_guard lock(calls->mutex);
      if (!here->work_) return;  // given up
      here->called_ = true;
    }
    {
      const OnDriverThread mark;
      const core::InQueuedWork queued_work;
      here->work_();
    }
    // Kept before the work counts as done, and before an end of the backend goes on.
    const std::lock_guard lock(calls->mutex);
    calls->waiting.erase(here);
    core::end_later(std::unique_ptr<EndsLater>(here));
    calls->fewer.notify_all();
  }

 private:
  friend class HostFunctions;
  const std::shared_ptr<Calls> calls_;
  std::function<void()> work_;
  bool called_ = false;
};

// In a graph, which owns it.
struct HostFunctions::Captured final : core::EndsLater {
  std::function<void()> work;

  static void call(void* owned) {
    const OnDriverThread mark;
    const core::InQueuedWork queued_work;
    static_cast<Captured*>(owned)->work();
  }
  static void end(void* owned) { core::end_later(std::unique_ptr<EndsLater>(static_cast<Captured*>(owned))); }
};

// What they hold ends here; they themselves stay for a driver that calls one after all.
void HostFunctions::Calls::give_up() noexcept {
  for (;;) {
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex);
      for (Single* each : waiting) {
        if (each->called_ || !each->work_) continue;
        work = std::exchange(each->work_, nullptr);
        break;
      }
    }
    if (!work) return;
    const core::InQueuedWork here;
    work = nullptr;
  }
}

// The driver may call one of them still, at any time: they stay for good, some bytes each, where checkers of leaks find
// them.
void HostFunctions::Calls::keep() noexcept {
  static constinit std::atomic<Calls*> last{nullptr};
  const std::lock_guard lock(mutex);
  if (std::all_of(waiting.begin(), waiting.end(), [](const Single* each) { return each->called_; })) return;
  before = last.load(std::memory_order_relaxed);
  while (!last.compare_exchange_weak(before, this, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

HostFunctions::HostFunctions(const Context& context) : context_(context), calls_(std::make_shared<Calls>()) {
  core::prepare_to_end_later();
}

HostFunctions::~HostFunctions() {
  using namespace std::chrono_literals;
  if (exiting()) return;
  const auto end = std::chrono::steady_clock::now() + 10s;
  std::unique_lock lock(calls_->mutex);
  while (!calls_->waiting.empty() && !context_.lost() && std::chrono::steady_clock::now() < end) {
    calls_->fewer.wait_for(lock, 1ms);
    lock.unlock();
    static_cast<void>(context_.info());  // any call tells of a loss
    lock.lock();
  }
  lock.unlock();
  if (context_.lost()) {
    calls_->give_up();
    calls_->keep();
  }
  core::end_all_kept();
}

CUgraph HostFunctions::captured_into(CUstream stream) {
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  CUgraph graph = nullptr;
  const CUresult code = context_.driver().stream_capture_info(stream, &status, nullptr, &graph, nullptr, nullptr);
  // The legacy stream while one that it waits for is captured: the launch is refused.
  if (code == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT) return nullptr;
  context_.check(code, "cuStreamGetCaptureInfo");
  return status == CU_STREAM_CAPTURE_STATUS_ACTIVE ? graph : nullptr;
}

void HostFunctions::run_in_graph(CUgraph graph, CUstream stream, std::function<void()>& work) {
  auto taken = std::make_unique<Captured>();
  CUuserObject object = nullptr;
  context_.check(
      context_.driver().object_create(&object, taken.get(), &Captured::end, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC),
      "cuUserObjectCreate");
  Captured* const owned = taken.release();
  owned->work.swap(work);
  const CUresult code = context_.driver().graph_retain_object(graph, object, 1, CU_GRAPH_USER_OBJECT_MOVE);
  if (code != CUDA_SUCCESS) context_.note(context_.driver().object_release(object, 1), "cuUserObjectRelease");
  context_.check(code, "cuGraphRetainUserObject");
  context_.check(context_.driver().launch_host(stream, &Captured::call, owned), "cuLaunchHostFunc");
}

void HostFunctions::run(CUstream stream, std::function<void()>& work) {
  const Current current(context_);
  if (CUgraph graph = captured_into(stream)) return run_in_graph(graph, stream, work);
  auto taken = std::make_unique<Single>(calls_);
  {
    const std::lock_guard lock(calls_->mutex);
    calls_->waiting.insert(taken.get());
    taken->work_.swap(work);
  }
  const CUresult code = context_.driver().launch_host(stream, &Single::call, taken.get());
  if (code != CUDA_SUCCESS) {
    const std::lock_guard lock(calls_->mutex);
    calls_->waiting.erase(taken.get());
    taken->work_.swap(work);
  } else {
    static_cast<void>(taken.release());  // the call's own from here on
  }
  context_.check(code, "cuLaunchHostFunc");
}

void HostFunctions::end_finished() noexcept {
  if (core::ends_nothing_here()) return;
  if (context_.lost()) calls_->give_up();
  core::end_kept();
}

void HostFunctions::end_all_finished() noexcept {
  if (core::ends_nothing_here()) return;
  if (context_.lost()) calls_->give_up();
  core::end_all_kept();
}

}  // namespace weir::backend::cuda
