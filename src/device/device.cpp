#include <weir/device.hpp>

#include <string>

#include <weir/errors.hpp>

#include "core/elsewhere.hpp"
#include "core/later_ends.hpp"
#include "device/event.hpp"

namespace weir {

struct Stream::State {
  std::shared_ptr<device::Backend> backend;
  StreamId id;

  State(std::shared_ptr<device::Backend> owner, StreamId stream) : backend(std::move(owner)), id(stream) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    backend->end_capture(id);  // before pools ask the stream for its last event
    backend->announce_end(id);
    backend->destroy_stream(id);
  }
};

std::string_view name(BackendKind backend) noexcept {
  switch (backend) {
    case BackendKind::host: return "host";
    case BackendKind::dry: return "dry";
    case BackendKind::cuda: return "cuda";
    case BackendKind::vulkan: return "vulkan";
  }
  return "unknown";
}

std::optional<BackendKind> backend_named(std::string_view text) noexcept {
  const std::string_view word = text.substr(0, text.find(':'));
  for (const BackendKind kind : {BackendKind::host, BackendKind::dry, BackendKind::cuda, BackendKind::vulkan}) {
    if (name(kind) == word) return kind;
  }
  return std::nullopt;
}

StreamId Stream::id() const noexcept { return state_->id; }

Device::Device(std::shared_ptr<device::Backend> backend, std::string why, std::shared_ptr<const device::Origin> origin)
    : backend_(std::move(backend)),
      why_(std::make_shared<const std::string>(std::move(why))),
      origin_(std::move(origin)) {
  if (!backend_) throw InvalidArgument("Device: no backend was given", {.name = "backend"});
}

device::Backend& Device::checked() const {
  backend_->require_own_process();
  core::retry_ends();
  core::end_kept();
  return *backend_;
}

const DeviceInfo& Device::facts() const { return checked().facts(); }

DeviceInfo Device::info() const { return checked().info(); }

const std::string& Device::why() const noexcept { return *why_; }

// The id is a default stream's where the driver's own was adopted; nobody ends those.
Stream Device::stream_of(StreamId id) {
  try {
    return Stream(core::make_shared_that_waits<Stream::State>(backend_, id));
  } catch (...) {
    backend_->destroy_stream(id);
    throw;
  }
}

Stream Device::stream() { return stream_of(checked().create_stream()); }

std::uint64_t Device::native_stream(StreamId stream) const { return checked().native_stream(stream); }

Stream Device::adopt_stream(std::uint64_t native) { return stream_of(checked().adopt_stream(native)); }

Stream Device::begin_capture(StreamId stream) { return stream_of(checked().begin_capture(stream)); }

void Device::synchronize(StreamId stream, std::chrono::nanoseconds deadline) {
  const core::Deadline end(deadline);
  if (!device::Event(backend_, stream).wait(end)) {
    throw Timeout("synchronize: stream " + std::to_string(static_cast<std::uint32_t>(stream)) + " was not done after " +
                      end.text() + "; its work goes on",
                  {.name = "synchronize", .limit = end.milliseconds()});
  }
}

// What a host function throws is nobody's to catch: CUDA calls it out of the driver. So it is the same everywhere.
void Device::run(StreamId stream, std::function<void()> work) {
  if (!work) throw InvalidArgument("run: the host function is empty; pass one to call", {.name = "work"});
  checked().run(stream, [call = std::move(work)]() noexcept { call(); });
}

}  // namespace weir
