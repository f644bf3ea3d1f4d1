// What weir asks of the driver, and what not: facts are read once, a driver that is not
// ready is asked again within a bound, pages are made for whoever is to reach them.
#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/cuda.hpp>
#include <weir/weir.hpp>

#include "backend/cuda/cuda_backend.hpp"
#include "device/access.hpp"
#include "fake_cuda/fake_cuda.hpp"

namespace weir::backend::cuda {
namespace {

using namespace literals;
using namespace std::chrono_literals;
using device::Extent;
using fake_cuda::Fake;
using testing::HasSubstr;

class CudaDriverCalls : public testing::Test {
 protected:
  void TearDown() override {
    device_.reset();
    backend_.reset();
    EXPECT_EQ(fake_->fault(), "");
    EXPECT_EQ(fake_->handles(), 0u);
    EXPECT_EQ(fake_->contexts_retained(), 0u);
  }
  void open(const fake_cuda::Options& options = {}, const OpenOptions& how = {}) {
    fake_.emplace(options);
    backend_ = make_cuda_backend(Fake::table(), how);
    device_ = device::Access::make_device(backend_, "test");
  }

  std::optional<Fake> fake_;
  std::shared_ptr<device::Backend> backend_;
  std::optional<Device> device_;
};

TEST_F(CudaDriverCalls, NoneForFactsAndForALaunch) {
  open();
  const Stream stream = device_->stream();
  const std::uint64_t before = fake_->calls();
  EXPECT_NE(weir::cuda::native(*device_, stream), nullptr);
  EXPECT_EQ(device_->facts().name, "Fake GPU 0");
  EXPECT_EQ(fake_->calls(), before);
  EXPECT_FALSE(device_->facts().memory_free.has_value());
  EXPECT_TRUE(device_->info().memory_free.has_value());
}

TEST_F(CudaDriverCalls, ForFreeMemoryOnlyWhereItIsAsked) {
  open();
  CUstream native = fake_->make_stream();
  MemoryManager memory(*device_, {.name = "memory"});
  Buffer<std::uint8_t> buffer = memory.scoped<std::uint8_t>("buffer", 20_MiB);
  const std::uint64_t asked = fake_->calls("cuMemGetInfo");
  buffer.resize(19_MiB);
  buffer.shrink();
  {
    const Stream adopted = weir::cuda::adopt(*device_, native);
    fake_->begin_capture(native);
    const Stream captured = weir::cuda::begin_capture(*device_, adopted);
    static_cast<void>(fake_->end_capture(native));
  }
  static_cast<void>(memory.report());
  EXPECT_EQ(fake_->calls("cuMemGetInfo"), asked);
}

class CudaNotReady : public CudaDriverCalls {
 protected:
  void SetUp() override {
    open({.memory = 64_MiB});
    page_ = backend_->facts().page_bytes;
    range_ = backend_->reserve(4 * page_);
    backend_->create(row_);
  }
  void TearDown() override {
    backend_->destroy(row_);
    backend_->unreserve(range_, 4 * page_);
    CudaDriverCalls::TearDown();
  }

  std::uint64_t page_ = 0;
  device::Address range_ = 0;
  std::array<Extent, 2> row_{};
};

// As often as is stated, and the calls are counted.
TEST_F(CudaNotReady, IsAskedAgain) {
  fake_->fail("cuMemSetAccess", 1, CUDA_ERROR_NOT_READY, 7);
  const device::DriverCalls before = backend_->driver_calls();
  backend_->map(range_, row_);
  EXPECT_EQ(backend_->driver_calls().accesses - before.accesses, 8u);
  fake_->fail("cuMemUnmap", 1, CUDA_ERROR_NOT_READY, 7);
  backend_->unmap(range_, row_);
  EXPECT_EQ(backend_->driver_calls().unmaps - before.unmaps, 8u);
}

TEST_F(CudaNotReady, InTheEndIsAnErrorAndNothingChanged) {
  fake_->fail("cuMemSetAccess", 1, CUDA_ERROR_NOT_READY, 8);
  try {
    backend_->map(range_, row_);
    ADD_FAILURE() << "mapped";
  } catch (const DriverError& error) {
    EXPECT_THAT(error.message(), HasSubstr("cuMemSetAccess"));
  }
  EXPECT_EQ(fake_->handles(), 3u);  // nothing is mapped
  backend_->map(range_, row_);
  fake_->fail("cuMemUnmap", 1, CUDA_ERROR_NOT_READY, 8);
  EXPECT_THROW(backend_->unmap(range_, row_), DriverError);
  EXPECT_TRUE(fake_->accessible(range_, 0));
  backend_->unmap(range_, row_);
}

// What cannot be undone at once is undone later: before the pages are mapped anew, or destroyed.
TEST_F(CudaNotReady, LeavesNothingMappedForLong) {
  struct Driver {
    Fake& fake;
    explicit Driver(Fake& of) : fake(of) {}
    void refuse_access_and_unmaps(std::uint64_t unmaps) const {
      fake.fail("cuMemSetAccess", 1, CUDA_ERROR_UNKNOWN);
      fake.fail("cuMemUnmap", 1, CUDA_ERROR_NOT_READY, unmaps);
    }
  };
  const Driver driver(*fake_);
  driver.refuse_access_and_unmaps(8);
  EXPECT_THROW(backend_->map(range_, row_), DriverError);
  EXPECT_EQ(fake_->handles(), 5u);
  backend_->map(range_ + 2 * page_, row_);  // elsewhere
  EXPECT_EQ(fake_->handles(), 5u);
  backend_->unmap(range_ + 2 * page_, row_);
  // As long as they are mapped there, they are not mapped anew.
  driver.refuse_access_and_unmaps(10);
  EXPECT_THROW(backend_->map(range_, row_), DriverError);
  EXPECT_THROW(backend_->map(range_ + 2 * page_, row_), DriverError);
  EXPECT_EQ(fake_->handles(), 5u);
  backend_->map(range_ + 2 * page_, row_);
  backend_->unmap(range_ + 2 * page_, row_);
  // Nor are handles released that are mapped: that is made up for at the end of the range.
  driver.refuse_access_and_unmaps(24);
  EXPECT_THROW(backend_->map(range_, row_), DriverError);
  backend_->destroy(row_);
  EXPECT_EQ(fake_->handles(), 5u);
  backend_->unreserve(range_, 4 * page_);
  EXPECT_EQ(fake_->handles(), 0u);
  EXPECT_EQ(fake_->bytes_used(), 0u);
  range_ = backend_->reserve(4 * page_);
  backend_->create(row_);
}

// One thread destroys what another maps its own memory in place of.
TEST_F(CudaNotReady, UnmapsOnlyWhatItShould) {
  std::array<Extent, 2> fresh{};
  backend_->create(fresh);
  fake_->fail("cuMemSetAccess", 1, CUDA_ERROR_UNKNOWN);
  fake_->fail("cuMemUnmap", 1, CUDA_ERROR_NOT_READY, 8);
  EXPECT_THROW(backend_->map(range_, row_), DriverError);
  std::future<void> maps;
  fake_->before("cuMemUnmap", [&] {
    maps = std::async(std::launch::async, [&] { backend_->map(range_, fresh); });
    maps.wait_for(200ms);  // it goes on first, unless it waits for this call
  });
  backend_->destroy(row_);
  maps.get();
  EXPECT_TRUE(fake_->accessible(range_, 0));
  EXPECT_TRUE(fake_->accessible(range_ + page_, 0));
  backend_->unmap(range_, fresh);
  row_ = fresh;
}

// What was given back is there when it is wanted.
TEST_F(CudaNotReady, EndsWhatIsLeftBeforeItTakesMore) {
  for (const bool pages : {false, true}) {
    backend_->map(range_, row_);
    fake_->fail("cuMemUnmap", 1, CUDA_ERROR_NOT_READY, 16);
    backend_->destroy(row_);
    EXPECT_EQ(fake_->bytes_used(), 2 * page_);
    std::array<Extent, 1> all{{{.pages = static_cast<std::uint32_t>(64_MiB / page_)}}};
    if (pages) {
      backend_->create(all);
      backend_->destroy(all);
    } else {
      backend_->free_segment(backend_->allocate_segment(64_MiB), 64_MiB);
    }
    backend_->create(row_);
  }
}

// The pool goes on, with memory of another kind, and its books hold.
TEST_F(CudaDriverCalls, APoolGoesOnWhereTheDriverIsNeverReady) {
  open({.memory = 256_MiB});
  {
    Pool pool(*device_, {.name = "pool"});
    fake_->fail("cuMemSetAccess", 1, CUDA_ERROR_NOT_READY, 1'000'000);
    void* block = pool.allocate(5_MiB);
    pool.verify();
    EXPECT_GT(fake_->calls("cuMemAlloc"), 0u);
    EXPECT_EQ(pool.statistics().reserved.live, fake_->bytes_used());
    fake_->heal();
    void* other = pool.allocate(5_MiB);
    pool.deallocate(block);
    pool.deallocate(other);
    pool.verify();
    static_cast<void>(pool.trim());
    EXPECT_EQ(pool.statistics().reserved.live, fake_->bytes_used());
  }
}

TEST_F(CudaDriverCalls, NetworkCardsReachPagesWhereTheDriverSaysSo) {
  for (const bool direct : {false, true}) {
    open({.direct_pages = direct});
    std::array<Extent, 2> row{};
    backend_->create(row);
    EXPECT_EQ(fake_->direct_bytes(), direct ? 2 * backend_->facts().page_bytes : 0);
    backend_->destroy(row);
    device_.reset();
    backend_.reset();
    EXPECT_EQ(fake_->fault(), "");
  }
}

TEST_F(CudaDriverCalls, PeersReachPagesWhereTheyAreAskedFor) {
  struct Case {
    bool possible;
    bool asked;
  };
  for (const auto& [possible, asked] : {Case{true, false}, Case{false, true}, Case{true, true}}) {
    open({.devices = 3, .peers = possible, .peer_granularity = 4_MiB}, {.ordinal = 0, .peers = asked});
    const bool shared = possible && asked;
    const std::uint64_t page = backend_->facts().page_bytes;
    EXPECT_EQ(page, shared ? 4_MiB : 2_MiB);
    const device::Address range = backend_->reserve(2 * page);
    std::array<Extent, 2> row{};
    backend_->create(row);
    backend_->map(range, row);
    EXPECT_TRUE(fake_->accessible(range, 0));
    for (const int peer : {1, 2}) EXPECT_EQ(fake_->accessible(range + page, peer), shared) << peer;
    EXPECT_EQ(fake_->calls("cuMemSetAccess"), 1u);
    backend_->unmap(range, row);
    backend_->destroy(row);
    backend_->unreserve(range, 2 * page);
    device_.reset();
    backend_.reset();
    EXPECT_EQ(fake_->fault(), "");
  }
}

TEST_F(CudaDriverCalls, ADeviceKnowsItsNumber) {
  open({.devices = 2}, {.ordinal = 1});
  EXPECT_EQ(device_->facts().index, 1u);
}

}  // namespace
}  // namespace weir::backend::cuda
