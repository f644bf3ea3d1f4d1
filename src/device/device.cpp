#include <weir/device.hpp>

#include <string>

#include <weir/errors.hpp>

#include "core/process.hpp"
#include "device/backend.hpp"

namespace weir {

struct Stream::State {
  std::shared_ptr<device::Backend> backend;
  StreamId id;
  core::HomeProcess home;

  explicit State(std::shared_ptr<device::Backend> owner) : backend(std::move(owner)), id(backend->create_stream()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!home.is_here()) return;
    backend->announce_end(id);
    backend->destroy_stream(id);
  }
};

StreamId Stream::id() const noexcept { return state_->id; }

Device::Device(std::shared_ptr<device::Backend> backend, std::string why)
    : backend_(std::move(backend)), why_(std::make_shared<const std::string>(std::move(why))) {
  if (!backend_) throw InvalidArgument("Device: no backend was given", {.name = "backend"});
}

DeviceInfo Device::info() const { return backend_->info(); }

const std::string& Device::why() const noexcept { return *why_; }

Stream Device::stream() { return Stream(std::make_shared<Stream::State>(backend_)); }

void Device::synchronize(StreamId stream, std::chrono::nanoseconds deadline) {
  const device::EventId event = backend_->record(stream);
  bool done = false;
  try {
    done = backend_->wait(event, deadline);
  } catch (...) {
    backend_->release(event);
    throw;
  }
  backend_->release(event);
  if (!done) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(deadline).count();
    throw Timeout("synchronize: stream " + std::to_string(static_cast<std::uint32_t>(stream)) + " was not done after " +
                      std::to_string(milliseconds) + " ms; its work goes on",
                  {.name = "synchronize"});
  }
}

void Device::run(StreamId stream, std::function<void()> work) { backend_->run(stream, std::move(work)); }

}  // namespace weir
