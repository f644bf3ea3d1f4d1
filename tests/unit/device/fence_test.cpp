// A fence: everything that it was given is done before it is; what is done is not asked
// again; what could not be recorded is recorded later; and a failure is never taken for
// an end.
#include "device/fence.hpp"
#include "device/access.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/dry/dry_backend.hpp"
#include "open_backend.hpp"
#include "support/on_faulty_host.hpp"

namespace weir::device {
namespace {

using namespace std::chrono_literals;
using backend::dry::DryBackend;
using backend::dry::make_dry_backend;

core::Deadline soon() { return core::Deadline(1ms); }
core::Deadline long_enough() { return core::Deadline(10s); }

class FenceTest : public OnFaultyHost {
 protected:
  Device device_ = Access::make_device(backend_);
};

TEST_F(FenceTest, OfNothingIsPast) {
  Fence fence;
  EXPECT_TRUE(fence.empty());
  EXPECT_TRUE(fence.done());
  EXPECT_TRUE(fence.await(soon()));
  fence.add(SharedEvent());
  EXPECT_TRUE(fence.empty()) << "an event that is long done is none";
}

TEST_F(FenceTest, IsPastWhenAllOfItIs) {
  const Stream one = device_.stream();
  const Stream two = device_.stream();
  Fence fence;
  backend_->hold_events();
  EXPECT_NE(fence.add(backend_, one), nullptr);
  EXPECT_NE(fence.add(backend_, two), nullptr);
  EXPECT_EQ(backend_->calls(CallKind::record), 2u);
  EXPECT_FALSE(fence.done());
  EXPECT_FALSE(fence.await(soon()));
  EXPECT_FALSE(fence.empty());
  backend_->let_events_go();
  EXPECT_TRUE(fence.await(long_enough()));
  EXPECT_TRUE(fence.empty());
  EXPECT_TRUE(fence.done());
  EXPECT_EQ(backend_->calls(CallKind::record), 2u) << "looking and waiting record nothing";
}

// In virtual time, where it is known what is done when.
TEST_F(FenceTest, WhatIsPastIsNotAskedAgain) {
  const auto dry = make_dry_backend(64_MiB, driver_model("event_us=5"));
  const auto counted = std::make_shared<FaultyBackend>(dry);
  const StreamId quick = counted->create_stream();
  const StreamId busy = counted->create_stream();
  dry->keep_busy(busy, 100us);
  {
    Fence fence;
    const SharedEvent first = fence.add(counted, quick);
    const SharedEvent second = fence.add(counted, busy);
    dry->simulated_time()->pass(6us);
    EXPECT_FALSE(fence.done());
    EXPECT_EQ(counted->calls(CallKind::query), 2u);
    std::vector<SharedEvent> left;
    fence.collect(left);
    EXPECT_EQ(left, std::vector<SharedEvent>{second});
    EXPECT_FALSE(fence.done());
    EXPECT_EQ(counted->calls(CallKind::query), 3u);
    EXPECT_TRUE(fence.await(long_enough()));
    EXPECT_EQ(dry->simulated_time()->now(), 105us);
    EXPECT_EQ(counted->calls(CallKind::wait), 1u);
  }
  EXPECT_EQ(dry->events(), 0u);
}

TEST_F(FenceTest, TakesPointsThatOthersRecorded) {
  Fence one;
  backend_->hold_events();
  const SharedEvent event = one.add(backend_, StreamId::legacy_default);
  Fence two;
  two.add(event);
  Fence all;
  all.add(two);
  all.add(Fence());
  EXPECT_FALSE(all.done());
  EXPECT_EQ(backend_->calls(CallKind::record), 1u);
  backend_->let_events_go();
  EXPECT_TRUE(all.await(long_enough()));
  EXPECT_TRUE(one.await(long_enough()));
}

// Waiting for a later event is waiting for more.
TEST_F(FenceTest, WhatIsRefusedIsRecordedLater) {
  Fence fence;
  std::string why;
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_EQ(fence.add(backend_, StreamId::legacy_default, &why), nullptr);
  EXPECT_NE(why, "");
  EXPECT_FALSE(fence.empty());
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_FALSE(fence.done());
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(static_cast<void>(fence.await(soon())), DriverError);
  EXPECT_FALSE(fence.empty()) << "a failure is no end";
  EXPECT_EQ(backend_->balance().events, 0u);
  EXPECT_TRUE(fence.await(long_enough()));
  EXPECT_EQ(backend_->calls(CallKind::record), 4u);
}

TEST_F(FenceTest, AFailedLookOrWaitIsNoEnd) {
  Fence fence;
  const SharedEvent event = fence.add(backend_, StreamId::legacy_default);
  ASSERT_TRUE(event->wait(long_enough()));
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::query);
  EXPECT_FALSE(fence.done());
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::wait);
  EXPECT_THROW(static_cast<void>(fence.await(long_enough())), DriverError);
  EXPECT_FALSE(fence.empty());
  EXPECT_TRUE(fence.done());
}

TEST_F(FenceTest, ADestroyedStreamHasNoWorkLeft) {
  std::optional<Stream> stream = device_.stream();
  const StreamId id = *stream;
  Fence before;
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_EQ(before.add(backend_, id), nullptr);
  stream.reset();
  Fence after;
  std::string why;
  EXPECT_EQ(after.add(backend_, id, &why), nullptr);
  EXPECT_EQ(why, "");
  EXPECT_TRUE(after.empty());
  EXPECT_TRUE(before.done());
}

TEST_F(FenceTest, OnALostDeviceNothingRunsAnyMore) {
  Fence looked;
  Fence awaited;
  looked.add(backend_, StreamId::legacy_default);
  awaited.add(backend_, StreamId::legacy_default);
  backend_->lose(1);
  EXPECT_TRUE(looked.done());
  EXPECT_TRUE(awaited.await(long_enough()));
  backend_->heal();
}

TEST_F(FenceTest, ALostDeviceEndsItsOwnPointsAlone) {
  const auto lost = std::make_shared<FaultyBackend>(device::Access::shared_backend(open_device({.backend = "host"})));
  backend_->hold_events();
  Fence looked;
  Fence awaited;
  for (Fence* const fence : {&looked, &awaited}) {
    fence->add(lost, StreamId::legacy_default);
    fence->add(backend_, StreamId::legacy_default);
    fence->add(lost, StreamId::legacy_default);
  }
  lost->lose(1);
  EXPECT_FALSE(looked.done());
  EXPECT_FALSE(awaited.await(soon()));
  backend_->let_events_go();
  EXPECT_TRUE(looked.await(long_enough()));
  EXPECT_TRUE(awaited.await(long_enough()));
  lost->heal();
}

TEST_F(FenceTest, HoldsAStreamBackOnTheDevice) {
  const Stream held = device_.stream();
  Fence fence;
  backend_->hold_events();
  fence.add(backend_, StreamId::legacy_default);
  fence.add(backend_, held);
  fence.hold_back(held);
  EXPECT_EQ(backend_->calls(CallKind::stream_wait), 2u);
  EXPECT_EQ(backend_->calls(CallKind::wait), 0u);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::stream_wait);
  EXPECT_THROW(fence.hold_back(held), DriverError);
  backend_->let_events_go();
  EXPECT_TRUE(fence.await(long_enough()));
}

TEST_F(FenceTest, WaitsForAnyOfSeveral) {
  const auto dry = make_dry_backend(64_MiB, driver_model("event_us=5"));
  const StreamId slow = dry->create_stream();
  const StreamId quick = dry->create_stream();
  dry->keep_busy(slow, 1ms);
  dry->keep_busy(quick, 20us);
  Fence one;
  Fence two;
  one.add(dry, slow);
  two.add(dry, quick);
  std::vector<SharedEvent> events;
  one.collect(events);
  two.collect(events);
  EXPECT_FALSE(await_any(*dry, {}, long_enough()));
  EXPECT_TRUE(await_any(*dry, events, long_enough()));
  EXPECT_EQ(dry->simulated_time()->now(), 25us);
  EXPECT_TRUE(two.done());
  EXPECT_FALSE(one.done());
}

#ifdef WEIR_HAS_CUDA
// A captured stream can have no event: what is asked of it is recorded when the capture has ended.
TEST_F(FenceTest, WhatACaptureKeepsFromBeingRecordedIsRecordedLater) {
  const auto cuda = open_backend(cuda_fake);
  const StreamId stream = cuda->create_stream();
  const StreamId captured = cuda->begin_capture(stream);
  {
    Fence fence;
    std::string why;
    EXPECT_EQ(fence.add(cuda, captured, &why), nullptr);
    EXPECT_EQ(why, "");
    EXPECT_EQ(cuda->calls(CallKind::record), 0u);
    EXPECT_FALSE(fence.empty());
    EXPECT_FALSE(fence.done());
    EXPECT_FALSE(fence.await(soon()));
    cuda->end_capture(captured);
    EXPECT_TRUE(fence.await(long_enough()));
    EXPECT_TRUE(fence.empty());
  }
  EXPECT_EQ(cuda->balance().events, 0u);
  EXPECT_EQ(cuda->breach(), "");
  cuda->destroy_stream(stream);
}
#endif

}  // namespace
}  // namespace weir::device
