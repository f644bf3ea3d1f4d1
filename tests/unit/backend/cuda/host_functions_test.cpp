// Host functions: what they hold ends where the driver may be called, also on a lost
// device, and a graph runs one at each launch.
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

#include "backend/cuda/cuda_backend.hpp"
#include "device/access.hpp"
#include "fake_cuda/fake_cuda.hpp"

namespace weir::backend::cuda {
namespace {

using namespace std::chrono_literals;
using namespace literals;
using fake_cuda::Fake;

/// Calls `at_end` when it ends.
class Held {
 public:
  explicit Held(std::function<void()> at_end) : at_end_(std::move(at_end)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() { at_end_(); }

 private:
  const std::function<void()> at_end_;
};

class CudaHostFunctions : public testing::Test {
 protected:
  void TearDown() override {
    device_.reset();
    backend_.reset();
    EXPECT_EQ(fake_.fault(), "");
    EXPECT_EQ(fake_.handles(), 0u);
    EXPECT_EQ(fake_.contexts_retained(), 0u);
  }
  /// Until `done`, without a call into the backend.
  template <class Condition>
  static bool comes_true(Condition done) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!done() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    return done();
  }

  Fake fake_{{.memory = 64_MiB}};
  std::shared_ptr<device::Backend> backend_ = make_cuda_backend(Fake::table());
  std::optional<Device> device_ = device::Access::make_device(backend_, "test");
};

TEST_F(CudaHostFunctions, WhatTheyHoldMayCallTheDriverWhenItEnds) {
  const Stream stream = device_->stream();
  const device::Address segment = backend_->allocate_segment(1_MiB);
  auto held = std::make_shared<Held>([&] { backend_->free_segment(segment, 1_MiB); });
  backend_->run(stream, [held = std::move(held)] {});
  device_->synchronize(stream);
  EXPECT_EQ(fake_.calls("cuMemFree"), 1u);
}

// One that is done by the time of the next call ends in that call, whichever it is.
TEST_F(CudaHostFunctions, EndInTheNextCallOfAThreadOfTheProgram) {
  const StreamId stream = backend_->create_stream();
  const device::EventId past = backend_->record(stream);
  const std::function<void()> calls[] = {
      [&] { static_cast<void>(backend_->info()); },
      [&] { static_cast<void>(backend_->query(past)); },
      [&] { static_cast<void>(backend_->wait(past, 10s)); },
      [&] { backend_->release(backend_->record(stream)); },
      [&] { backend_->run(stream, [] {}); },
      [&] { static_cast<void>(device_->info()); },
  };
  for (const auto& call : calls) {
    std::atomic<bool> ran{false};
    std::atomic<std::thread::id> ended{};
    auto held = std::make_shared<Held>([&] { ended = std::this_thread::get_id(); });
    backend_->run(stream, [held = std::move(held), &ran] { ran = true; });
    ASSERT_TRUE(comes_true([&] { return ran.load(); }));
    ASSERT_TRUE(comes_true([&] {
      call();
      return ended.load() != std::thread::id();
    }));
    EXPECT_EQ(ended.load(), std::this_thread::get_id());
  }
  backend_->release(past);
  backend_->destroy_stream(stream);
}

TEST_F(CudaHostFunctions, MayNotCallTheDriverThemselves) {
  const StreamId stream = backend_->create_stream();
  const device::Address segment = backend_->allocate_segment(1_MiB);
  std::atomic<int> refused{0};
  backend_->run(stream, [&] {
    try {
      static_cast<void>(backend_->allocate_segment(1_MiB));
    } catch (const Unsupported&) {
      ++refused;
    }
    backend_->free_segment(segment, 1_MiB);  // cannot throw, and does nothing
    static_cast<void>(backend_->capturing(stream));
  });
  device_->synchronize(stream);
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(fake_.calls("cuMemFree"), 0u);
  backend_->free_segment(segment, 1_MiB);
  backend_->destroy_stream(stream);
}

// The driver calls none of them then; nor does a wait go on.
TEST_F(CudaHostFunctions, EndOnALostDeviceToo) {
  const StreamId stream = backend_->create_stream();
  bool ran = false;
  bool ended = false;
  fake_.hold();
  backend_->run(stream, [held = std::make_shared<Held>([&] { ended = true; }), &ran] { ran = true; });
  const device::EventId done = backend_->record(stream);
  fake_.lose(CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THROW(static_cast<void>(backend_->wait(done, 10s)), DeviceLost);
  static_cast<void>(backend_->info());
  EXPECT_TRUE(ended);
  EXPECT_FALSE(ran);
  fake_.let_go();
  fake_.heal();
  fake_.reset_device(0);  // what the loss took
}

TEST_F(CudaHostFunctions, EndWithTheirBackendAtTheLatest) {
  const StreamId stream = backend_->create_stream();
  bool ended = false;
  fake_.hold();
  backend_->run(stream, [held = std::make_shared<Held>([&] { ended = true; })] {});
  fake_.lose(CUDA_ERROR_ILLEGAL_ADDRESS);
  device_.reset();
  backend_.reset();
  EXPECT_TRUE(ended);
  fake_.let_go();
  fake_.heal();
  fake_.reset_device(0);
}

// A driver may call one after the loss was seen, and the backend's end: it does nothing.
TEST_F(CudaHostFunctions, MayBeCalledAfterALostBackendsEnd) {
  CUstream native = fake_.make_stream();
  const StreamId stream = backend_->adopt_stream(reinterpret_cast<std::uint64_t>(native));
  bool ran = false;
  bool ended = false;
  fake_.hold();
  backend_->run(stream, [held = std::make_shared<Held>([&] { ended = true; }), &ran] { ran = true; });
  fake_.fail("cuMemGetInfo", 1, CUDA_ERROR_ILLEGAL_ADDRESS);
  static_cast<void>(backend_->info());
  device_.reset();
  backend_.reset();
  EXPECT_TRUE(ended);
  CUcontext context = nullptr;
  ASSERT_EQ(Fake::table().context_retain(&context, 0), CUDA_SUCCESS);
  ASSERT_EQ(Fake::table().context_push(context), CUDA_SUCCESS);
  fake_.let_go();
  EXPECT_EQ(Fake::table().stream_synchronize(native), CUDA_SUCCESS);
  EXPECT_FALSE(ran);
  EXPECT_EQ(Fake::table().context_pop(&context), CUDA_SUCCESS);
  EXPECT_EQ(Fake::table().context_release(0), CUDA_SUCCESS);
}

// The context goes with its last user, and with it what is not done.
TEST_F(CudaHostFunctions, RunBeforeTheirBackendEnds) {
  CUstream native = fake_.make_stream();
  const StreamId stream = backend_->adopt_stream(reinterpret_cast<std::uint64_t>(native));
  std::atomic<bool> ran{false};
  bool ended = false;
  backend_->run(stream, [held = std::make_shared<Held>([&] { ended = true; }), &ran] {
    std::this_thread::sleep_for(20ms);
    ran = true;
  });
  device_.reset();
  backend_.reset();
  EXPECT_TRUE(ran);
  EXPECT_TRUE(ended);
}

TEST_F(CudaHostFunctions, OfAGraphRunAtEachLaunchAndEndWithIt) {
  for (const int launches : {0, 1, 3}) {
    Stream stream = device_->stream();
    CUstream native = weir::cuda::native(*device_, stream);
    std::atomic<int> ran{0};
    std::atomic<bool> ended{false};
    const auto work = [&] {
      return [held = std::make_shared<Held>([&] {
                static_cast<void>(backend_->driver_calls());
                backend_->free_pinned(backend_->allocate_pinned(4096), 4096);
                ended = true;
              }),
              &ran] { ++ran; };
    };
    {
      fake_.begin_capture(native);
      const Stream captured = weir::cuda::begin_capture(*device_, stream);
      device_->run(captured, work());
      EXPECT_FALSE(fake_.capture_broken(native));
      const fake_cuda::Graph graph = fake_.end_capture(native);
      for (int i = 0; i < launches; ++i) fake_.launch(graph, native);
      device_->synchronize(stream);
      EXPECT_EQ(ran, launches);
      EXPECT_FALSE(ended);
    }
    ASSERT_TRUE(comes_true([&] {
      static_cast<void>(device_->info());
      return ended.load();
    })) << launches;
  }
}

// What they held may ask the device for anything, whose locks the thread must not hold then.
TEST_F(CudaHostFunctions, DoNotEndWhileObserversAreTold) {
  struct Observer final : device::StreamObserver {
    explicit Observer(std::function<void()> to_call) : call(std::move(to_call)) {}
    void stream_ends(StreamId) noexcept override { call(); }
    std::function<void()> call;
  };
  std::atomic<bool> ran{false};
  bool ended = false;
  const StreamId stream = backend_->create_stream();
  backend_->run(stream, [held = std::make_shared<Held>([&] { ended = true; }), &ran] { ran = true; });
  ASSERT_TRUE(comes_true([&] { return ran.load(); }));
  Observer observer([&] {
    const auto end = std::chrono::steady_clock::now() + 20ms;  // for the driver's thread to keep it
    while (!ended && std::chrono::steady_clock::now() < end) static_cast<void>(backend_->info());
  });
  backend_->observe(observer);
  backend_->announce_end(stream);
  EXPECT_FALSE(ended);
  backend_->forget(observer);
  ASSERT_TRUE(comes_true([&] {
    static_cast<void>(backend_->info());
    return ended;
  }));
  backend_->destroy_stream(stream);
}

// The stream waits for calls with it when it ends, so it must not end in one.
TEST_F(CudaHostFunctions, ThatHoldTheirStreamAndAreRefusedEnd) {
  CUstream native = fake_.make_stream();
  for (const bool captured : {false, true}) {
    auto adopted = std::make_unique<Stream>(weir::cuda::adopt(*device_, native));
    const StreamId id = adopted->id();
    if (captured) fake_.begin_capture(native);
    fake_.fail(captured ? "cuUserObjectCreate" : "cuLaunchHostFunc", 1, CUDA_ERROR_INVALID_VALUE);
    std::function<void()> work = [held = *adopted] {};
    adopted.reset();
    EXPECT_THROW(backend_->run(id, std::move(work)), DriverError);
    if (captured) static_cast<void>(fake_.end_capture(native));
  }
}

TEST_F(CudaHostFunctions, ThatAGraphDoesNotTakeEnd) {
  Stream stream = device_->stream();
  CUstream native = weir::cuda::native(*device_, stream);
  fake_.begin_capture(native);
  {
    const Stream captured = weir::cuda::begin_capture(*device_, stream);
    for (const char* call : {"cuUserObjectCreate", "cuGraphRetainUserObject", "cuLaunchHostFunc"}) {
      fake_.fail(call, 1, CUDA_ERROR_INVALID_VALUE);
      EXPECT_THROW(device_->run(captured, [] {}), DriverError) << call;
    }
  }
  static_cast<void>(fake_.end_capture(native));
}

}  // namespace
}  // namespace weir::backend::cuda
