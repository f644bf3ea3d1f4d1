#include "device/pinned_memory.hpp"

#include <chrono>
#include <cstring>
#include <string>

#include <weir/errors.hpp>

#include "core/pointer.hpp"
#include "device/event.hpp"

namespace weir::device {
namespace {

DeviceInfo facts_over(const Backend& inner, std::uint64_t limit) {
  DeviceInfo known = inner.facts();
  known.name = "pinned memory of " + known.name;
  known.memory_total.reset();
  known.virtual_memory = false;
  known.pointers = true;
  known.default_limit = limit;
  return known;
}

class PinnedMemory final : public Backend, public StreamObserver {
 public:
  PinnedMemory(std::shared_ptr<Backend> inner, std::uint64_t limit)
      : inner_(std::move(inner)), facts_(facts_over(*inner_, limit)) {
    inner_->observe(*this);
  }
  ~PinnedMemory() override { inner_->forget(*this); }

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return facts_; }
  [[nodiscard]] DeviceInfo info() const override {
    DeviceInfo now = facts_;
    if (now.address_space) now.address_space_free = inner_->info().address_space_free;
    return now;
  }

  Address reserve(std::uint64_t) override { refuse(); }
  void unreserve(Address, std::uint64_t) noexcept override {}
  void create(std::span<Extent>) override { refuse(); }
  void destroy(std::span<const Extent>) noexcept override {}
  void map(Address, std::span<const Extent>) override { refuse(); }
  void unmap(Address, std::span<const Extent>) override { refuse(); }

  Address allocate_segment(std::uint64_t bytes) override { return inner_->allocate_pinned(bytes); }
  void free_segment(Address address, std::uint64_t bytes) noexcept override { inner_->free_pinned(address, bytes); }
  Address allocate_pinned(std::uint64_t bytes) override { return inner_->allocate_pinned(bytes); }
  void free_pinned(Address address, std::uint64_t bytes) noexcept override { inner_->free_pinned(address, bytes); }

  StreamId resolve(StreamId stream) override { return inner_->resolve(stream); }
  StreamId create_stream() override { return inner_->create_stream(); }
  void destroy_stream(StreamId stream) noexcept override { inner_->destroy_stream(stream); }
  EventId record(StreamId stream) override { return inner_->record(stream); }
  bool query(EventId event) override { return inner_->query(event); }
  bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) override {
    return inner_->wait_any(events, deadline);
  }
  void stream_wait(StreamId stream, EventId event) override { inner_->stream_wait(stream, event); }
  void release(EventId event) noexcept override { inner_->release(event); }
  [[nodiscard]] bool capturing(StreamId stream) const noexcept override { return inner_->capturing(stream); }
  StreamId adopt_stream(std::uint64_t native) override { return inner_->adopt_stream(native); }
  std::uint64_t native_stream(StreamId stream) override { return inner_->native_stream(stream); }

  void fill(StreamId, Address, std::uint8_t, std::uint64_t) override { refuse(); }
  /// By the host, once the stream's work so far is done: what is copied here is a buffer that moves as it grows.
  void copy(StreamId stream, Address to, Address from, std::uint64_t bytes) override {
    if (!Event(inner_, stream).wait(core::Deadline(patience))) {
      throw Timeout("the work that uses pinned memory did not end within " + std::to_string(patience.count()) + " s",
                    {.name = "pinned memory", .bytes_asked = bytes});
    }
    std::memcpy(core::pointer(to), core::pointer(from), bytes);
  }
  void upload(StreamId, Address, const void*, std::uint64_t) override { refuse(); }
  void download(StreamId, void*, Address, std::uint64_t) override { refuse(); }
  void write(StreamId, Address, std::span<const std::byte>) override { refuse(); }
  void run(StreamId stream, std::function<void()> work) override { inner_->run(stream, std::move(work)); }

  [[nodiscard]] DriverCalls driver_calls() const noexcept override { return inner_->driver_calls(); }
  [[nodiscard]] SimulatedTime* simulated_time() noexcept override { return inner_->simulated_time(); }

  void stream_ends(StreamId stream) noexcept override { announce_end(stream); }

 private:
  static constexpr std::chrono::seconds patience{10};

  [[noreturn]] static void refuse() {
    throw Unsupported("pinned memory has no pages and runs no work", {.name = "pinned memory"});
  }

  const std::shared_ptr<Backend> inner_;
  const DeviceInfo facts_;
};

}  // namespace

std::shared_ptr<Backend> make_pinned_memory(std::shared_ptr<Backend> inner, std::uint64_t limit) {
  return core::make_shared_fork_safe<PinnedMemory>(std::move(inner), limit);
}

}  // namespace weir::device
