#include "backend/cuda/streams.hpp"

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include <weir/errors.hpp>

#include "backend/cuda/profiler.hpp"
#include "core/deadline.hpp"
#include "core/pacing.hpp"
#include "core/reserve_more.hpp"

namespace weir::backend::cuda {

using device::DriverCalls;
using device::EventId;

namespace {

CUevent native(EventId event) {
  return reinterpret_cast<CUevent>(static_cast<std::uint64_t>(event));  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

struct Streams::Handle::Entry {
  enum class Kind : std::uint8_t { own, adopted, legacy, per_thread };

  Entry(const Context& of, CUstream stream, Kind what) : context(of), handle(stream), kind(what) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() {
    if (kind != Kind::own) return;
    const Current current(context, std::nothrow);
    if (!current) return;
    context.note(context.driver().stream_destroy(handle), "cuStreamDestroy");
  }

  const Context& context;
  const CUstream handle;  // NOLINT(misc-misplaced-const): the handle is what stays
  const Kind kind;
  const std::thread::id thread = std::this_thread::get_id();  // of a per-thread stream
  std::atomic<bool> left{false};                              // by that thread, whose id another may have
  [[nodiscard]] bool foreign() const noexcept {
    return kind == Kind::per_thread && (left || thread != std::this_thread::get_id());
  }
  bool of_capture = false;
  std::atomic<bool> capturing{false};  // while of_capture: the graph is not released
};

Streams::Streams(const Context& context) : context_(context) {
  entries_.emplace(StreamId::legacy_default, std::make_shared<Entry>(context_, CU_STREAM_LEGACY, Entry::Kind::legacy));
}

Streams::~Streams() {
  for (const Ending& each : ending_) release(each.last);
  const Current current(context_, std::nothrow);
  if (!current) return;
  for (CUevent event : spare_)
    context_.note(context_.driver().event_destroy(event), {"cuEventDestroy", &DriverCalls::events});
}

// --- Streams ---

StreamId Streams::add(std::shared_ptr<Entry> entry) {
  const StreamId id = device::next_stream_id();
  const std::lock_guard lock(mutex_);
  entries_.emplace(id, std::move(entry));
  return id;
}

StreamId Streams::create() {
  drop_ended();
  const Current current(context_);
  CUstream handle = nullptr;
  context_.check(context_.driver().stream_create(&handle, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  const StreamId id = add(std::make_shared<Entry>(context_, handle, Entry::Kind::own));
  name_stream(handle, id);
  return id;
}

StreamId Streams::adopt(CUstream handle) {
  if (handle == nullptr || handle == CU_STREAM_LEGACY) return StreamId::legacy_default;
  const Current current(context_);
  CUcontext context = nullptr;
  context_.check_shared(context_.driver().stream_context(handle, &context), "cuStreamGetCtx");
  if (context != context_.handle()) {
    throw InvalidArgument("adopt_stream: the stream belongs to another context than the primary one of the device",
                          {.name = "stream"});
  }
  {
    // One order is one stream: a handle that is here already keeps its id.
    const std::shared_lock lock(mutex_);
    for (const auto& [id, entry] : entries_) {
      if (entry->handle == handle && !entry->of_capture) {
        throw InvalidArgument("adopt_stream: the stream is known already, as stream " +
                                  std::to_string(static_cast<std::uint32_t>(id)) + "; use that one",
                              {.name = "stream"});
      }
    }
  }
  return add(std::make_shared<Entry>(context_, handle, Entry::Kind::adopted));
}

StreamId Streams::begin_capture(StreamId stream) {
  const Handle captured = find(resolve(stream));
  const Entry::Kind kind = captured.entry_->kind;
  if (captured.of_capture() || kind == Entry::Kind::legacy) {
    throw InvalidArgument("begin_capture: neither the legacy default stream nor a capture's own can be captured",
                          {.name = "stream"});
  }
  auto entry =
      std::make_shared<Entry>(context_, captured.get(), kind == Entry::Kind::own ? Entry::Kind::adopted : kind);
  entry->of_capture = true;
  entry->capturing = true;
  return add(std::move(entry));
}

void Streams::end_capture(StreamId stream) noexcept {
  if (const auto entry = find_or_null(stream)) entry->capturing = false;
}

void Streams::destroy(StreamId stream) noexcept {
  std::shared_ptr<Entry> last;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(stream);
    if (found == entries_.end() || found->second->kind == Entry::Kind::legacy) return;
    last = std::move(found->second);
    entries_.erase(found);
  }
  if (last->kind == Entry::Kind::own) {
    const Current current(context_, std::nothrow);
    if (current) context_.note(context_.driver().stream_synchronize(last->handle), "cuStreamSynchronize");
  }
  // Its owner may destroy an adopted stream at once: no call with it is under way any more then.
  while (last->kind == Entry::Kind::adopted && last.use_count() > 1) std::this_thread::yield();
}

StreamId Streams::resolve(StreamId stream) {
  static_cast<void>(find(stream));
  return stream;
}

StreamId Streams::create_per_thread() {
  drop_ended();
  return add(std::make_shared<Entry>(context_, CU_STREAM_PER_THREAD, Entry::Kind::per_thread));
}

void Streams::leave_thread(StreamId stream) noexcept {
  if (const auto entry = find_or_null(stream)) entry->left = true;
}

void Streams::end_after_work(StreamId stream) noexcept {
  {
    const std::lock_guard lock(mutex_);
    ending_.push_back({.stream = stream});
  }
  drop_ended();
}

// Each is taken out while it is looked at, so that one thread does.
void Streams::drop_ended() noexcept {
  std::vector<Ending> looked_at;
  {
    const std::lock_guard lock(mutex_);
    looked_at.swap(ending_);
  }
  std::erase_if(looked_at, [&](Ending& each) {
    try {
      if (each.last == EventId::none && capturing(StreamId::legacy_default)) return false;
      if (each.last == EventId::none) each.last = record(each.stream);
      if (!query(each.last)) return false;
    } catch (const InvalidArgument&) {  // NOLINT(bugprone-empty-catch): somebody ended it before
    } catch (const DeviceLost&) {       // NOLINT(bugprone-empty-catch): nothing runs there any more
    } catch (const Error&) {
      return false;
    }
    release(each.last);
    destroy(each.stream);
    return true;
  });
  const std::lock_guard lock(mutex_);
  ending_.insert(ending_.end(), looked_at.begin(), looked_at.end());
}

std::shared_ptr<Streams::Entry> Streams::find_or_null(StreamId stream) const {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(stream);
  return found == entries_.end() ? nullptr : found->second;
}

Streams::Handle Streams::find(StreamId stream) {
  auto entry = find_or_null(stream);
  if (!entry) device::refuse_stream(stream);
  CUstream handle = entry->foreign() ? CU_STREAM_LEGACY : entry->handle;
  const bool of_capture = entry->of_capture;
  return {std::move(entry), handle, of_capture};
}

bool Streams::capturing(StreamId stream) const noexcept {
  const auto entry = find_or_null(stream);
  if (!entry) return false;
  if (entry->of_capture) return entry->capturing;
  if (entry->foreign()) return false;
  const Current current(context_, std::nothrow);
  if (!current) return false;
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  const CUresult code = context_.driver().stream_capturing(entry->handle, &status);
  // The legacy stream cannot be used, nor waited for, while a stream that it waits for is captured.
  const bool by_another = code == CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  context_.note(by_another ? CUDA_SUCCESS : code, "cuStreamIsCapturing");
  return by_another || (code == CUDA_SUCCESS && status != CU_STREAM_CAPTURE_STATUS_NONE);
}

// --- Events ---

CUevent Streams::take_event() {
  {
    const std::lock_guard lock(events_mutex_);
    if (!spare_.empty()) {
      CUevent event = spare_.back();
      spare_.pop_back();
      return event;
    }
    ++events_made_;
    core::reserve_more(spare_, events_made_ - spare_.size());  // so that release() never allocates
  }
  CUevent event = nullptr;
  context_.check(context_.driver().event_create(&event, CU_EVENT_DISABLE_TIMING),
                 {"cuEventCreate", &DriverCalls::events});
  return event;
}

EventId Streams::record(StreamId stream) {
  const Handle on = find(stream);
  if (capturing(stream)) {
    throw DriverError(
        "stream " + std::to_string(static_cast<std::uint32_t>(stream)) +
            " is being captured, so that no event can be recorded on it; use the stream that begin_capture gave",
        {.name = "cuEventRecord", .native_code = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED});
  }
  const Current current(context_);
  CUevent event = take_event();
  const auto id = static_cast<EventId>(reinterpret_cast<std::uint64_t>(event));
  try {
    context_.check(context_.driver().event_record(event, on.get()), {"cuEventRecord", &DriverCalls::events});
  } catch (...) {
    release(id);
    throw;
  }
  return id;
}

bool Streams::is_done(EventId event) {
  if (event == EventId::none) return true;
  const CUresult code = context_.driver().event_query(native(event));
  if (code == CUDA_ERROR_NOT_READY) {
    context_.count(&DriverCalls::events);
    return false;
  }
  context_.check(code, {"cuEventQuery", &DriverCalls::events});
  return true;
}

bool Streams::query(EventId event) {
  if (event == EventId::none) return true;
  const Current current(context_);
  return is_done(event);
}

// The driver's own waits have no deadline, and are for one event.
bool Streams::wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) {
  const bool any_past = std::find(events.begin(), events.end(), EventId::none) != events.end();
  if (events.empty() || any_past) return true;
  const auto start = std::chrono::steady_clock::now();
  const auto end = start + std::min(deadline, core::longest_wait);
  core::Pacing pacing;
  for (;;) {
    {
      const Current current(context_);
      if (std::any_of(events.begin(), events.end(), [&](EventId event) { return is_done(event); })) return true;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= end) return false;
    pacing.rest(now - start, end - now);
  }
}

void Streams::stream_wait(StreamId stream, EventId event) {
  const Handle on = find(stream);
  if (event == EventId::none) return;
  const Current current(context_);
  context_.check(context_.driver().stream_wait(on.get(), native(event), CU_EVENT_WAIT_DEFAULT),
                 {"cuStreamWaitEvent", &DriverCalls::events});
}

void Streams::release(EventId event) noexcept {
  if (event == EventId::none) return;
  const std::lock_guard lock(events_mutex_);
  spare_.push_back(native(event));
}

}  // namespace weir::backend::cuda
