// The functions of the driver's table, on the fake in force: streams, events, work
// and graphs. Those for devices and contexts are in fake_devices.cpp, those for memory in
// fake_memory.cpp.
#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>

#include "fake_cuda/fake_calls.hpp"

namespace weir::fake_cuda {
namespace {

int here() { return device_of(current_context()); }

}  // namespace

// --- Streams ---

CUresult Calls::stream_create(CUstream* handle, unsigned flags) {
  FAKE_ENTER("cuStreamCreate", true);
  if (flags != CU_STREAM_NON_BLOCKING) return fake.breach("weir's streams are non-blocking ones");
  auto made = std::make_shared<Stream>(fake.gate_, device_of(current_context()), false);
  *handle = reinterpret_cast<CUstream>(made.get());
  fake.streams_.emplace(*handle, std::move(made));
  return CUDA_SUCCESS;
}

CUresult Calls::stream_destroy(CUstream handle) {
  std::vector<std::shared_ptr<Stream>> gone;  // joined after the lock
  FAKE_ENTER("cuStreamDestroy", true);
  const auto ended = fake.stream(handle);
  if (!ended || fake.streams_.erase(handle) == 0) return CUDA_ERROR_INVALID_HANDLE;
  ended->close();
  fake.ended_.push_back(ended);
  std::erase_if(fake.ended_, [&](const std::shared_ptr<Stream>& each) {
    if (!each->done(each->submitted())) return false;
    gone.push_back(each);
    return true;
  });
  return CUDA_SUCCESS;
}

CUresult Calls::stream_synchronize(CUstream handle) {
  Point last;
  {
    FAKE_ENTER("cuStreamSynchronize", true);
    const auto found = fake.stream(handle);
    if (!found) return CUDA_ERROR_INVALID_HANDLE;
    if (found->capturing) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    last = {found, found->submitted()};
  }
  last.wait();
  return CUDA_SUCCESS;
}

CUresult Calls::stream_wait(CUstream handle, CUevent event, unsigned flags) {
  FAKE_ENTER("cuStreamWaitEvent", true);
  const auto point = fake.events_.find(event);
  if (point == fake.events_.end() || flags != 0) return fake.breach("a stream waits for what is no event");
  const auto on = fake.stream(handle);
  if (!on) return CUDA_ERROR_INVALID_HANDLE;
  if (on->capturing && !point->second.captured) {
    on->broken = true;
    return fake.breach("a captured stream waits for an event from outside", CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
  }
  return fake.queue(handle, {.run = [before = point->second] { before.wait(); }});
}

CUresult Calls::stream_capturing(CUstream handle, CUstreamCaptureStatus* status) {
  FAKE_ENTER("cuStreamIsCapturing", true);
  const auto found = fake.stream(handle);
  if (!found) return CUDA_ERROR_INVALID_HANDLE;
  *status = found->capturing ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
  if (handle != CU_STREAM_LEGACY) return CUDA_SUCCESS;
  for (const auto& [other, each] : fake.streams_) {
    if (each->blocking() && each->capturing) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  }
  return CUDA_SUCCESS;
}

CUresult Calls::stream_context(CUstream handle, CUcontext* context) {
  FAKE_ENTER("cuStreamGetCtx", true);
  const auto found = fake.streams_.find(handle);
  if (found == fake.streams_.end()) return CUDA_ERROR_INVALID_HANDLE;
  *context = context_of(found->second->device());
  return CUDA_SUCCESS;
}

CUresult Calls::stream_capture_info(CUstream handle, CUstreamCaptureStatus* status, cuuint64_t*, CUgraph* graph,
                                    const CUgraphNode**, std::size_t*) {
  FAKE_ENTER("cuStreamGetCaptureInfo", true);
  const auto found = fake.stream(handle);
  if (!found) return CUDA_ERROR_INVALID_HANDLE;
  const bool legacy = handle == nullptr || handle == CU_STREAM_LEGACY;
  const auto breaks = [](const auto& each) { return each.second->blocking() && each.second->capturing; };
  if (legacy && std::any_of(fake.streams_.begin(), fake.streams_.end(), breaks)) {
    return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  }
  *status = found->capturing ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE;
  *graph = found->capturing ? reinterpret_cast<CUgraph>(&found->graph) : nullptr;
  return CUDA_SUCCESS;
}

// --- Events ---

CUresult Calls::event_create(CUevent* event, unsigned flags) {
  FAKE_ENTER("cuEventCreate", true);
  if (flags != CU_EVENT_DISABLE_TIMING) return fake.breach("an event that times costs more than weir needs");
  *event = reinterpret_cast<CUevent>(++fake.last_handle_);
  fake.events_[*event] = {};
  return CUDA_SUCCESS;
}

CUresult Calls::event_destroy(CUevent event) {
  FAKE_ENTER("cuEventDestroy", true);
  if (fake.events_.erase(event) == 0) return fake.breach("an event is destroyed twice");
  return CUDA_SUCCESS;
}

CUresult Calls::event_record(CUevent event, CUstream handle) {
  FAKE_ENTER("cuEventRecord", true);
  const auto found = fake.events_.find(event);
  if (found == fake.events_.end()) return fake.breach("an event is recorded that was destroyed");
  const auto on = fake.stream(handle);
  if (!on) return CUDA_ERROR_INVALID_HANDLE;
  if (on->capturing) {
    on->broken = true;
    return fake.breach("an event is recorded on a captured stream");
  }
  const bool legacy = handle == nullptr || handle == CU_STREAM_LEGACY;
  if (legacy && !fake.blocking_streams_idle()) {
    if (const CUresult code = fake.queue(handle, {.run = [] {}}); code != CUDA_SUCCESS) return code;
  }
  found->second = {.stream = on, .position = on->submitted()};
  if (const auto lateness = fake.model_.event; lateness.count() != 0) {
    found->second.arrival = on->watch();
    found->second.lateness = lateness;
  }
  return CUDA_SUCCESS;
}

CUresult Calls::event_query(CUevent event) {
  FAKE_ENTER("cuEventQuery", true);
  if (fake.forbidden_in_capture()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  const auto found = fake.events_.find(event);
  if (found == fake.events_.end()) return fake.breach("an event is queried that was destroyed");
  return found->second.done() ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

// --- Work ---

CUresult Calls::launch_host(CUstream handle, CUhostFn function, void* data) {
  FAKE_ENTER("cuLaunchHostFunc", true);
  return fake.queue(handle, {.run = [=] {
                      ThreadState& here = this_thread();
                      here.in_callback = true;
                      function(data);
                      here.in_callback = false;
                    }});
}

CUresult Calls::fill(CUdeviceptr address, unsigned char value, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemsetD8Async", true);
  if (!fake.reachable(address, bytes, here())) return fake.breach("a fill leaves the accessible memory");
  return fake.queue(handle, {.run = [=] { std::memset(reinterpret_cast<void*>(address), value, bytes); },
                             .uses = {{address, bytes}}});
}

// One piece of memory to another, with all that it touches.
CUresult Calls::move(Fake& fake, std::uint64_t to, std::uint64_t from, std::size_t bytes, CUstream handle) {
  const auto copy = [=] { std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes); };
  return fake.queue(handle, {.run = copy, .uses = {{to, bytes}, {from, bytes}}});
}

CUresult Calls::upload(CUdeviceptr to, const void* from, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyHtoDAsync", true);
  if (!fake.reachable(to, bytes, here())) return fake.breach("an upload leaves the accessible memory");
  if (!fake.pinned(from, bytes)) return fake.breach("an upload from memory that is not pinned");
  return move(fake, to, reinterpret_cast<std::uint64_t>(from), bytes, handle);
}

CUresult Calls::download(void* to, CUdeviceptr from, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyDtoHAsync", true);
  if (!fake.reachable(from, bytes, here())) return fake.breach("a download leaves the accessible memory");
  if (!fake.pinned(to, bytes)) return fake.breach("a download to memory that is not pinned");
  return move(fake, reinterpret_cast<std::uint64_t>(to), from, bytes, handle);
}

CUresult Calls::copy(CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyDtoDAsync", true);
  if (!fake.reachable(to, bytes, here()) || !fake.reachable(from, bytes, here())) {
    return fake.breach("a copy leaves the accessible memory");
  }
  return move(fake, to, from, bytes, handle);
}

CUresult Calls::copy_peer(CUdeviceptr to, CUcontext to_context, CUdeviceptr from, CUcontext from_context,
                          std::size_t bytes, CUstream handle) {
  FAKE_ENTER("cuMemcpyPeerAsync", true);
  if (!fake.reachable(to, bytes, device_of(to_context)) || !fake.reachable(from, bytes, device_of(from_context))) {
    return fake.breach("a copy between devices leaves the accessible memory");
  }
  return move(fake, to, from, bytes, handle);
}

// --- User objects ---

CUresult Calls::object_create(CUuserObject* object, void* data, CUhostFn destroy, unsigned references, unsigned flags) {
  FAKE_ENTER("cuUserObjectCreate", false);
  if (references != 1 || flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC) {
    return fake.breach("cuUserObjectCreate: not one reference, or without the flag that has to be");
  }
  *object = reinterpret_cast<CUuserObject>(++fake.last_handle_);
  // Destroyed on a thread of the driver's.
  fake.objects_[*object] = std::shared_ptr<void>(data, [destroy](void* owned) {
    std::thread([destroy, owned] {
      this_thread().in_callback = true;
      destroy(owned);
    }).join();
  });
  return CUDA_SUCCESS;
}

CUresult Calls::object_release(CUuserObject object, unsigned count) {
  std::shared_ptr<void> last;  // ends after the lock
  FAKE_ENTER("cuUserObjectRelease", false);
  const auto found = fake.objects_.find(object);
  if (found == fake.objects_.end() || count != 1) return fake.breach("cuUserObjectRelease: no such reference");
  last = std::move(found->second);
  fake.objects_.erase(found);
  return CUDA_SUCCESS;
}

CUresult Calls::graph_retain_object(CUgraph graph, CUuserObject object, unsigned count, unsigned flags) {
  FAKE_ENTER("cuGraphRetainUserObject", false);
  const auto captured = std::find_if(fake.streams_.begin(), fake.streams_.end(), [&](const auto& each) {
    return each.second->capturing && reinterpret_cast<CUgraph>(&each.second->graph) == graph;
  });
  const auto found = fake.objects_.find(object);
  if (captured == fake.streams_.end() || found == fake.objects_.end() || count != 1 ||
      flags != CU_GRAPH_USER_OBJECT_MOVE) {
    return fake.breach("cuGraphRetainUserObject: no such graph or reference");
  }
  captured->second->graph.objects.push_back(std::move(found->second));
  fake.objects_.erase(found);
  return CUDA_SUCCESS;
}

const backend::cuda::Driver& Fake::table() {
  static const backend::cuda::Driver driver = [] {
    backend::cuda::Driver filled;
#define FAKE_CALL(member, name) filled.member = &Calls::member;
    WEIR_CUDA_CALLS(FAKE_CALL)
#undef FAKE_CALL
    return filled;
  }();
  return driver;
}

}  // namespace weir::fake_cuda
