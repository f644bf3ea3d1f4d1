// Memory of the Vulkan backend on a device with memory that the host does not see, and some that is not coherent:
// bytes at odd places, and what is allocated for them. Skipped, with the reason, where no driver loads.
#include <algorithm>
#include <array>
#include <future>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/vulkan/vulkan_device.hpp"
#include "device/access.hpp"
#include "unit/backend/vulkan/backend_fixture.hpp"

namespace weir::backend::vulkan {
namespace {

using namespace weir::literals;

class VulkanMemory : public VulkanBackend {};

// Whatever the ends of a range are: whole words by the device, the rest byte for byte.
TEST_F(VulkanMemory, FillsAndWritesAnyRange) {
  driver().discrete = true;
  const auto backend = open();
  constexpr std::uint64_t size = 64;
  const Owned memory(*backend, size, false);
  const Owned pinned(*backend, size, true);
  constexpr StreamId stream = StreamId::legacy_default;
  for (std::uint64_t from = 0; from < 6; ++from) {
    for (std::uint64_t count = 1; count < 14; ++count) {
      const std::vector<std::byte> text(count, std::byte{0x22});
      backend->fill(stream, memory.address(), 0x11, size);
      backend->write(stream, memory.address() + 32 + from, text);
      backend->fill(stream, memory.address() + from, 0x33, count);
      backend->download(stream, pinned.bytes(), memory.address(), size);
      settle(*backend, stream);
      std::vector<std::uint8_t> expected(size, 0x11);
      std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(from), count, 0x33);
      std::fill_n(expected.begin() + 32 + static_cast<std::ptrdiff_t>(from), count, 0x22);
      ASSERT_EQ(std::vector(pinned.bytes(), pinned.bytes() + size), expected) << from << ' ' << count;
    }
  }
}

// The host's writes beside what a download writes share an atom with it, and are still there when it is.
TEST_F(VulkanMemory, ADownloadKeepsWhatTheHostWroteBesideIt) {
  driver().discrete = true;
  const auto backend = open();
  const Owned memory(*backend, 4096, false);
  const Owned pinned(*backend, 4096, true);
  constexpr StreamId stream = StreamId::legacy_default;
  backend->fill(stream, memory.address(), 9, 4096);
  std::fill_n(pinned.bytes(), 4096, std::uint8_t{5});
  backend->download(stream, pinned.bytes() + 100, memory.address(), 50);
  settle(*backend, stream);
  EXPECT_EQ(std::count(pinned.bytes(), pinned.bytes() + 4096, 5), 4046);
  EXPECT_EQ(std::count(pinned.bytes() + 100, pinned.bytes() + 150, 9), 50);
}

// A host function reads what a stream downloaded that its own has waited for, also where the device was seen past it
// before anyone asked for that event, and where a third stream stands between them.
TEST_F(VulkanMemory, WhatAStreamWaitedForIsThereForTheHost) {
  driver().discrete = true;
  const auto backend = open();
  const Owned memory(*backend, 4096, false);
  const Owned pinned(*backend, 4096, true);
  const std::array streams{backend->create_stream(), backend->create_stream(), backend->create_stream()};
  // Whether the next submission finds the download done, and the stream further than anyone asked.
  for (const bool seen_done : {true, false}) {
    for (const bool between : {false, true}) {
      const auto value = static_cast<std::uint8_t>(1 + 2 * (seen_done ? 1 : 0) + (between ? 1 : 0));
      backend->fill(streams[0], memory.address(), value, 4096);
      backend->download(streams[0], pinned.bytes(), memory.address(), 4096);
      const device::EventId downloaded = backend->record(streams[0]);
      if (seen_done) {
        auto& device = dynamic_cast<VulkanDevice&>(*backend);
        device.gpu().vk().vkDeviceWaitIdle(device.gpu().device());
        for (int i = 0; i < 9; ++i) backend->fill(streams[0], memory.address(), value, 4096);
      }
      backend->stream_wait(streams[1], downloaded);
      StreamId last = streams[1];
      if (between) {
        backend->stream_wait(streams[2], backend->record(streams[1]));
        last = streams[2];
      }
      std::ptrdiff_t found = 0;
      backend->run(last, [&] { found = std::count(pinned.bytes(), pinned.bytes() + 4096, value); });
      settle(*backend, last);
      EXPECT_EQ(found, 4096) << seen_done << between;
      // What was made visible once is the host's from then on.
      std::fill_n(pinned.bytes(), 4096, std::uint8_t{99});
      settle(*backend, streams[0]);
      settle(*backend, streams[1]);
      EXPECT_EQ(std::count(pinned.bytes(), pinned.bytes() + 4096, 99), 4096);
    }
  }
  // Streams that wait for each other in turn, and for no host function.
  backend->download(streams[0], pinned.bytes(), memory.address(), 4096);
  backend->stream_wait(streams[1], backend->record(streams[0]));
  backend->stream_wait(streams[0], backend->record(streams[1]));
  settle(*backend, streams[0]);
  EXPECT_EQ(std::count(pinned.bytes(), pinned.bytes() + 4096, 99), 0);
  for (const StreamId each : streams) backend->destroy_stream(each);
}

// The host's memory is not coherent there, and the device's cannot be seen.
TEST_F(VulkanMemory, StagingBuffersAreTheHostsOnADiscreteDevice) {
  driver().discrete = true;
  MemoryManager memory(device::Access::make_device(open()), {.pool = {.limit = 64_MiB}});
  const auto up = memory.create<std::uint32_t>("up", 100'003, {.usage = Usage::staging_upload});
  const auto data = memory.create<std::uint32_t>("data", 100'003);
  const auto down = memory.create<std::uint32_t>("down", 100'003, {.usage = Usage::staging_download});
  const std::span<std::uint32_t> written(up.access().data(), up.size());
  const std::span<const std::uint32_t> read(down.access().data(), down.size());
  for (const std::uint32_t first : {7u, 100u}) {
    std::iota(written.begin(), written.end(), first);
    memory.copy(data, memory, up);
    memory.copy(down, memory, data);
    EXPECT_TRUE(std::ranges::equal(read, written));
  }
}

// What the backend stages itself takes few allocations, however much of it waits.
TEST_F(VulkanMemory, StagingSharesAllocations) {
  driver().discrete = true;
  driver().max_allocations = 4;
  const auto backend = open();
  constexpr std::uint64_t size = 4096;
  constexpr StreamId stream = StreamId::legacy_default;
  const Owned memory(*backend, size, false);
  const Owned pinned(*backend, size, true);
  std::promise<void> go;
  backend->run(stream, [may = go.get_future().share()] { may.wait(); });
  EXPECT_NO_THROW(for (std::uint64_t i = 0; i < 60;
                       ++i) { backend->fill(stream, memory.address() + 8 * i + 1, static_cast<std::uint8_t>(i), 5); });
  backend->download(stream, pinned.bytes(), memory.address(), size);
  go.set_value();
  settle(*backend, stream);
  for (std::uint64_t i = 0; i < 60; ++i) {
    EXPECT_EQ(std::count(pinned.bytes() + 8 * i + 1, pinned.bytes() + 8 * i + 6, static_cast<std::uint8_t>(i)), 5);
  }
}

TEST_F(VulkanMemory, RefusesPastAHeapsSize) {
  driver().discrete = true;
  const auto backend = open();
  const Owned most(*backend, 64_MiB, false);
  try {
    static_cast<void>(backend->allocate_segment(33_MiB));
    ADD_FAILURE() << "nothing was thrown";
  } catch (const OutOfMemory& error) {
    EXPECT_EQ(error.facts().bytes_asked, 33_MiB);
    EXPECT_EQ(error.facts().limit, FaultyDriver::device_heap);
    EXPECT_EQ(error.facts().free, 32_MiB);
  }
  const Owned rest(*backend, 32_MiB, false);
  EXPECT_EQ(backend->info().memory_free, 0u);
  EXPECT_THROW(static_cast<void>(backend->allocate_pinned(FaultyDriver::host_heap)), OutOfMemory);
}

TEST_F(VulkanMemory, KeepsToTheNumberOfAllocations) {
  driver().discrete = true;
  driver().max_allocations = 5;
  const auto backend = open();
  std::vector<Address> all;
  EXPECT_THROW(for (int i = 0; i < 6; ++i) all.push_back(backend->allocate_segment(4096)), OutOfMemory);
  EXPECT_EQ(all.size(), 5u);
  for (const Address each : all) backend->free_segment(each, 4096);
}

}  // namespace
}  // namespace weir::backend::vulkan
