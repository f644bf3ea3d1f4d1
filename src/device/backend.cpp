#include "device/backend.hpp"

#include <algorithm>
#include <atomic>
#include <string>

#include <weir/errors.hpp>

#include "core/later_ends.hpp"

namespace weir::device {

namespace {

[[noreturn]] void refuse(const DeviceInfo& device, const char* call) {
  throw Unsupported(device.name + " has no streams of a driver's own", {.name = call});
}

}  // namespace

const Clock& Backend::clock() noexcept {
  const SimulatedTime* simulated = simulated_time();
  return simulated == nullptr ? Clock::system() : *simulated;
}

void Backend::require_own_process() const {
  if (!in_own_process()) throw core::made_before_fork("this device", "device");
}

StreamId Backend::adopt_stream(std::uint64_t) { refuse(facts(), "adopt_stream"); }

std::uint64_t Backend::native_stream(StreamId) { refuse(facts(), "native_stream"); }

StreamId Backend::begin_capture(StreamId) { refuse(facts(), "begin_capture"); }

bool Backend::copy_from(StreamId, Address, Backend&, Address, std::uint64_t) { return false; }

void Backend::observe(StreamObserver& observer) {
  const std::lock_guard lock(observers_mutex_);
  observers_.push_back(&observer);
}

void Backend::forget(StreamObserver& observer) noexcept {
  const std::lock_guard lock(observers_mutex_);
  observers_.erase(std::remove(observers_.begin(), observers_.end(), &observer), observers_.end());
}

void Backend::announce_end(StreamId stream) noexcept {
  // The lock keeps an observer alive while it is told; observers take only locks of their own. What a host function
  // held may take this one, so it does not end in their calls.
  const core::EndNothingHere mark;
  const std::lock_guard lock(observers_mutex_);
  for (StreamObserver* observer : observers_) observer->stream_ends(stream);
}

namespace {

constinit std::atomic<std::uint32_t> next_id{2};  // 0 and 1 are the default streams

}  // namespace

StreamId next_stream_id() noexcept { return static_cast<StreamId>(next_id.fetch_add(1, std::memory_order_relaxed)); }

bool was_given_out(StreamId stream) noexcept {
  return static_cast<std::uint32_t>(stream) < next_id.load(std::memory_order_relaxed);
}

void refuse_stream(StreamId stream) {
  throw InvalidArgument("stream " + std::to_string(static_cast<std::uint32_t>(stream)) +
                            " does not exist on this device or was destroyed",
                        {.name = "stream"});
}

}  // namespace weir::device
