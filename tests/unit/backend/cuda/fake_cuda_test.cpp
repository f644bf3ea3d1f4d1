// The driver without a GPU is as strict as it says: each planted misuse is caught.
#include "fake_cuda/fake_cuda.hpp"

#include <cstring>
#include <utility>

#include <gtest/gtest.h>

namespace weir::fake_cuda {
namespace {

constexpr std::uint64_t page = std::uint64_t{2} << 20;

class FakeCuda : public testing::Test {
 protected:
  FakeCuda() {
    EXPECT_EQ(driver.context_retain(&context, 0), CUDA_SUCCESS);
    EXPECT_EQ(driver.context_push(context), CUDA_SUCCESS);
    EXPECT_EQ(driver.stream_create(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
    wanted.type = CU_MEM_ALLOCATION_TYPE_PINNED;
    wanted.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
    access.location = wanted.location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  }
  ~FakeCuda() override { EXPECT_EQ(driver.context_pop(&context), CUDA_SUCCESS); }

  CUdeviceptr range(std::uint64_t pages) {
    CUdeviceptr start = 0;
    EXPECT_EQ(driver.reserve(&start, pages * page, page, 0, 0), CUDA_SUCCESS);
    return start;
  }
  CUmemGenericAllocationHandle made(std::uint64_t pages = 1) {
    CUmemGenericAllocationHandle handle = 0;
    EXPECT_EQ(driver.create(&handle, pages * page, &wanted, 0), CUDA_SUCCESS);
    return handle;
  }
  void expect_breach(CUresult code) {
    EXPECT_NE(code, CUDA_SUCCESS);
    EXPECT_NE(fake.fault(), "");
  }

  Fake fake{{.memory = std::uint64_t{64} << 20}};
  const backend::cuda::Driver& driver = Fake::table();
  CUcontext context = nullptr;
  CUstream stream = nullptr;
  CUmemAllocationProp wanted{};
  CUmemAccessDesc access{};
};

TEST_F(FakeCuda, RefusesWhatIsNoMultipleOfTheGranularity) {
  CUdeviceptr start = 0;
  expect_breach(driver.reserve(&start, page + 4096, page, 0, 0));
}

TEST_F(FakeCuda, CountsTheContextsThatAreMade) {
  EXPECT_EQ(fake.contexts_made(), 1u);
  EXPECT_EQ(driver.context_retain(&context, 0), CUDA_SUCCESS);
  EXPECT_EQ(fake.contexts_made(), 1u) << "it was there already";
  EXPECT_EQ(driver.context_release(0), CUDA_SUCCESS);
  EXPECT_EQ(driver.context_release(0), CUDA_SUCCESS);
  EXPECT_EQ(driver.context_retain(&context, 0), CUDA_SUCCESS);
  EXPECT_EQ(fake.contexts_made(), 2u) << "the last user had left";
}

TEST_F(FakeCuda, RefusesToMapAPartOfAHandle) {
  const CUdeviceptr start = range(2);
  expect_breach(driver.map(start, page / 2, 0, made(), 0));
}

TEST_F(FakeCuda, RefusesWorkBeforeAccessIsSet) {
  const CUdeviceptr start = range(1);
  ASSERT_EQ(driver.map(start, page, 0, made(), 0), CUDA_SUCCESS);
  expect_breach(driver.fill(start, 1, 512, stream));
}

TEST_F(FakeCuda, RefusesWorkPastTheMapping) {
  const CUdeviceptr start = range(2);
  ASSERT_EQ(driver.map(start, page, 0, made(), 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.set_access(start, page, &access, 1), CUDA_SUCCESS);
  ASSERT_EQ(driver.fill(start, 1, page, stream), CUDA_SUCCESS);
  expect_breach(driver.fill(start, 1, page + 1, stream));
}

TEST_F(FakeCuda, RefusesToUnmapWhatWorkUses) {
  const CUdeviceptr start = range(1);
  ASSERT_EQ(driver.map(start, page, 0, made(), 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.set_access(start, page, &access, 1), CUDA_SUCCESS);
  fake.hold();
  ASSERT_EQ(driver.fill(start, 1, page, stream), CUDA_SUCCESS);
  expect_breach(driver.unmap(start, page));
  fake.let_go();
}

TEST_F(FakeCuda, UnmapsWholeMappingsInOneGo) {
  const CUdeviceptr start = range(5);
  const CUmemGenericAllocationHandle large = made(3);
  const CUmemGenericAllocationHandle small = made();
  ASSERT_EQ(driver.map(start, 3 * page, 0, large, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.map(start + 3 * page, page, 0, small, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.set_access(start, 4 * page, &access, 1), CUDA_SUCCESS);
  EXPECT_EQ(driver.unmap(start, 4 * page), CUDA_SUCCESS);
  EXPECT_EQ(driver.release(large), CUDA_SUCCESS);
  EXPECT_EQ(driver.release(small), CUDA_SUCCESS);
  EXPECT_EQ(fake.fault(), "");
}

// Parts of a mapping, more than is mapped, and what is unmapped already.
TEST_F(FakeCuda, RefusesToUnmapWhatIsNoWholeMapping) {
  for (const auto& [first, count] : {std::pair{0, 1}, {0, 2}, {1, 2}, {2, 2}, {0, 5}, {3, 2}, {0, 0}}) {
    SCOPED_TRACE(first * 10 + count);
    Fake own{{.memory = std::uint64_t{64} << 20}};
    ASSERT_EQ(driver.context_retain(&context, 0), CUDA_SUCCESS);
    const CUdeviceptr start = range(5);
    ASSERT_EQ(driver.map(start, 3 * page, 0, made(3), 0), CUDA_SUCCESS);
    ASSERT_EQ(driver.map(start + 3 * page, page, 0, made(), 0), CUDA_SUCCESS);
    EXPECT_NE(driver.unmap(start + static_cast<std::uint64_t>(first) * page, static_cast<std::uint64_t>(count) * page),
              CUDA_SUCCESS);
    EXPECT_NE(own.fault(), "");
    EXPECT_EQ(driver.unmap(start, 4 * page), CUDA_SUCCESS);  // nothing had changed
    EXPECT_NE(driver.unmap(start, 4 * page), CUDA_SUCCESS);
  }
}

TEST_F(FakeCuda, RefusesAccessToAPartOfAMapping) {
  const CUdeviceptr start = range(3);
  ASSERT_EQ(driver.map(start, 2 * page, 0, made(2), 0), CUDA_SUCCESS);
  expect_breach(driver.set_access(start, page, &access, 1));
}

TEST_F(FakeCuda, RefusesToReleaseWhatIsMappedOrGone) {
  const CUdeviceptr start = range(1);
  const CUmemGenericAllocationHandle handle = made();
  ASSERT_EQ(driver.map(start, page, 0, handle, 0), CUDA_SUCCESS);
  expect_breach(driver.release(handle));
  ASSERT_EQ(driver.unmap(start, page), CUDA_SUCCESS);
  EXPECT_EQ(driver.release(handle), CUDA_SUCCESS);
  EXPECT_NE(driver.release(handle), CUDA_SUCCESS);
}

TEST_F(FakeCuda, RefusesToFreeARangeWithMappings) {
  const CUdeviceptr start = range(1);
  ASSERT_EQ(driver.map(start, page, 0, made(), 0), CUDA_SUCCESS);
  expect_breach(driver.unreserve(start, page));
}

TEST_F(FakeCuda, HasNoMoreThanItsMemory) {
  CUdeviceptr start = 0;
  EXPECT_EQ(driver.allocate(&start, std::uint64_t{65} << 20), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(fake.fault(), "");
}

TEST_F(FakeCuda, RefusesUploadsFromMemoryThatIsNotPinned) {
  CUdeviceptr start = 0;
  ASSERT_EQ(driver.allocate(&start, 4096), CUDA_SUCCESS);
  const int here = 1;
  expect_breach(driver.upload(start, &here, sizeof(here), stream));
}

TEST_F(FakeCuda, RefusesCallsWithoutAContext) {
  ASSERT_EQ(driver.context_pop(&context), CUDA_SUCCESS);
  CUdeviceptr start = 0;
  expect_breach(driver.allocate(&start, 4096));
  ASSERT_EQ(driver.context_push(context), CUDA_SUCCESS);
}

TEST_F(FakeCuda, RefusesStreamsAndEventsThatAreGone) {
  ASSERT_EQ(driver.stream_destroy(stream), CUDA_SUCCESS);
  expect_breach(driver.stream_synchronize(stream));
  CUevent event = nullptr;
  ASSERT_EQ(driver.event_create(&event, CU_EVENT_DISABLE_TIMING), CUDA_SUCCESS);
  ASSERT_EQ(driver.event_destroy(event), CUDA_SUCCESS);
  EXPECT_NE(driver.event_query(event), CUDA_SUCCESS);
}

TEST_F(FakeCuda, ACallThatBreaksCapturesIsRefused) {
  fake.begin_capture(stream);
  CUdeviceptr start = 0;
  expect_breach(driver.allocate(&start, 4096));
  EXPECT_TRUE(fake.capture_broken(stream));
  static_cast<void>(fake.end_capture(stream));
}

TEST_F(FakeCuda, KeepsWhatAPageHoldsWhenItMoves) {
  const CUdeviceptr start = range(2);
  const CUmemGenericAllocationHandle handle = made();
  ASSERT_EQ(driver.map(start, page, 0, handle, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.set_access(start, page, &access, 1), CUDA_SUCCESS);
  std::memset(reinterpret_cast<void*>(start), 7, 16);  // NOLINT(performance-no-int-to-ptr)
  ASSERT_EQ(driver.unmap(start, page), CUDA_SUCCESS);
  ASSERT_EQ(driver.map(start + page, page, 0, handle, 0), CUDA_SUCCESS);
  ASSERT_EQ(driver.set_access(start + page, page, &access, 1), CUDA_SUCCESS);
  EXPECT_EQ(*reinterpret_cast<char*>(start + page), 7);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace
}  // namespace weir::fake_cuda
