#include "backend/host/host_backend.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "backend/host/host_memory.hpp"
#include "backend/host/host_pages.hpp"
#include "backend/host/host_streams.hpp"
#include "core/elsewhere.hpp"
#include "core/lazy_memory.hpp"
#include "core/pointer.hpp"

namespace weir::backend::host {
namespace {

using device::Address;
using device::EventId;
using device::Extent;

using core::pointer;

class HostBackend final : public device::Backend {
 public:
  explicit HostBackend(std::uint64_t capacity)
      : facts_{.name = "host memory",
               .backend = BackendKind::host,
               .memory_total = capacity,
               .memory_free = {},
               .page_bytes = HostPages::page_bytes,
               .virtual_memory = true,
               .pointers = true,
               .address_space = core::address_space_limit(),
               .default_limit = capacity / 10 * 9},
        pages_(capacity) {}

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return facts_; }

  [[nodiscard]] DeviceInfo info() const override {
    DeviceInfo now = facts_;
    now.memory_free = free_memory();
    now.address_space = core::address_space_limit();
    now.address_space_free = free_addresses();
    return now;
  }

  Address reserve(std::uint64_t bytes) override { return pages_.reserve(bytes); }
  void unreserve(Address address, std::uint64_t bytes) noexcept override { pages_.unreserve(address, bytes); }
  void create(std::span<Extent> extents) override { pages_.create(extents); }
  void destroy(std::span<const Extent> extents) noexcept override { pages_.destroy(extents); }
  void map(Address address, std::span<const Extent> extents) override { pages_.map(address, extents); }
  void unmap(Address address, std::span<const Extent> extents) override { pages_.unmap(address, extents); }
  Address allocate_segment(std::uint64_t bytes) override { return pages_.allocate_segment(bytes); }
  void free_segment(Address address, std::uint64_t bytes) noexcept override { pages_.free_segment(address, bytes); }

  Address allocate_pinned(std::uint64_t bytes) override { return pages_.allocate_pinned(bytes); }
  void free_pinned(Address address, std::uint64_t bytes) noexcept override { pages_.free_pinned(address, bytes); }

  StreamId resolve(StreamId stream) override { return streams_.resolve(meant_by(stream)); }
  StreamId create_stream() override { return streams_.create(); }
  void destroy_stream(StreamId stream) noexcept override { streams_.destroy(stream); }
  EventId record(StreamId stream) override { return streams_.record(meant_by(stream)); }
  bool query(EventId event) override { return streams_.query(event); }
  bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) override {
    return streams_.wait_any(events, deadline);
  }
  void stream_wait(StreamId stream, EventId event) override { streams_.stream_wait(meant_by(stream), event); }
  void release(EventId) noexcept override {}

  void fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) override {
    run(stream, [=] { std::memset(pointer(address), value, bytes); });
  }
  void copy(StreamId stream, Address to, Address from, std::uint64_t bytes) override {
    run(stream, [=] { std::memcpy(pointer(to), pointer(from), bytes); });
  }
  void upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) override {
    run(stream, [=] { std::memcpy(pointer(to), from, bytes); });
  }
  void download(StreamId stream, void* to, Address from, std::uint64_t bytes) override {
    run(stream, [=] { std::memcpy(to, pointer(from), bytes); });
  }
  void write(StreamId stream, Address to, std::span<const std::byte> bytes) override {
    run(stream, [to, taken = std::vector(bytes.begin(), bytes.end())] {
      std::memcpy(pointer(to), taken.data(), taken.size());
    });
  }
  void run(StreamId stream, std::function<void()> work) override { streams_.run(meant_by(stream), std::move(work)); }
  // Two host devices are in one memory.
  [[nodiscard]] bool copy_from(StreamId stream, Address to, Backend& source, Address from,
                               std::uint64_t bytes) override {
    if (dynamic_cast<const HostBackend*>(&source.concrete()) == nullptr) return false;
    copy(stream, to, from, bytes);
    return true;
  }

  // Of the kernel, about memory: its streams and events are weir's own threads and call nobody.
  [[nodiscard]] device::DriverCalls driver_calls() const noexcept override { return pages_.calls(); }

 private:
  [[nodiscard]] std::optional<std::uint64_t> free_memory() const {
    const std::optional<std::uint64_t> free = host_memory().free;
    return free ? std::optional(std::min(*free, *facts_.memory_total)) : free;
  }

  void end_after_work(StreamId stream) noexcept override { streams_.end_after_work(stream); }

  const DeviceInfo facts_;
  HostPages pages_;
  HostStreams streams_;  // after the pages: queued work finishes while they still stand
};

}  // namespace

std::shared_ptr<device::Backend> make_host_backend(std::uint64_t capacity) {
  return core::make_shared_that_waits<HostBackend>(capacity == 0 ? host_memory().total : capacity);
}

}  // namespace weir::backend::host
