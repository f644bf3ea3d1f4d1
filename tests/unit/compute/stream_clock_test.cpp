// Clocks of work on a stream: they count what the stream does between their stamps, and no more.
#include "compute/stream_clock.hpp"

#include <chrono>
#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace weir::compute {
namespace {

using namespace std::chrono_literals;

TEST(StreamClock, CountsWhatTheStreamDoes) {
  Device device = open_device({.backend = "host"});
  const Stream stream = device.stream();
  StreamClock clock;
  EXPECT_EQ(clock.passed(), 0ns);
  std::chrono::nanoseconds inside{};
  clock.start(device, stream);
  device.run(stream, [&] {
    const auto start = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(20ms);  // the work
    inside = std::chrono::steady_clock::now() - start;
  });
  clock.stop(device, stream);
  const auto queued = std::chrono::steady_clock::now();
  device.synchronize(stream);
  const auto waited = std::chrono::steady_clock::now() - queued;
  EXPECT_GT(clock.passed(), 10ms) << "a sleeper waits for no processor";
  EXPECT_LE(clock.passed(), inside + waited + 1s);
}

TEST(StreamClock, DoesNotCountWhatIsBeforeAndBehind) {
  Device device = open_device({.backend = "host"});
  const Stream stream = device.stream();
  std::promise<void> gate;
  device.run(stream, [open = gate.get_future().share()] { open.wait(); });
  StreamClock clock;
  clock.start(device, stream);
  clock.stop(device, stream);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < 30ms) std::this_thread::yield();
  gate.set_value();
  device.synchronize(stream);
  EXPECT_LT(clock.passed(), 30ms) << "it began behind the gate";
}

TEST(StreamClock, MayEndBeforeItsStream) {
  Device device = open_device({.backend = "host"});
  const Stream stream = device.stream();
  {
    StreamClock clock;
    clock.start(device, stream);
    clock.stop(device, stream);
  }
  device.synchronize(stream);
}

TEST(TeamClock, LeavesWhatTheTeamComputedAndOneThreadWaitedFor) {
  const TeamClock clock;
  const auto start = std::chrono::steady_clock::now();
  const auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  while (passed() < 0.02) continue;  // on a processor, or waiting for one
  const double seconds = passed();
  EXPECT_LE(clock.lost(seconds, 1), seconds / 2);
  EXPECT_GE(clock.lost(seconds + 1000, 1), 500.0);
  EXPECT_EQ(clock.lost(0, 2), 0.0);
}

TEST(WaitedForProcessor, NeverGoesBack) {
  const auto before = waited_for_processor();
  EXPECT_GE(before, 0ns);
  std::this_thread::yield();
  EXPECT_GE(waited_for_processor(), before);
}

}  // namespace
}  // namespace weir::compute
