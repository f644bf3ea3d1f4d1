#include "backend/cuda/cuda_backend.hpp"

#include "backend/cuda/context.hpp"
#include "backend/cuda/host_functions.hpp"
#include "backend/cuda/memory.hpp"
#include "backend/cuda/streams.hpp"
#include "backend/cuda/writes.hpp"
#include "core/elsewhere.hpp"
#include "core/later_ends.hpp"

namespace weir::backend::cuda {
namespace {

using device::Address;
using device::EventId;
using device::Extent;

class CudaBackend final : public device::Backend {
 public:
  CudaBackend(const Driver& driver, const OpenOptions& options)
      : context_(driver, options.ordinal, options.peers),
        memory_(context_),
        streams_(context_),
        writes_(context_, memory_, streams_),
        functions_(context_) {}

  [[nodiscard]] const DeviceInfo& facts() const noexcept override { return context_.facts(); }
  [[nodiscard]] DeviceInfo info() const override {
    functions_.end_finished();
    return context_.info();
  }

  Address reserve(std::uint64_t bytes) override { return memory_.reserve(bytes); }
  void unreserve(Address address, std::uint64_t bytes) noexcept override { memory_.unreserve(address, bytes); }
  [[nodiscard]] std::uint32_t max_extent_pages() const noexcept override { return UINT32_MAX; }
  void create(std::span<Extent> row) override { memory_.create(row); }
  void destroy(std::span<const Extent> row) noexcept override { memory_.destroy(row); }
  void map(Address address, std::span<const Extent> row) override { memory_.map(address, row); }
  void unmap(Address address, std::span<const Extent> row) override { memory_.unmap(address, row); }
  Address allocate_segment(std::uint64_t bytes) override { return memory_.allocate_segment(bytes); }
  void free_segment(Address address, std::uint64_t) noexcept override { memory_.free_segment(address); }
  Address allocate_pinned(std::uint64_t bytes) override { return memory_.allocate_pinned(bytes); }
  void free_pinned(Address address, std::uint64_t) noexcept override { memory_.free_pinned(address); }

  StreamId resolve(StreamId stream) override { return streams_.resolve(meant_by(stream)); }
  StreamId create_stream() override {
    functions_.end_finished();
    return streams_.create();
  }
  void destroy_stream(StreamId stream) noexcept override {
    writes_.end_capture(stream);
    streams_.destroy(stream);
    functions_.end_finished();
  }
  StreamId adopt_stream(std::uint64_t native) override {
    auto* const handle = reinterpret_cast<CUstream>(native);  // NOLINT(performance-no-int-to-ptr)
    return handle == CU_STREAM_PER_THREAD ? stream_of_thread() : streams_.adopt(handle);
  }
  std::uint64_t native_stream(StreamId stream) override {
    return reinterpret_cast<std::uint64_t>(streams_.find(meant_by(stream)).get());
  }
  EventId record(StreamId stream) override {
    functions_.end_finished();
    return streams_.record(meant_by(stream));
  }
  // What was done before the event ends before the caller hears of it.
  bool query(EventId event) override {
    const bool done = streams_.query(event);
    functions_.end_all_finished();
    return done;
  }
  bool wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) override {
    const bool done = streams_.wait_any(events, deadline);
    functions_.end_all_finished();
    return done;
  }
  void stream_wait(StreamId stream, EventId event) override { streams_.stream_wait(meant_by(stream), event); }
  void release(EventId event) noexcept override { streams_.release(event); }
  [[nodiscard]] bool capturing(StreamId stream) const noexcept override { return streams_.capturing(stream); }
  StreamId begin_capture(StreamId stream) override { return streams_.begin_capture(meant_by(stream)); }
  void end_capture(StreamId stream) noexcept override { streams_.end_capture(stream); }

  void fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) override {
    queue(stream, bytes, "cuMemsetD8Async", [&](CUstream on) { return driver().fill(address, value, bytes, on); });
  }
  void copy(StreamId stream, Address to, Address from, std::uint64_t bytes) override {
    queue(stream, bytes, "cuMemcpyDtoDAsync", [&](CUstream on) { return driver().copy(to, from, bytes, on); });
  }
  void upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) override {
    queue(stream, bytes, "cuMemcpyHtoDAsync", [&](CUstream on) { return driver().upload(to, from, bytes, on); });
  }
  void download(StreamId stream, void* to, Address from, std::uint64_t bytes) override {
    queue(stream, bytes, "cuMemcpyDtoHAsync", [&](CUstream on) { return driver().download(to, from, bytes, on); });
  }
  void write(StreamId stream, Address to, std::span<const std::byte> bytes) override {
    writes_.write(meant_by(stream), to, bytes);
  }
  // Work that is not queued ends after the handle: it may hold the last use of the stream, which waits for that.
  void run(StreamId stream, std::function<void()> work) override {
    functions_.end_finished();
    const Streams::Handle on = streams_.find(meant_by(stream));
    functions_.run(on.get(), work);
  }
  [[nodiscard]] bool copy_from(StreamId stream, Address to, Backend& source, Address from,
                               std::uint64_t bytes) override {
    const auto* other = dynamic_cast<const CudaBackend*>(&source.concrete());
    if (other == nullptr || &other->driver() != &driver()) return false;
    other->context_.require_present();
    const Streams::Handle on = streams_.find(meant_by(stream));
    if (bytes == 0) return true;
    const Current current(context_);
    const CUresult code = driver().copy_peer(to, context_.handle(), from, other->context_.handle(), bytes, on.get());
    context_.check_shared(code, "cuMemcpyPeerAsync", bytes);
    return true;
  }

  [[nodiscard]] device::DriverCalls driver_calls() const noexcept override { return context_.calls(); }

 private:
  [[nodiscard]] StreamId create_thread_stream() override { return streams_.create_per_thread(); }
  void end_thread_stream(StreamId stream) noexcept override {
    if (exiting()) return;
    streams_.leave_thread(stream);
    announce_end(stream);
    streams_.end_after_work(stream);
  }
  [[nodiscard]] const Driver& driver() const noexcept { return context_.driver(); }

  template <class Call>
  void queue(StreamId stream, std::uint64_t bytes, const char* name, Call call) {
    const Streams::Handle on = streams_.find(meant_by(stream));
    if (bytes == 0) return;
    const Current current(context_);
    context_.check(call(on.get()), name, bytes);
  }

  Context context_;
  Memory memory_;
  Streams streams_;
  Writes writes_;                    // waits for its copies when it ends
  mutable HostFunctions functions_;  // ends first: waits for those that run
};

}  // namespace

std::shared_ptr<device::Backend> make_cuda_backend(const Driver& driver, const OpenOptions& options) {
  core::end_kept();  // perhaps the last use of the device
  return core::make_shared_that_waits<CudaBackend>(driver, options);
}

}  // namespace weir::backend::cuda
