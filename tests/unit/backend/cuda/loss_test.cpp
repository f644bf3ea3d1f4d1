// A context that cannot be made the thread's, and a device that somebody reset: no
// call goes to another context or to what is no longer there.
#include <array>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/cuda/cuda_backend.hpp"
#include "device/access.hpp"
#include "fake_cuda/fake_cuda.hpp"

namespace weir::backend::cuda {
namespace {

using namespace literals;
using namespace std::chrono_literals;
using fake_cuda::Fake;
using testing::HasSubstr;

class CudaLoss : public testing::Test {
 protected:
  CudaLoss() { current(1); }
  ~CudaLoss() override {
    first_.reset();
    second_.reset();
    CUcontext last = nullptr;
    EXPECT_EQ(Fake::table().context_pop(&last), CUDA_SUCCESS);
    EXPECT_EQ(Fake::table().context_release(1), CUDA_SUCCESS);
    EXPECT_EQ(fake_.fault(), "");
    EXPECT_EQ(fake_.handles(), 0u);
    EXPECT_EQ(fake_.contexts_retained(), 0u);
  }
  /// The program works with that device on this thread.
  void current(int device) {
    CUcontext context = nullptr;
    ASSERT_EQ(Fake::table().context_retain(&context, device), CUDA_SUCCESS);
    ASSERT_EQ(Fake::table().context_push(context), CUDA_SUCCESS);
  }

  Fake fake_{{.memory = 64_MiB, .devices = 2}};
  std::shared_ptr<device::Backend> first_ = make_cuda_backend(Fake::table(), {.ordinal = 0});
  std::shared_ptr<device::Backend> second_ = make_cuda_backend(Fake::table(), {.ordinal = 1});
};

TEST_F(CudaLoss, NoCallGoesToAnotherContext) {
  const std::uint64_t used = fake_.bytes_used();
  for (const char* call : {"cuCtxPushCurrent", "cuThreadExchangeStreamCaptureMode"}) {
    fake_.fail(call, 1, CUDA_ERROR_UNKNOWN);
    try {
      static_cast<void>(first_->allocate_segment(1_MiB));
      ADD_FAILURE() << call;
    } catch (const DriverError& error) {
      EXPECT_THAT(error.message(), HasSubstr(call));
    }
    EXPECT_EQ(fake_.bytes_used(), used);
    CUcontext now = nullptr;
    ASSERT_EQ(Fake::table().context_current(&now), CUDA_SUCCESS);
    const device::Address other = second_->allocate_segment(1_MiB);  // the thread's own context is as it was
    second_->free_segment(other, 1_MiB);
  }
}

// What gives back cannot throw: it does nothing, and the next error tells.
TEST_F(CudaLoss, WhatGivesBackDoesNothingWithoutItsContext) {
  const device::Address segment = first_->allocate_segment(1_MiB);
  fake_.fail("cuCtxPushCurrent", 1, CUDA_ERROR_UNKNOWN);
  first_->free_segment(segment, 1_MiB);
  EXPECT_EQ(fake_.calls("cuMemFree"), 0u);
  try {
    static_cast<void>(first_->allocate_segment(65_MiB));
    ADD_FAILURE() << "more than all";
  } catch (const OutOfMemory& error) {
    EXPECT_THAT(error.message(), HasSubstr("before that cuCtxPushCurrent had failed with CUDA_ERROR_UNKNOWN"));
  }
  first_->free_segment(segment, 1_MiB);
}

TEST_F(CudaLoss, AResetDeviceIsLost) {
  Fake fake{{.memory = 64_MiB}};
  auto backend = make_cuda_backend(Fake::table());
  const StreamId stream = backend->create_stream();
  const device::EventId event = backend->record(stream);
  const std::uint64_t page = backend->info().page_bytes;
  const device::Address range = backend->reserve(2 * page);
  std::array<device::Extent, 2> row{};
  backend->create(row);
  backend->map(range, row);
  fake.reset_device(0);
  EXPECT_THROW(static_cast<void>(backend->query(event)), DeviceLost);
  // Another library takes the device into use again: the handle is the same, what weir had is gone.
  CUcontext context = nullptr;
  ASSERT_EQ(Fake::table().context_retain(&context, 0), CUDA_SUCCESS);
  EXPECT_THROW(static_cast<void>(backend->query(event)), DeviceLost);
  EXPECT_THROW(static_cast<void>(backend->wait(event, 10s)), DeviceLost);
  EXPECT_THROW(backend->unmap(range, row), DeviceLost);
  EXPECT_THROW(static_cast<void>(backend->allocate_segment(1_MiB)), DeviceLost);
  EXPECT_FALSE(backend->capturing(stream));
  backend->destroy(row);
  backend->unreserve(range, 2 * page);
  backend->release(event);
  backend->destroy_stream(stream);
  backend.reset();
  // Opened anew it serves.
  backend = make_cuda_backend(Fake::table());
  backend->free_segment(backend->allocate_segment(1_MiB), 1_MiB);
  backend.reset();
  EXPECT_EQ(Fake::table().context_release(0), CUDA_SUCCESS);
  EXPECT_EQ(fake.fault(), "");
  EXPECT_EQ(fake.handles(), 0u);
  EXPECT_EQ(fake.contexts_retained(), 0u);
}

TEST_F(CudaLoss, AResetThatIsNoticedAtTheEndEndsWell) {
  Fake fake{{.memory = 64_MiB}};
  auto backend = make_cuda_backend(Fake::table());
  {
    Pool pool(device::Access::make_device(backend));
    pool.deallocate(pool.allocate(5_MiB));
    fake.reset_device(0);
  }
  backend.reset();
  EXPECT_EQ(fake.fault(), "");
  EXPECT_EQ(fake.contexts_retained(), 0u);
}

TEST_F(CudaLoss, InvalidContextsAreLostDevices) {
  for (const CUresult code : {CUDA_ERROR_INVALID_CONTEXT, CUDA_ERROR_CONTEXT_IS_DESTROYED}) {
    const auto backend = make_cuda_backend(Fake::table(), {.ordinal = 0});
    fake_.fail("cuMemAlloc", 1, code);
    EXPECT_THROW(static_cast<void>(backend->allocate_segment(1_MiB)), DeviceLost);
    EXPECT_THROW(static_cast<void>(backend->allocate_segment(1_MiB)), DeviceLost) << "stays lost";
  }
}

// A call in which another context takes part may fail for that one's loss.
TEST_F(CudaLoss, AnotherDevicesIsNotThisOnes) {
  CUstream native = fake_.make_stream();
  const StreamId stream = first_->create_stream();
  const device::Address to = first_->allocate_segment(1_MiB);
  const device::Address from = second_->allocate_segment(1_MiB);
  fake_.fail("cuMemcpyPeerAsync", 1, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THROW(static_cast<void>(first_->copy_from(stream, to, *second_, from, 1_MiB)), DriverError);
  fake_.fail("cuStreamGetCtx", 1, CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_THROW(static_cast<void>(first_->adopt_stream(reinterpret_cast<std::uint64_t>(native))), DriverError);
  EXPECT_TRUE(first_->copy_from(stream, to, *second_, from, 1_MiB));
  const device::EventId copied = first_->record(stream);
  EXPECT_TRUE(first_->wait(copied, 10s));
  first_->release(copied);
  // One that is known to be lost is not asked.
  fake_.fail("cuMemGetInfo", 1, CUDA_ERROR_ILLEGAL_ADDRESS);
  second_->free_segment(from, 1_MiB);
  static_cast<void>(second_->info());
  EXPECT_THROW(static_cast<void>(first_->copy_from(stream, to, *second_, from, 1_MiB)), DeviceLost);
  EXPECT_EQ(fake_.calls("cuMemcpyPeerAsync"), 2u);
  // Its own loss is seen in such a call too.
  fake_.fail("cuStreamGetCtx", 1, CUDA_ERROR_ILLEGAL_ADDRESS);
  fake_.fail("cuMemGetInfo", 1, CUDA_ERROR_ILLEGAL_ADDRESS);
  const auto third = make_cuda_backend(Fake::table(), {.ordinal = 0});
  EXPECT_THROW(static_cast<void>(third->adopt_stream(reinterpret_cast<std::uint64_t>(native))), DeviceLost);
  first_->free_segment(to, 1_MiB);
  first_->destroy_stream(stream);
}

// So that the driver makes a new context when the device is opened again.
TEST_F(CudaLoss, ALostDeviceIsLetGoUnlessItsPinnedMemoryIsHeld) {
  Fake fake{{.memory = 64_MiB}};
  auto backend = make_cuda_backend(Fake::table());
  const device::Address pinned = backend->allocate_pinned(4096);
  EXPECT_FALSE(backend->let_go()) << "it is not lost";
  fake.reset_device(0);
  EXPECT_THROW(static_cast<void>(backend->create_stream()), DeviceLost);
  EXPECT_FALSE(backend->let_go()) << "a program may still read what it has there";
  EXPECT_EQ(fake.contexts_retained(), 1u);
  backend->free_pinned(pinned, 4096);
  EXPECT_TRUE(backend->let_go());
  EXPECT_TRUE(backend->let_go());
  EXPECT_EQ(fake.contexts_retained(), 0u);
  auto again = make_cuda_backend(Fake::table());
  EXPECT_EQ(fake.contexts_made(), 2u);
  EXPECT_THROW(static_cast<void>(backend->create_stream()), DeviceLost);
  backend.reset();
  EXPECT_EQ(fake.contexts_retained(), 1u) << "the old one's end releases nothing of the new one's";
  again->free_segment(again->allocate_segment(1_MiB), 1_MiB);
  again.reset();
  EXPECT_EQ(fake.fault(), "");
  EXPECT_EQ(fake.contexts_retained(), 0u);
}

TEST_F(CudaLoss, ADeviceThatIsTakenIsNotLost) {
  fake_.fail("cuDevicePrimaryCtxRetain", 1, CUDA_ERROR_DEVICE_UNAVAILABLE);
  EXPECT_THROW(static_cast<void>(make_cuda_backend(Fake::table(), {.ordinal = 0})), DriverError);
}

}  // namespace
}  // namespace weir::backend::cuda
