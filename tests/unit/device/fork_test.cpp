// A device does not survive fork(): the child gets an error from each of its calls,
// never a hang, and ends it and its streams quietly.
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <weir/device.hpp>
#include <weir/stream_set.hpp>

#include "device/access.hpp"
#include "device/event.hpp"
#include "support/in_child.hpp"

namespace weir {
namespace {

class DeviceFork : public ForkOfThreads, public testing::WithParamInterface<const char*> {};

TEST_P(DeviceFork, AChildGetsAnErrorAndNeverAHang) {
  std::optional<Device> device = open_device({.backend = GetParam()});
  std::optional<Stream> stream = device->stream();
  auto streams = std::make_unique<StreamSet>(*device, 2);
  std::optional<device::Event> event(std::in_place, device::Access::shared_backend(*device), *stream);
  std::atomic<bool> stop{false};
  std::thread busy([&, shared = *device]() mutable {
    while (!stop) {
      const Stream own = shared.stream();
      if (shared.info().pointers) shared.run(own, [] {});
      shared.synchronize(own);
      static_cast<void>(shared.info());
    }
  });
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      return is_unsupported([&] { return device->info(); }) && is_unsupported([&] { return device->stream(); }) &&
             is_unsupported([&] { device->synchronize(*stream); }) &&
             is_unsupported([&] { device->run(*stream, [] {}); }) &&
             is_unsupported([&] { return device->native_stream(*stream); }) &&
             is_unsupported([&] { return device->adopt_stream(0); }) &&
             is_unsupported([&] { return device->begin_capture(*stream); }) &&
             is_unsupported([&] { streams->synchronize_all(); }) &&
             is_unsupported([&] { return StreamSet(*device, 1); }) && is_unsupported([&] { return event->done(); }) &&
             is_unsupported([&] { return event->wait(core::Deadline(std::chrono::seconds(1))); });
    })) << "fork "
        << i;
    EXPECT_TRUE(holds_in_child([&] {
      event.reset();
      streams.reset();
      stream.reset();
      device.reset();
      return true;
    })) << "fork "
        << i;
    EXPECT_TRUE(holds_in_child([&] {
      Device own = open_device({.backend = GetParam()});
      const Stream mine = own.stream();
      own.synchronize(mine);
      return is_unsupported([&] { return device->info(); });
    })) << "fork "
        << i;
  }
  stop = true;
  busy.join();
  device->synchronize(*stream);
  EXPECT_TRUE(event->done());
}

INSTANTIATE_TEST_SUITE_P(Backends, DeviceFork, testing::Values("host", "dry"),
                         [](const auto& backend) { return std::string(backend.param); });

}  // namespace
}  // namespace weir
