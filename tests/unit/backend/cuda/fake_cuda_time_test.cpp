// The driver without a GPU takes the time of a model: its events are late, its calls
// cost, and the CUDA backend over it sees both without knowing of them.
#include <atomic>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/clock.hpp>

#include "backend/cuda/cuda_backend.hpp"
#include "fake_cuda/fake_cuda.hpp"

namespace weir::fake_cuda {
namespace {

using namespace std::chrono_literals;
using device::driver_model;
using device::EventId;
using device::Extent;
using std::chrono::nanoseconds;

nanoseconds now() { return Clock::system().now(); }

class FakeCudaTime : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(fake_.fault(), ""); }

  Fake fake_{{.memory = 64_MiB}};
  std::shared_ptr<device::Backend> backend_ = backend::cuda::make_cuda_backend(Fake::table());
  const StreamId stream_ = backend_->create_stream();
};

TEST_F(FakeCudaTime, ByDefaultNothingCosts) {
  const device::Address segment = backend_->allocate_segment(1_MiB);
  const EventId event = backend_->record(stream_);
  EXPECT_TRUE(backend_->query(event));
  backend_->release(event);
  backend_->free_segment(segment, 1_MiB);
  EXPECT_EQ(fake_.in_driver(), 0ns);
}

TEST_F(FakeCudaTime, AnEventIsLate) {
  fake_.take_time(driver_model("event_us=20000"));
  const nanoseconds start = now();
  const EventId event = backend_->record(stream_);
  const bool early = backend_->query(event);
  EXPECT_TRUE(!early || now() - start >= 20ms);
  EXPECT_TRUE(backend_->wait(event, 10s));
  EXPECT_GE(now() - start, 20ms);
  EXPECT_TRUE(backend_->query(event));
  backend_->release(event);
}

TEST_F(FakeCudaTime, AnEventIsLateAfterItsStreamsWork) {
  fake_.take_time(driver_model("event_us=3000"));
  std::atomic<std::int64_t> worked{0};
  fake_.hold();
  backend_->run(stream_, [&] { worked = now().count(); });
  const EventId event = backend_->record(stream_);
  EXPECT_FALSE(backend_->wait(event, 6ms)) << "its work has not begun";
  fake_.let_go();
  EXPECT_TRUE(backend_->wait(event, 10s));
  EXPECT_GE(now() - nanoseconds(worked.load()), 3ms);
  backend_->release(event);
}

TEST_F(FakeCudaTime, LaterWorkDoesNotMakeAnEventLater) {
  fake_.take_time(driver_model("event_us=3000"));
  const EventId event = backend_->record(stream_);
  fake_.hold();
  backend_->run(stream_, [] {});
  EXPECT_TRUE(backend_->wait(event, 10s));
  fake_.let_go();
  backend_->release(event);
}

TEST_F(FakeCudaTime, AStreamThatWaitsWaitsForTheLateEvent) {
  fake_.take_time(driver_model("event_us=5000"));
  const StreamId other = backend_->create_stream();
  const nanoseconds start = now();
  const EventId event = backend_->record(stream_);
  backend_->stream_wait(other, event);
  std::atomic<std::int64_t> worked{0};
  backend_->run(other, [&] { worked = now().count(); });
  const EventId after = backend_->record(other);
  EXPECT_TRUE(backend_->wait(after, 10s));
  EXPECT_GE(nanoseconds(worked.load()) - start, 5ms);
  backend_->release(event);
  backend_->release(after);
  backend_->destroy_stream(other);
}

TEST_F(FakeCudaTime, AnEventThatIsRecordedAgainIsLateAgain) {
  fake_.take_time(driver_model("event_us=3000"));
  const EventId first = backend_->record(stream_);
  EXPECT_TRUE(backend_->wait(first, 10s));
  backend_->release(first);
  const nanoseconds start = now();
  const EventId second = backend_->record(stream_);  // the same of the driver's
  EXPECT_TRUE(backend_->wait(second, 10s));
  EXPECT_GE(now() - start, 3ms);
  fake_.take_time({});
  const EventId third = backend_->record(stream_);
  EXPECT_TRUE(backend_->query(third));
  backend_->release(second);
  backend_->release(third);
}

TEST_F(FakeCudaTime, CallsCostByHandle) {
  const auto cost = [this](auto call) {
    const nanoseconds before = fake_.in_driver();
    const nanoseconds start = now();
    call();
    const nanoseconds spent = fake_.in_driver() - before;
    EXPECT_GE(now() - start, spent);
    return spent;
  };
  fake_.take_time(
      driver_model("record_us=11,query_us=12,create_us=13,map_us=14,access_us=15,unmap_us=16,destroy_us=17,"
                   "reserve_us=18,allocate_us=19,create_handle_us=1,map_handle_us=2,access_handle_us=3,"
                   "unmap_handle_us=4"));
  device::Address range = 0;
  EXPECT_EQ(cost([&] { range = backend_->reserve(16_MiB); }), 18us);
  std::vector<Extent> row{{.pages = 1}, {.pages = 2}, {.pages = 1}};
  EXPECT_EQ(cost([&] { backend_->create(row); }), 42us);
  EXPECT_EQ(cost([&] { backend_->map(range, row); }), 48us + 24us);
  EXPECT_EQ(cost([&] { backend_->unmap(range, row); }), 28us);
  EXPECT_EQ(cost([&] { backend_->destroy(row); }), 51us);
  EXPECT_EQ(cost([&] { backend_->unreserve(range, 16_MiB); }), 18us);
  device::Address segment = 0;
  EXPECT_EQ(cost([&] { segment = backend_->allocate_segment(1_MiB); }), 19us);
  EXPECT_EQ(cost([&] { backend_->free_segment(segment, 1_MiB); }), 19us);
  EventId event = EventId::none;
  EXPECT_EQ(cost([&] { event = backend_->record(stream_); }), 11us);
  EXPECT_EQ(cost([&] { EXPECT_TRUE(backend_->query(event)); }), 12us);
  backend_->release(event);
}

}  // namespace
}  // namespace weir::fake_cuda
