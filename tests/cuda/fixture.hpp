// The fixture of what looks into device memory: a device of one backend with one kind of pool, patterns that kernels
// write and check, and orders between streams made without weir's pools. After each case every check that was queued
// has found its pattern.
#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "cuda/kernels.hpp"
#include "device/access.hpp"
#include "open_backend.hpp"

namespace weir::contents {

using namespace literals;

struct Kind {
  std::string backend;
  PoolMode mode = PoolMode::pages;
  friend std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.backend; }
};

[[nodiscard]] inline std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (const char* backend : {"host", cuda_fake, "cuda"}) {
    if (!chosen(backend)) continue;
    for (const PoolMode mode : {PoolMode::pages, PoolMode::segments}) all.push_back({backend, mode});
  }
  return all;
}

[[nodiscard]] inline std::string name_of(const testing::TestParamInfo<Kind>& kind) {
  return kind.param.backend + (kind.param.mode == PoolMode::pages ? "_pages" : "_segments");
}

class Contents : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND(GetParam().backend)
    device_.emplace(device::Access::make_device(open_backend(GetParam().backend)));
    if (paged() && !device_->info().virtual_memory) GTEST_SKIP() << device_->info().name << " has no virtual memory";
    kernels_ = make_kernels(GetParam().backend, *device_);
    for (int i = 0; i < 4; ++i) streams_.push_back(device_->stream());
  }
  void TearDown() override {
    if (!kernels_) return;
    finish();
    const Findings found = kernels_->findings();
    EXPECT_TRUE(found.checked > 0 || IsSkipped()) << "nothing was checked";
    EXPECT_EQ(found.wrong, wrong_expected_) << "words, of " << found.checked;
    EXPECT_EQ(found.gates_missed, 0u) << "works waited ten seconds for the gate";
    EXPECT_EQ(driver_fault(GetParam().backend), "");
  }

  [[nodiscard]] bool paged() const { return GetParam().mode == PoolMode::pages; }
  /// Enough steps to tell: host functions are a hundred times as slow as kernels.
  [[nodiscard]] int steps(int on_device) const { return GetParam().backend == "cuda" ? on_device : on_device / 8; }
  /// Waits for all work on the case's streams.
  void finish() {
    for (const Stream& stream : streams_) device_->synchronize(stream, std::chrono::seconds(60));
  }
  /// What is queued on `later` from now on comes after all that is queued on `earlier`.
  void order(StreamId earlier, StreamId later) {
    device::Backend& backend = device::Access::backend(*device_);
    const device::EventId event = backend.record(earlier);
    backend.stream_wait(later, event);
    backend.release(event);
  }
  void fill(StreamId stream, const void* block, std::size_t words, std::uint64_t seed) {
    kernels_->fill(stream, reinterpret_cast<std::uint64_t>(block), words, seed);
  }
  void check(StreamId stream, const void* block, std::size_t words, std::uint64_t seed) {
    kernels_->check(stream, reinterpret_cast<std::uint64_t>(block), words, seed);
  }

  std::optional<Device> device_;
  std::unique_ptr<Kernels> kernels_;
  std::vector<Stream> streams_;
  std::uint64_t wrong_expected_ = 0;
};

}  // namespace weir::contents
