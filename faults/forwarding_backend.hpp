// A backend that stands before another one and passes every call on, with a hook before each. Invariant: without a hook
// it changes nothing that a caller sees. Thread-safe where the hooks are. Base of the backends that inject faults.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "device/backend.hpp"
#include "faults/call.hpp"

namespace weir::faults {

class ForwardingBackend : public device::Backend, public device::StreamObserver {
 public:
  using Address = device::Address;
  using EventId = device::EventId;
  using Extent = device::Extent;

  /// Throws InvalidArgument for no backend.
  explicit ForwardingBackend(std::shared_ptr<Backend> inner);
  ~ForwardingBackend() override;

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return inner_->facts(); }
  [[nodiscard]] DeviceInfo info() const override { return inner_->info(); }
  [[nodiscard]] Backend& concrete() noexcept override { return inner_->concrete(); }
  Address reserve(std::uint64_t bytes) override;
  void unreserve(Address address, std::uint64_t bytes) noexcept override;
  [[nodiscard]] std::uint32_t max_extent_pages() const noexcept override { return inner_->max_extent_pages(); }
  void create(std::span<Extent> extents) override;
  void destroy(std::span<const Extent> extents) noexcept override;
  void map(Address address, std::span<const Extent> extents) override;
  void unmap(Address address, std::span<const Extent> extents) override;
  Address allocate_segment(std::uint64_t bytes) override;
  void free_segment(Address address, std::uint64_t bytes) noexcept override;
  Address allocate_pinned(std::uint64_t bytes) override;
  void free_pinned(Address address, std::uint64_t bytes) noexcept override;
  StreamId resolve(StreamId stream) override { return inner_->resolve(stream); }
  StreamId create_stream() override;
  void destroy_stream(StreamId stream) noexcept override;
  EventId record(StreamId stream) override;
  bool query(EventId event) override;
  bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) override;
  void stream_wait(StreamId stream, EventId event) override;
  void release(EventId event) noexcept override;
  [[nodiscard]] bool capturing(StreamId stream) const noexcept override { return inner_->capturing(stream); }
  StreamId adopt_stream(std::uint64_t native) override;
  /// Counts as work to come: a kernel that is launched on the handle passes no backend.
  std::uint64_t native_stream(StreamId stream) override;
  void before_foreign_work(StreamId stream) override;
  StreamId begin_capture(StreamId stream) override { return inner_->begin_capture(stream); }
  void end_capture(StreamId stream) noexcept override { inner_->end_capture(stream); }
  void fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) override;
  void copy(StreamId stream, Address to, Address from, std::uint64_t bytes) override;
  void upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) override;
  void download(StreamId stream, void* to, Address from, std::uint64_t bytes) override;
  bool copy_from(StreamId stream, Address to, Backend& source, Address from, std::uint64_t bytes) override;
  void write(StreamId stream, Address to, std::span<const std::byte> bytes) override;
  void run(StreamId stream, std::function<void()> work) override;
  [[nodiscard]] device::DriverCalls driver_calls() const noexcept override { return inner_->driver_calls(); }
  [[nodiscard]] device::SimulatedTime* simulated_time() noexcept override { return inner_->simulated_time(); }
  /// A thread's own stream ends below.
  void stream_ends(StreamId stream) noexcept override { announce_end(stream); }

 protected:
  [[nodiscard]] Backend& inner() const noexcept { return *inner_; }

 private:
  /// Comes before each call that may throw, on its thread. What it throws is what the call throws, and the call is not
  /// passed on.
  virtual void before(const Call& call) { static_cast<void>(call); }
  /// The same for calls that give something back or end it, which cannot fail.
  virtual void before_giving_back(CallKind kind) noexcept { static_cast<void>(kind); }

  const std::shared_ptr<Backend> inner_;
};

}  // namespace weir::faults
