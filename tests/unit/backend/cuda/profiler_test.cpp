// What a profiler is told, by one that is found as NVIDIA's are: tests/nvtx/tool.cpp, which a run of its own
// names in NVTX_INJECTION64_PATH. Without it nothing is told, and every other case runs so.
#include "backend/cuda/profiler.hpp"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/bytes.hpp>

#include "backend/cuda/cuda_backend.hpp"
#include "fake_cuda/fake_cuda.hpp"

namespace weir::backend::cuda {
namespace {

using testing::HasSubstr;

TEST(CudaProfiler, IsToldOfStreamsAndOfWhatMapsMemory) {
  const char* path = std::getenv("NVTX_INJECTION64_PATH");
  if (path == nullptr) GTEST_SKIP() << "NVTX_INJECTION64_PATH names no profiler";
  const fake_cuda::Fake fake{fake_cuda::Options{}};
  const auto backend = make_cuda_backend(fake_cuda::Fake::table());
  const std::uint64_t page = backend->info().page_bytes;
  const StreamId stream = backend->create_stream();
  const device::Address range = backend->reserve(4 * page);
  std::array<device::Extent, 3> pages{};
  backend->create(pages);
  backend->map(range, pages);
  backend->unmap(range, pages);
  backend->destroy(pages);
  backend->unreserve(range, 4 * page);
  backend->destroy_stream(stream);

  void* const tool = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(tool, nullptr) << "the profiler was not loaded";
  const auto notes = reinterpret_cast<const char* (*)()>(dlsym(tool, "weir_nvtx_notes"));
  ASSERT_NE(notes, nullptr);
  const std::string told = notes();
  const std::string bytes = std::to_string(3 * page);
  EXPECT_THAT(told, HasSubstr("domain weir\n"));
  EXPECT_THAT(told, HasSubstr("stream weir stream " + std::to_string(static_cast<std::uint32_t>(stream)) + "\n"));
  EXPECT_THAT(told, HasSubstr("push create pages " + bytes + "\npop\npush map pages " + bytes +
                              "\npop\npush unmap pages " + bytes + "\npop\npush destroy pages " + bytes + "\npop\n"));
  dlclose(tool);
}

}  // namespace
}  // namespace weir::backend::cuda
