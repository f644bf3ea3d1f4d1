// The CUDA backend where the suites do not look: what the driver's codes come to,
// devices without virtual memory, several devices, adopted streams and captures.
#include "backend/cuda/cuda_backend.hpp"
#include "device/access.hpp"

#include <array>
#include <chrono>
#include <cstring>
#include <future>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

#include "fake_cuda/fake_cuda.hpp"

namespace weir::backend::cuda {
namespace {

using device::Extent;
using fake_cuda::Fake;
using testing::HasSubstr;
using namespace literals;

class CudaBackend : public testing::Test {
 protected:
  void TearDown() override {
    backend_.reset();
    if (!fake_) return;
    EXPECT_EQ(fake_->fault(), "");
    EXPECT_EQ(fake_->handles(), 0u);
    EXPECT_EQ(fake_->contexts_retained(), 0u);
  }
  device::Backend& open(const fake_cuda::Options& options = {}) {
    fake_.emplace(options);
    backend_ = make_cuda_backend(Fake::table());
    return *backend_;
  }

  std::optional<Fake> fake_;
  std::shared_ptr<device::Backend> backend_;
};

TEST_F(CudaBackend, SaysWhyThereIsNoDevice) {
  const auto why = [](const fake_cuda::Options& options) {
    const Fake fake(options);
    return examine(Fake::table()).why_none;
  };
  EXPECT_THAT(why({.start = CUDA_ERROR_STUB_LIBRARY}), HasSubstr("stub"));
  EXPECT_THAT(why({.start = CUDA_ERROR_NO_DEVICE}), HasSubstr("no device"));
  EXPECT_THAT(why({.devices = 0}), HasSubstr("no device"));
  EXPECT_THAT(why({.version = 11080}), HasSubstr("driver too old: it is for CUDA 11.8"));
  EXPECT_THAT(why({.start = CUDA_ERROR_UNKNOWN}), HasSubstr("CUDA_ERROR_UNKNOWN (999)"));
  EXPECT_EQ(why({}), "");
}

TEST_F(CudaBackend, ErrorsNameTheCallTheCodeAndTheSizes) {
  device::Backend& backend = open({.memory = 16_MiB});
  try {
    static_cast<void>(backend.allocate_segment(32_MiB));
    FAIL() << "more than all";
  } catch (const OutOfMemory& error) {
    for (const char* part : {"Fake GPU 0", "cuMemAlloc", "32.00 MiB", "CUDA_ERROR_OUT_OF_MEMORY (2)", "16.00 MiB"}) {
      EXPECT_THAT(error.message(), HasSubstr(part));
    }
    EXPECT_EQ(error.facts().native_code, 2);
  }
  fake_->fail("cuMemCreate", 2, CUDA_ERROR_INVALID_VALUE);
  std::array<Extent, 3> pages{};
  EXPECT_THROW(backend.create(pages), DriverError);
  EXPECT_EQ(fake_->bytes_used(), 0u);
}

TEST_F(CudaBackend, AMappingThatFailsHalfwayIsUndone) {
  device::Backend& backend = open();
  const std::uint64_t page = backend.info().page_bytes;
  const device::Address range = backend.reserve(4 * page);
  std::array<Extent, 3> pages{};
  backend.create(pages);
  for (const char* call : {"cuMemMap", "cuMemSetAccess"}) {
    fake_->fail(call, 1, CUDA_ERROR_INVALID_VALUE);
    EXPECT_THROW(backend.map(range, pages), DriverError);
  }
  backend.map(range, pages);
  fake_->fail("cuMemUnmap", 1, CUDA_ERROR_INVALID_VALUE);
  EXPECT_THROW(backend.unmap(range, pages), DriverError);
  backend.fill(StreamId::legacy_default, range, 1, 3 * page);  // all is there still
  const device::EventId done = backend.record(StreamId::legacy_default);
  EXPECT_TRUE(backend.wait(done, std::chrono::seconds(10)));
  backend.release(done);
  backend.unmap(range, pages);
  backend.destroy(pages);
  backend.unreserve(range, 4 * page);
}

TEST_F(CudaBackend, AnExtentIsOneHandleOfTheDriver) {
  device::Backend& backend = open();
  const std::uint64_t page = backend.info().page_bytes;
  const device::Address range = backend.reserve(8 * page);
  std::array<Extent, 3> row{Extent{.pages = 3}, Extent{.pages = 1}, Extent{.pages = 2}};
  fake_->fail("cuMemCreate", 3, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_THROW(backend.create(row), OutOfMemory);
  EXPECT_EQ(fake_->handles(), 1u);  // the range
  backend.create(row);
  EXPECT_EQ(fake_->handles(), 4u);
  EXPECT_EQ(fake_->bytes_used(), 6 * page);
  fake_->fail("cuMemMap", 3, CUDA_ERROR_UNKNOWN);
  EXPECT_THROW(backend.map(range, row), DriverError);
  fake_->fail("cuMemSetAccess", 1, CUDA_ERROR_UNKNOWN);
  EXPECT_THROW(backend.map(range, row), DriverError);
  backend.map(range + page, row);
  auto* bytes = reinterpret_cast<unsigned char*>(range + page);  // NOLINT(performance-no-int-to-ptr)
  std::memset(bytes, 7, 6 * page);
  fake_->fail("cuMemUnmap", 1, CUDA_ERROR_UNKNOWN);
  EXPECT_THROW(backend.unmap(range + page, row), DriverError);
  EXPECT_EQ(bytes[0], 7);  // still mapped, with what it held
  EXPECT_EQ(bytes[6 * page - 1], 7);
  backend.unmap(range + page, row);
  // The extents apart, in another order.
  backend.map(range, std::span(row).subspan(2));
  backend.map(range + 2 * page, std::span(row).first(1));
  std::memset(reinterpret_cast<void*>(range + 2 * page), 8, 3 * page);    // NOLINT(performance-no-int-to-ptr)
  EXPECT_EQ(*reinterpret_cast<unsigned char*>(range + 5 * page - 1), 8);  // NOLINT(performance-no-int-to-ptr)
  backend.unmap(range, std::span(row).subspan(2));
  backend.unmap(range + 2 * page, std::span(row).first(1));
  backend.destroy(row);
  EXPECT_EQ(fake_->bytes_used(), 0u);
  backend.unreserve(range, 8 * page);
}

// By the handle where the driver does, and once for a row where the driver takes one.
TEST_F(CudaBackend, CountsItsCallsByWhatTheyAreFor) {
  device::Backend& backend = open();
  const std::uint64_t page = backend.info().page_bytes;
  std::array<Extent, 2> row{Extent{.pages = 30}, Extent{.pages = 1}};
  const device::DriverCalls before = backend.driver_calls();
  const device::Address range = backend.reserve(31 * page);
  backend.create(row);
  backend.map(range, row);
  const device::DriverCalls mapped = backend.driver_calls();
  EXPECT_EQ(mapped.reserves - before.reserves, 1u);
  EXPECT_EQ(mapped.creates - before.creates, 2u);
  EXPECT_EQ(mapped.maps - before.maps, 2u);
  EXPECT_EQ(mapped.accesses - before.accesses, 1u);
  EXPECT_EQ(mapped.all() - before.all(), 6u);
  backend.unmap(range, row);
  backend.destroy(row);
  backend.unreserve(range, 31 * page);
  const device::DriverCalls gone = backend.driver_calls();
  EXPECT_EQ(gone.unmaps - mapped.unmaps, 1u);
  EXPECT_EQ(gone.destroys - mapped.destroys, 2u);
  EXPECT_EQ(gone.about_memory() - mapped.about_memory(), 4u);
  backend.free_segment(backend.allocate_segment(1_MiB), 1_MiB);
  backend.free_pinned(backend.allocate_pinned(4096), 4096);
  const device::EventId event = backend.record(StreamId::legacy_default);
  EXPECT_TRUE(backend.query(event));
  backend.release(event);
  const device::DriverCalls after = backend.driver_calls();
  EXPECT_EQ(after.segments - gone.segments, 2u);
  EXPECT_EQ(after.pinned - gone.pinned, 2u);
  EXPECT_EQ(after.events - gone.events, 3u);  // created too
  for (const char* call : {"cuMemCreate", "cuMemMap", "cuMemRelease"}) EXPECT_EQ(fake_->calls(call), 2u) << call;
}

TEST_F(CudaBackend, WaitsForWhicheverOfTheEventsIsDoneFirst) {
  device::Backend& backend = open();
  std::promise<void> slow;
  const StreamId first = backend.create_stream();
  const StreamId second = backend.create_stream();
  backend.run(first, [go = slow.get_future().share()] { go.wait(); });
  const std::array events{backend.record(first), backend.record(first)};
  EXPECT_FALSE(backend.wait_any(events, std::chrono::milliseconds(1)));
  backend.run(second, [] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); });
  const std::array more{events[0], backend.record(second), events[1]};
  EXPECT_TRUE(backend.wait_any(more, std::chrono::seconds(10)));
  EXPECT_FALSE(backend.query(events[0]));
  EXPECT_TRUE(backend.query(more[1]));
  EXPECT_TRUE(backend.wait_any({}, std::chrono::nanoseconds(0)));
  slow.set_value();
  EXPECT_TRUE(backend.wait_any(events, std::chrono::seconds(10)));
  for (const device::EventId each : more) backend.release(each);
  backend.destroy_stream(first);
  backend.destroy_stream(second);
}

TEST_F(CudaBackend, StickyErrorsAreALostDevice) {
  for (const CUresult code : {CUDA_ERROR_ILLEGAL_ADDRESS, CUDA_ERROR_ECC_UNCORRECTABLE, CUDA_ERROR_LAUNCH_FAILED,
                              CUDA_ERROR_ASSERT, CUDA_ERROR_DEINITIALIZED}) {
    device::Backend& backend = open();
    fake_->lose(code);
    EXPECT_THROW(static_cast<void>(backend.allocate_segment(1_MiB)), DeviceLost);
    EXPECT_THROW(static_cast<void>(backend.record(StreamId::legacy_default)), DeviceLost);
    fake_->heal();
    backend_.reset();
  }
}

TEST_F(CudaBackend, WithoutVirtualMemoryThereAreSegments) {
  static_cast<void>(open({.virtual_memory = false}));
  EXPECT_FALSE(backend_->info().virtual_memory);
  Pool pool(device::Access::make_device(backend_, "test"));
  pool.deallocate(pool.allocate(5_MiB));
  EXPECT_GT(fake_->calls("cuMemAlloc"), 0u);
  EXPECT_EQ(fake_->calls("cuMemCreate"), 0u);
}

TEST_F(CudaBackend, SegmentsAreAlignedWhereTheDriversAreNot) {
  device::Backend& backend = open({.odd_segments = true});
  const device::Address segment = backend.allocate_segment(1_MiB);
  EXPECT_EQ(segment % 512, 0u);
  backend.free_segment(segment, 1_MiB);
}

TEST_F(CudaBackend, AWriteTakesTheBytesAlongAlsoFromPinnedMemory) {
  device::Backend& backend = open();
  const device::Address target = backend.allocate_segment(1_MiB);
  const device::Address pinned = backend.allocate_pinned(4096);
  auto* bytes = reinterpret_cast<std::byte*>(pinned);  // NOLINT(performance-no-int-to-ptr)
  fake_->hold();
  std::memset(bytes, 5, 4096);
  backend.write(StreamId::legacy_default, target, {bytes, 4096});
  std::memset(bytes, 6, 4096);
  fake_->let_go();
  const device::EventId done = backend.record(StreamId::legacy_default);
  EXPECT_TRUE(backend.wait(done, std::chrono::seconds(10)));
  backend.release(done);
  EXPECT_EQ(*reinterpret_cast<char*>(target), 5);  // NOLINT(performance-no-int-to-ptr)
  backend.free_pinned(pinned, 4096);
  backend.free_segment(target, 1_MiB);
}

TEST_F(CudaBackend, ManyWritesShareAFewPinnedAllocations) {
  device::Backend& backend = open();
  const device::Address target = backend.allocate_segment(1_MiB);
  const std::vector<std::byte> bytes(device::Backend::max_written, std::byte{7});
  fake_->hold();
  for (int i = 0; i < 64; ++i) backend.write(StreamId::legacy_default, target, bytes);
  EXPECT_EQ(fake_->calls("cuMemHostAlloc"), 4u);
  fake_->let_go();
  for (int i = 0; i < 64; ++i) backend.write(StreamId::legacy_default, target, bytes);
  EXPECT_EQ(fake_->calls("cuMemHostAlloc"), 4u);
  const device::EventId written = backend.record(StreamId::legacy_default);
  EXPECT_TRUE(backend.wait(written, std::chrono::seconds(10)));
  backend.release(written);
  backend.free_segment(target, 1_MiB);
}

TEST_F(CudaBackend, CopiesFromOneDeviceToAnother) {
  device::Backend& first = open({.devices = 2});
  const auto second = make_cuda_backend(Fake::table(), {.ordinal = 1});
  EXPECT_EQ(second->info().name, "Fake GPU 1");
  const device::Address from = first.allocate_segment(1_MiB);
  const device::Address to = second->allocate_segment(1_MiB);
  first.fill(StreamId::legacy_default, from, 9, 1_MiB);
  device::EventId done = first.record(StreamId::legacy_default);
  EXPECT_TRUE(first.wait(done, std::chrono::seconds(10)));
  first.release(done);
  EXPECT_TRUE(second->copy_from(StreamId::legacy_default, to, first, from, 1_MiB));
  done = second->record(StreamId::legacy_default);
  EXPECT_TRUE(second->wait(done, std::chrono::seconds(10)));
  second->release(done);
  EXPECT_EQ(*reinterpret_cast<char*>(to + 1_MiB - 1), 9);  // NOLINT(performance-no-int-to-ptr)
  first.free_segment(from, 1_MiB);
  second->free_segment(to, 1_MiB);
}

TEST_F(CudaBackend, AdoptsTheProgramsStreams) {
  static_cast<void>(open());
  Device device = device::Access::make_device(backend_, "test");
  CUstream native = fake_->make_stream();
  {
    const Stream adopted = weir::cuda::adopt(device, native);
    EXPECT_EQ(weir::cuda::native(device, adopted), native);
    EXPECT_THROW(static_cast<void>(weir::cuda::adopt(device, native)), InvalidArgument);
    Pool pool(device);
    pool.deallocate(pool.allocate(5_MiB, adopted), adopted);
  }
  EXPECT_EQ(fake_->streams(), 1u);  // the program's own stays
  const Stream again = weir::cuda::adopt(device, native);
  EXPECT_EQ(weir::cuda::adopt(device, nullptr).id(), StreamId::legacy_default);
}

// What a capture used serves nothing else until the graph is gone, and the capture is not broken by anything.
TEST_F(CudaBackend, MemoryOfACaptureStaysItsOwn) {
  static_cast<void>(open({.memory = 64_MiB}));
  Device device = device::Access::make_device(backend_, "test");
  Stream stream = device.stream();
  CUstream native = weir::cuda::native(device, stream);
  Pool pool(device, {.reclaim_deadline = std::chrono::milliseconds(1)});
  pool.deallocate(pool.allocate(3_MiB, stream), stream);
  {
    fake_->begin_capture(native);
    const Stream captured = weir::cuda::begin_capture(device, stream);
    EXPECT_EQ(weir::cuda::native(device, captured), native);
    void* block = pool.allocate(20_MiB, captured);
    backend_->fill(captured, reinterpret_cast<std::uint64_t>(block), 3, 20_MiB);
    const std::array<std::byte, 4> small{std::byte{4}};
    backend_->write(captured, reinterpret_cast<std::uint64_t>(block), small);
    pool.deallocate(block, captured);
    EXPECT_FALSE(fake_->capture_broken(native));
    const fake_cuda::Graph graph = fake_->end_capture(native);

    std::vector<void*> others;
    while (const auto other = pool.try_allocate(10_MiB, stream)) {
      const auto* start = static_cast<const std::byte*>(*other);
      EXPECT_FALSE(start < static_cast<const std::byte*>(block) + 20_MiB && start + 10_MiB > block);
      others.push_back(*other);
    }
    EXPECT_EQ(pool.trim(), 0u) << "pages of the capture went away";
    fake_->launch(graph, native);
    device.synchronize(stream);
    EXPECT_EQ(*static_cast<char*>(block), 4);
    for (void* other : others) pool.deallocate(other, stream);
  }
  static_cast<void>(pool.trim());
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

}  // namespace
}  // namespace weir::backend::cuda
