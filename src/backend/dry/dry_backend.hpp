// The dry device: addresses without memory, of any size, so that a trace of a
// 50 GiB job runs on a laptop. It counts driver calls as CUDA would make them, and
// takes the time of a DriverModel for them, in time of its own; without a model calls
// cost nothing and all work is done at once. It is as strict as a driver: mapping what
// is mapped, unmapping what is not or using what was destroyed or released throws
// std::logic_error, for it is a fault in weir; where nothing can be thrown, it is kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>

#include "backend/dry/dry_memory.hpp"
#include "backend/dry/dry_streams.hpp"
#include "device/backend.hpp"
#include "device/call_counter.hpp"
#include "device/driver_model.hpp"
#include "device/simulated_time.hpp"

namespace weir::backend::dry {

class DryBackend final : public device::Backend {
 public:
  using Time = std::chrono::nanoseconds;
  using Kind = device::SimulatedTime::Kind;

  /// In real time, in which nothing takes any.
  explicit DryBackend(std::uint64_t capacity) : DryBackend(capacity, {}, Kind::imagined, false) {}
  DryBackend(std::uint64_t capacity, const device::DriverModel& model, Kind time)
      : DryBackend(capacity, model, time, true) {}

  // --- What tests ask of it ---

  /// Other processes hold so much of the device from now on. What weir has it keeps; of the rest, so much less is free.
  void set_foreign_bytes(std::uint64_t bytes) { memory_.set_foreign_bytes(bytes); }
  /// Queues work on a stream that takes so long. Throws InvalidArgument for a stream that does not exist.
  void keep_busy(StreamId stream, Time time) { streams_.keep_busy(stream, time); }
  /// The first rule that was broken in a call that cannot throw: what it was to give back stayed. Null for none.
  [[nodiscard]] const char* fault() const noexcept { return fault_.rule(); }
  /// Events recorded and not released.
  [[nodiscard]] std::size_t events() const { return streams_.events(); }

  // --- The contract ---

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return facts_; }
  [[nodiscard]] DeviceInfo info() const override;

  device::Address reserve(std::uint64_t bytes) override;
  void unreserve(device::Address address, std::uint64_t bytes) noexcept override;
  [[nodiscard]] std::uint32_t max_extent_pages() const noexcept override {
    return std::numeric_limits<std::uint32_t>::max();
  }
  void create(std::span<device::Extent> extents) override;
  void destroy(std::span<const device::Extent> extents) noexcept override;
  void map(device::Address address, std::span<const device::Extent> extents) override;
  void unmap(device::Address address, std::span<const device::Extent> extents) override;

  device::Address allocate_segment(std::uint64_t bytes) override;
  void free_segment(device::Address address, std::uint64_t bytes) noexcept override;
  device::Address allocate_pinned(std::uint64_t bytes) override;
  void free_pinned(device::Address address, std::uint64_t bytes) noexcept override;

  StreamId resolve(StreamId stream) override { return streams_.resolve(stream); }
  StreamId create_stream() override;
  void destroy_stream(StreamId stream) noexcept override;
  device::EventId record(StreamId stream) override;
  bool query(device::EventId event) override;
  bool wait_any(std::span<const device::EventId> events, Time deadline) override;
  void stream_wait(StreamId stream, device::EventId event) override;
  void release(device::EventId event) noexcept override { streams_.release(event); }

  void fill(StreamId stream, device::Address, std::uint8_t, std::uint64_t) override { pretend_work(stream); }
  void copy(StreamId stream, device::Address, device::Address, std::uint64_t) override { pretend_work(stream); }
  void upload(StreamId stream, device::Address, const void*, std::uint64_t) override { pretend_work(stream); }
  void download(StreamId stream, void*, device::Address, std::uint64_t) override { pretend_work(stream); }
  void write(StreamId stream, device::Address, std::span<const std::byte>) override { pretend_work(stream); }
  void run(StreamId stream, std::function<void()> work) override;

  [[nodiscard]] device::DriverCalls driver_calls() const noexcept override { return calls_.seen(); }
  [[nodiscard]] device::SimulatedTime* simulated_time() noexcept override { return shows_time_ ? &time_ : nullptr; }

 private:
  DryBackend(std::uint64_t capacity, const device::DriverModel& model, Kind time, bool shows_time);
  /// So many calls for a purpose, which take so long in all.
  void spend(device::CallPurpose purpose, std::uint64_t calls, Time time) noexcept;
  void pretend_work(StreamId stream);

  const device::DriverModel model_;
  const bool shows_time_;
  device::SimulatedTime time_;
  FirstFault fault_;
  DryMemory memory_;
  DryStreams streams_;
  const DeviceInfo facts_;
  device::CallCounter calls_;
};

/// A dry device of so many bytes, as open_device() opens it.
[[nodiscard]] std::shared_ptr<DryBackend> make_dry_backend(std::uint64_t capacity);
/// One whose driver takes time.
[[nodiscard]] std::shared_ptr<DryBackend> make_dry_backend(
    std::uint64_t capacity, const device::DriverModel& model,
    device::SimulatedTime::Kind time = device::SimulatedTime::Kind::imagined);

}  // namespace weir::backend::dry
