// The fake's state and rules, and what tests ask of it; the driver's functions
// themselves are in fake_calls.cpp.
#include "fake_cuda/fake_cuda.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "fake_cuda/fake_thread.hpp"

namespace weir::fake_cuda {
namespace {

Fake* in_force = nullptr;

}  // namespace

Fake* current_fake() { return in_force; }

ThreadState& this_thread() {
  thread_local ThreadState state;
  return state;
}

Fake::Fake(const Options& options)
    : options_(options),
      before_(std::exchange(in_force, this)),
      takes_time_(options.model != device::DriverModel{}),
      model_(options.model),
      used_(static_cast<std::size_t>(options.devices)),
      retained_(static_cast<std::size_t>(options.devices)),
      destroyed_(static_cast<std::size_t>(options.devices)) {
  memory_file_ = memfd_create("fake_cuda", MFD_CLOEXEC);
  constexpr off_t most = off_t{1} << 42;  // sparse: only what is written takes memory
  if (memory_file_ < 0 || ftruncate(memory_file_, most) != 0) throw std::runtime_error("no file for the fake's memory");
}

Fake::~Fake() {
  let_go();
  default_streams_.clear();
  streams_.clear();
  ended_.clear();
  for (const auto& [address, bytes] : ranges_) munmap(reinterpret_cast<void*>(address), bytes);
  for (const auto& [address, segment] : segments_) munmap(segment.raw, segment.raw_bytes);
  for (const auto& [address, bytes] : pinned_) munmap(reinterpret_cast<void*>(address), bytes);
  close(memory_file_);
  in_force = before_;
}

// --- What tests ask ---

void Fake::fail(const std::string& call, std::uint64_t nth, CUresult code, std::uint64_t times) {
  const std::lock_guard lock(mutex_);
  failing_[call] = {.before = nth - 1, .times = times, .code = code};
}

void Fake::lose(CUresult code) {
  const std::lock_guard lock(mutex_);
  lost_ = code;
  for (const auto& [handle, each] : streams_) each->drop();
  for (const auto& [key, each] : default_streams_) each->drop();
}

void Fake::heal() {
  const std::lock_guard lock(mutex_);
  lost_ = CUDA_SUCCESS;
  failing_.clear();
}

void Fake::reset_device(int device) {
  std::map<CUstream, std::shared_ptr<Stream>> gone;  // joined after the lock
  const std::lock_guard lock(mutex_);
  destroyed_[static_cast<std::size_t>(device)] = true;
  const auto drop = [&](auto& streams, auto take) {
    std::erase_if(streams, [&](auto& each) {
      if (each.second->device() != device) return false;
      each.second->drop();
      take(each);
      return true;
    });
  };
  drop(streams_, [&](auto& each) { gone.insert(each); });
  drop(default_streams_, [&](auto& each) { ended_.push_back(each.second); });
  std::erase_if(events_,
                [&](const auto& each) { return !each.second.stream || each.second.stream->device() == device; });
  for (const auto& [address, mapping] : mappings_) {
    mmap(reinterpret_cast<void*>(address), mapping.bytes, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  }
  for (const auto& [address, bytes] : ranges_) munmap(reinterpret_cast<void*>(address), bytes);
  for (const auto& [address, segment] : segments_) munmap(segment.raw, segment.raw_bytes);
  for (const auto& [address, bytes] : pinned_) munmap(reinterpret_cast<void*>(address), bytes);
  mappings_.clear();
  ranges_.clear();
  segments_.clear();
  pinned_.clear();
  physical_.clear();
  used_[static_cast<std::size_t>(device)] = 0;
}

std::string Fake::fault() const {
  const std::lock_guard lock(mutex_);
  return fault_;
}

std::uint64_t Fake::calls(const std::string& call) const {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(call);
  return found == calls_.end() ? 0 : found->second;
}

std::uint64_t Fake::calls() const {
  const std::lock_guard lock(mutex_);
  return std::accumulate(calls_.begin(), calls_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& each) { return sum + each.second; });
}

std::uint64_t Fake::direct_bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [handle, physical] : physical_) sum += physical.direct ? physical.bytes : 0;
  return sum;
}

bool Fake::accessible(std::uint64_t address, int device) const {
  const std::lock_guard lock(mutex_);
  return reachable(address, 1, device);
}

std::uint64_t Fake::bytes_used() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = 0;
  for (const std::uint64_t bytes : used_) sum += bytes;
  for (const auto& [address, bytes] : pinned_) sum += bytes;
  return sum;
}

std::size_t Fake::handles() const {
  const std::lock_guard lock(mutex_);
  return physical_.size() + ranges_.size() + mappings_.size() + segments_.size() + pinned_.size() + events_.size();
}

std::size_t Fake::streams() const {
  const std::lock_guard lock(mutex_);
  return streams_.size();
}

std::size_t Fake::contexts_retained() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(retained_.begin(), retained_.end(), [](int n) { return n > 0; }));
}

std::size_t Fake::contexts_made() const {
  const std::lock_guard lock(mutex_);
  return contexts_made_;
}

void Fake::hold() { gate_->shut(); }

void Fake::let_go() { gate_->open(); }

void Fake::take_time(const device::DriverModel& model) {
  const std::lock_guard lock(mutex_);
  model_ = model;
  takes_time_ = model != device::DriverModel{};
}

CUstream Fake::make_stream() {
  const std::lock_guard lock(mutex_);
  auto made = std::make_shared<Stream>(gate_, 0, true);
  auto* handle = reinterpret_cast<CUstream>(made.get());
  streams_.emplace(handle, std::move(made));
  return handle;
}

void Fake::begin_capture(CUstream stream) {
  const std::lock_guard lock(mutex_);
  Stream& captured = *streams_.at(stream);
  captured.capturing = true;
  captured.broken = false;
}

Graph Fake::end_capture(CUstream stream) {
  const std::lock_guard lock(mutex_);
  Stream& captured = *streams_.at(stream);
  captured.capturing = false;
  return std::exchange(captured.graph, {});
}

void Fake::launch(const Graph& graph, CUstream stream) {
  const std::lock_guard lock(mutex_);
  const int device = streams_.at(stream)->device();
  for (Work work : graph.work) {
    for (const Work::Range& range : work.uses) {
      const bool here = reachable(range.address, range.bytes, device) ||
                        pinned(reinterpret_cast<const void*>(range.address), range.bytes);
      if (!here) {
        breach("a graph uses memory that is gone");
        return;
      }
    }
    work.keeps = graph.objects;
    streams_.at(stream)->submit(std::move(work));
  }
}

bool Fake::capture_broken(CUstream stream) const {
  const std::lock_guard lock(mutex_);
  return streams_.at(stream)->broken;
}

// --- Rules ---

CUresult Fake::enter(const char* call, bool needs_context) {
  ++calls_[call];
  if (this_thread().in_callback) {
    return breach(std::string(call) + ": called from a host function", CUDA_ERROR_NOT_PERMITTED);
  }
  if (const auto found = failing_.find(call); found != failing_.end() && found->second.times != 0) {
    Failure& failure = found->second;
    if (failure.before == 0) {
      --failure.times;
      return failure.code;
    }
    --failure.before;
  }
  if (lost_ != CUDA_SUCCESS && std::string_view(call) != "cuDevicePrimaryCtxRelease") return lost_;
  if (!needs_context) return CUDA_SUCCESS;
  if (current_context() == nullptr) {
    return breach(std::string(call) + ": no context is current", CUDA_ERROR_INVALID_CONTEXT);
  }
  const int device = device_of(current_context());
  if (destroyed_[static_cast<std::size_t>(device)]) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  if (retained_[static_cast<std::size_t>(device)] == 0) {
    return breach(std::string(call) + ": the context was released", CUDA_ERROR_CONTEXT_IS_DESTROYED);
  }
  return CUDA_SUCCESS;
}

CUresult Fake::breach(const std::string& rule, CUresult code) {
  if (fault_.empty()) fault_ = rule;
  return code;
}

bool Fake::take(int device, std::uint64_t bytes) {
  std::uint64_t& used = used_[static_cast<std::size_t>(device)];
  if (bytes > options_.memory - used) return false;
  used += bytes;
  return true;
}

std::uint64_t Fake::granularity_of(int device) const noexcept {
  return device == 0 ? options_.granularity : options_.peer_granularity;
}

int Fake::device_at(CUdeviceptr address) const {
  auto mapping = mappings_.upper_bound(address);
  return mapping == mappings_.begin() ? -1 : physical_.at((--mapping)->second.handle).device;
}

bool Fake::reachable(CUdeviceptr address, std::uint64_t bytes, int device) const {
  auto segment = segments_.upper_bound(address);
  if (segment != segments_.begin()) {
    --segment;
    if (address + bytes <= segment->first + segment->second.bytes) return segment->second.device == device;
  }
  auto mapping = mappings_.upper_bound(address);
  if (mapping == mappings_.begin()) return false;
  CUdeviceptr reached = address;
  for (--mapping; mapping != mappings_.end() && reached < address + bytes; ++mapping) {
    const CUdeviceptr end = mapping->first + mapping->second.bytes;
    if (mapping->first > reached || end <= reached || !mapping->second.accessible.contains(device)) {
      return false;
    }
    reached = end;
  }
  return reached >= address + bytes;
}

CUdeviceptr Fake::whole_mappings_end(CUdeviceptr address, std::uint64_t bytes) const {
  CUdeviceptr reached = address;
  for (auto mapping = mappings_.find(address);
       mapping != mappings_.end() && mapping->first == reached && reached < address + bytes; ++mapping) {
    reached += mapping->second.bytes;
  }
  return reached;
}

bool Fake::pinned(const void* address, std::uint64_t bytes) const {
  const auto number = reinterpret_cast<std::uint64_t>(address);
  auto found = pinned_.upper_bound(number);
  if (found == pinned_.begin()) return false;
  --found;
  return number + bytes <= found->first + found->second;
}

bool Fake::busy(std::uint64_t address, std::uint64_t bytes) {
  if (lost_ != CUDA_SUCCESS) return false;
  const auto uses = [&](const auto& each) { return each.second->uses(address, bytes); };
  return std::any_of(streams_.begin(), streams_.end(), uses) ||
         std::any_of(default_streams_.begin(), default_streams_.end(), uses) ||
         std::any_of(ended_.begin(), ended_.end(), [&](const auto& each) { return each->uses(address, bytes); });
}

std::shared_ptr<Stream> Fake::stream(CUstream handle) {
  const int device = device_of(current_context());
  if (handle == nullptr || handle == CU_STREAM_LEGACY || handle == CU_STREAM_PER_THREAD) {
    const std::uint64_t thread = handle == CU_STREAM_PER_THREAD ? this_thread().number : 0;
    auto& found = default_streams_[{device, thread}];
    if (!found) {
      found = std::make_shared<Stream>(gate_, device, thread != 0);
      const auto legacy = default_streams_.find({device, 0});
      if (thread != 0 && legacy != default_streams_.end() && legacy->second) {
        const Point before{legacy->second, legacy->second->submitted()};
        found->submit({.run = [before] { before.wait(); }});
      }
    }
    return found;
  }
  const auto found = streams_.find(handle);
  if (found == streams_.end()) {
    breach("a stream is used that was destroyed, or never was");
    return nullptr;
  }
  if (found->second->device() != device) {
    breach("a stream is used in another context than its own");
    return nullptr;
  }
  return found->second;
}

// The legacy stream waits for all blocking streams of its device, and they for it.
CUresult Fake::queue(CUstream handle, Work work) {
  const std::shared_ptr<Stream> on = stream(handle);
  if (!on) return CUDA_ERROR_INVALID_HANDLE;
  if (on->capturing) {
    on->graph.work.push_back(std::move(work));
    return CUDA_SUCCESS;
  }
  const bool legacy = handle == nullptr || handle == CU_STREAM_LEGACY;
  if (!legacy) {
    on->submit(std::move(work));
    return CUDA_SUCCESS;
  }
  std::vector<std::shared_ptr<Stream>> blocking;
  const auto collect = [&](const auto& each) {
    if (each.second->blocking() && each.second->device() == on->device()) blocking.push_back(each.second);
  };
  std::for_each(streams_.begin(), streams_.end(), collect);
  std::for_each(default_streams_.begin(), default_streams_.end(), collect);
  if (std::any_of(blocking.begin(), blocking.end(), [](const auto& each) { return each->capturing; })) {
    return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  }
  std::vector<Point> before;
  for (const auto& each : blocking) before.push_back({each, each->submitted()});
  work.run = [before, run = std::move(work.run)] {
    for (const Point& point : before) point.wait();
    run();
  };
  on->submit(std::move(work));
  const Point here{on, on->submitted()};
  for (const auto& each : blocking) each->submit({.run = [here] { here.wait(); }});
  return CUDA_SUCCESS;
}

bool Fake::blocking_streams_idle() const {
  const auto idle = [](const auto& each) {
    return !each.second->blocking() || (!each.second->capturing && each.second->done(each.second->submitted()));
  };
  return std::all_of(streams_.begin(), streams_.end(), idle) &&
         std::all_of(default_streams_.begin(), default_streams_.end(), idle);
}

// As the driver has it for a thread that did not ask for the relaxed mode: such a call breaks every capture.
bool Fake::forbidden_in_capture() {
  if (this_thread().mode == CU_STREAM_CAPTURE_MODE_RELAXED) return false;
  bool any = false;
  for (const auto& [handle, each] : streams_) {
    if (!each->capturing) continue;
    each->broken = true;
    any = true;
  }
  if (any) breach("a call that breaks captures was made while a stream was captured");
  return any;
}

}  // namespace weir::fake_cuda
