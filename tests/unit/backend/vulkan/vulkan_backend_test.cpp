// The Vulkan backend over a driver that presents a discrete GPU, refuses, fails and
// is lost. Skipped, with the reason, where no driver loads.
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <numeric>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "device/access.hpp"
#include "unit/backend/vulkan/backend_fixture.hpp"

namespace weir::backend::vulkan {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;
using device::Address;

// Every function of the backend, with its bytes looked at; pages too where there are any.
void use_all(device::Backend& backend) {
  constexpr std::uint64_t size = 10'007;
  const StreamId first = backend.create_stream();
  const StreamId second = backend.create_stream();
  struct End {
    device::Backend& backend;
    StreamId one;
    StreamId other;
    ~End() {
      backend.destroy_stream(one);
      backend.destroy_stream(other);
    }
  };
  const Owned memory(backend, size, false);
  const Owned other(backend, size, false);
  const Owned pinned(backend, size, true);
  const End end{backend, first, second};  // before the memory: queued work finishes with its stream
  std::iota(pinned.bytes(), pinned.bytes() + size, std::uint8_t{1});
  backend.upload(first, memory.address() + 1, pinned.bytes() + 3, size - 3);
  backend.fill(first, memory.address() + 7, 0xee, 2);
  const std::vector<std::byte> few(13, std::byte{0x44});
  backend.write(first, memory.address() + 1001, few);
  std::atomic<bool> ran{false};
  backend.run(first, [&] { ran = true; });
  backend.stream_wait(second, backend.record(first));
  backend.copy(second, other.address(), memory.address() + 1, size - 3);
  backend.fill(second, other.address() + 5001, 0x55, 1009);
  backend.download(second, pinned.bytes() + 1, other.address(), size - 3);
  settle(backend, first);  // where its host function could not be run, this tells
  settle(backend, second);
  EXPECT_TRUE(ran);
  EXPECT_TRUE(backend.query(backend.record(first)));
  for (std::uint64_t i = 0; i < size - 3; ++i) {
    auto expected = static_cast<std::uint8_t>(i + 4);
    if (i == 6 || i == 7) expected = 0xee;
    if (i >= 1000 && i < 1013) expected = 0x44;
    if (i >= 5001 && i < 6010) expected = 0x55;
    ASSERT_EQ(pinned.bytes()[i + 1], expected) << i;
  }
}

void use_pages(device::Backend& backend) {
  if (!backend.info().virtual_memory) return;
  const std::uint64_t page = backend.info().page_bytes;
  const Address range = backend.reserve(4 * page);
  std::array<device::Extent, 2> pages{};
  pages[0].pages = std::min(backend.max_extent_pages(), 2u);
  const std::uint64_t bytes = device::pages_of(pages) * page;
  bool created = false;
  bool mapped = false;
  const auto give_back = [&] {
    if (mapped) {
      // As the pool does it: once more where it failed, and on a lost device not at all.
      try {
        backend.unmap(range + page, pages);
      } catch (const DeviceLost&) {
      } catch (const Error&) {
        backend.unmap(range + page, pages);
      }
    }
    if (created) backend.destroy(pages);
    backend.unreserve(range, 4 * page);
  };
  try {
    backend.create(pages);
    created = true;
    backend.map(range + page, pages);
    mapped = true;
    backend.fill(StreamId::legacy_default, range + page, 0x31, bytes);
    const Owned pinned(backend, 4096, true);
    try {
      backend.download(StreamId::legacy_default, pinned.bytes(), range + page + pages[0].pages * page - 2048, 4096);
      settle(backend, StreamId::legacy_default);
      EXPECT_EQ(std::count(pinned.bytes(), pinned.bytes() + 4096, 0x31), 4096);
    } catch (const DeviceLost&) {
      throw;
    } catch (const Error&) {
      settle(backend, StreamId::legacy_default);
      throw;
    }
  } catch (...) {
    give_back();
    throw;
  }
  give_back();
}

TEST_F(VulkanBackend, MovesBytesOnTheDriverAsItIs) {
  const auto backend = open();
  use_all(*backend);
  use_pages(*backend);
}

// Managers are counted together by what a device says of itself.
TEST_F(VulkanBackend, AnOpenedDeviceIsTheOneThatIsListed) {
  std::string why_none;
  const std::vector<DeviceInfo> listed = list_devices(false, why_none);
  ASSERT_FALSE(listed.empty()) << why_none;
  for (const DeviceInfo& each : listed) {
    const DeviceInfo opened = make_vulkan_backend({.index = each.index})->facts();
    EXPECT_EQ(opened.name, each.name);
    EXPECT_EQ(opened.index, each.index);
    EXPECT_EQ(opened.emulated, each.emulated);
  }
}

TEST_F(VulkanBackend, MovesBytesOnADiscreteDevice) {
  driver().discrete = true;
  const auto backend = open();
  const DeviceInfo info = backend->info();
  EXPECT_FALSE(info.unified_memory);
  EXPECT_FALSE(info.pointers);
  EXPECT_EQ(info.memory_total, FaultyDriver::device_heap);
  use_all(*backend);
}

TEST_F(VulkanBackend, AManagerMovesItsBuffersOnADiscreteDevice) {
  driver().discrete = true;
  {
    MemoryManager memory(device::Access::make_device(open()), {.pool = {.limit = 64_MiB}});
    std::vector<std::uint32_t> numbers(1'000'003);
    std::iota(numbers.begin(), numbers.end(), 7u);
    auto buffer = memory.create<std::uint32_t>("numbers", numbers);
    buffer.resize(1'500'000);
    std::vector<std::uint32_t> back = memory.download(buffer);
    back.resize(numbers.size());
    EXPECT_EQ(back, numbers);
    const Pinned<std::uint32_t> pinned = memory.pinned<std::uint32_t>(1000);
    std::fill_n(pinned.data(), 1000, 5u);
    memory.start_upload(buffer, pinned, StreamId::legacy_default, {.offset = 11}).wait();
    EXPECT_EQ(memory.download(buffer)[1010], 5u);
  }
}

// Kept back in software, in the driver, or both: the first that is done ends the wait.
TEST_F(VulkanBackend, WaitsForWhicheverOfTheEventsIsDoneFirst) {
  const auto backend = open();
  const std::array streams{backend->create_stream(), backend->create_stream(), backend->create_stream()};
  const Owned memory(*backend, 64, false);
  std::promise<void> slow;
  backend->run(streams[0], [go = slow.get_future().share()] { go.wait(); });
  backend->fill(streams[0], memory.address(), 1, 64);
  const device::EventId last = backend->record(streams[0]);
  EXPECT_FALSE(backend->wait_any(std::array{last, last}, 2ms));
  backend->run(streams[1], [] { std::this_thread::sleep_for(5ms); });
  const device::EventId soon = backend->record(streams[1]);
  EXPECT_TRUE(backend->wait_any(std::array{last, soon}, 10s));  // neither is issued when it begins
  EXPECT_FALSE(backend->query(last));
  EXPECT_TRUE(backend->query(soon));
  backend->fill(streams[2], memory.address(), 2, 64);
  const device::EventId issued = backend->record(streams[2]);
  EXPECT_TRUE(backend->wait_any(std::array{last, issued}, 10s));
  EXPECT_TRUE(backend->query(issued));
  EXPECT_TRUE(backend->wait_any({}, 0ns));
  slow.set_value();
  EXPECT_TRUE(backend->wait_any(std::array{last, last}, 10s));
  for (const StreamId each : streams) backend->destroy_stream(each);
}

TEST_F(VulkanBackend, CountsItsCallsByWhatTheyAreFor) {
  const auto backend = open();
  const device::DriverCalls before = backend->driver_calls();
  {
    const Owned memory(*backend, 4096, false);
    const Owned pinned(*backend, 4096, true);
    settle(*backend, StreamId::legacy_default);
  }
  const device::DriverCalls after = backend->driver_calls();
  EXPECT_GE(after.segments - before.segments, 6u);
  EXPECT_EQ(after.pinned - before.pinned, 7u);
  EXPECT_EQ(after.creates, before.creates);
  if (!backend->info().virtual_memory) return;
  const std::uint64_t page = backend->info().page_bytes;
  std::array<device::Extent, 2> row{};
  row[1].pages = std::min(backend->max_extent_pages(), 3u);
  const Address range = backend->reserve(4 * page);
  backend->create(row);
  backend->map(range, row);
  backend->unmap(range, row);
  backend->destroy(row);
  backend->unreserve(range, 4 * page);
  const device::DriverCalls mapped = backend->driver_calls();
  EXPECT_EQ(mapped.reserves - after.reserves, 2u);
  EXPECT_EQ(mapped.creates - after.creates, 2u);
  EXPECT_EQ(mapped.maps - after.maps, 1u);  // a bind for the row
  EXPECT_EQ(mapped.unmaps - after.unmaps, 1u);
  EXPECT_EQ(mapped.destroys - after.destroys, 2u);
  EXPECT_EQ(mapped.segments, after.segments);
}

// Each call fails once: the error is typed, and nothing leaks.
TEST_F(VulkanBackend, EachCallMayFail) {
  for (const bool discrete : {false, true}) {
    for (const VkResult result : {VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_UNKNOWN}) {
      for (std::uint64_t nth = 1;; ++nth) {
        FaultyDriver::reset();
        driver().discrete = discrete;
        driver().fail(nth, result);
        std::shared_ptr<device::Backend> backend;
        try {
          backend = open();
          use_all(*backend);
          use_pages(*backend);
        } catch (const OutOfMemory&) {
          EXPECT_EQ(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        } catch (const DriverError& error) {
          // Lack of address space is told as the driver's error.
          EXPECT_TRUE(result == VK_ERROR_UNKNOWN || error.facts().name == "vkCreateBuffer") << error.message();
        }
        backend.reset();
        ASSERT_EQ(driver().live, decltype(driver().live){}) << "call " << nth << " failed with " << result;
        ASSERT_EQ(driver().breach, "");
        if (!driver().fired) break;
        ASSERT_LT(nth, 1000u);
      }
    }
  }
}

// A driver short of memory for a while: the failure is told once, and the stream goes on.
TEST_F(VulkanBackend, AStreamOutlivesFailuresInARow) {
  const auto backend = open();
  const Owned memory(*backend, 64, false);
  const StreamId stream = backend->create_stream();
  driver().failing_signals = 5;
  bool ran = false;
  backend->run(stream, [&] { ran = true; });
  backend->fill(stream, memory.address(), 1, 64);
  EXPECT_THROW(settle(*backend, stream), Error);
  EXPECT_TRUE(ran);
  backend->run(stream, [&] { ran = false; });
  settle(*backend, stream);
  EXPECT_FALSE(ran);
  EXPECT_EQ(driver().failing_signals, 0);
  backend->destroy_stream(stream);
}

// From each call on the device is lost: that is what every later call says, nothing hangs, nothing leaks.
TEST_F(VulkanBackend, MayBeLostAtAnyCall) {
  for (std::uint64_t nth = 1;; ++nth) {
    FaultyDriver::reset();
    driver().fail(nth, VK_ERROR_DEVICE_LOST);
    const auto started = std::chrono::steady_clock::now();
    std::shared_ptr<device::Backend> backend;
    bool told = false;
    try {
      backend = open();
      use_all(*backend);
      use_pages(*backend);
    } catch (const DeviceLost&) {
      told = true;
    }
    if (told && backend) {
      EXPECT_THROW(static_cast<void>(backend->create_stream()), DeviceLost);
      EXPECT_THROW(static_cast<void>(backend->record(StreamId::legacy_default)), DeviceLost);
      EXPECT_THROW(backend->run(StreamId::legacy_default, [] {}), DeviceLost);
      EXPECT_THROW(static_cast<void>(backend->allocate_segment(4096)), DeviceLost);
    }
    backend.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - started, 10s);
    ASSERT_EQ(driver().live, decltype(driver().live){}) << "lost at call " << nth;
    if (!driver().fired) break;
    // The end of a device is told to nobody.
    EXPECT_TRUE(told || nth > 20) << nth;
    ASSERT_LT(nth, 1000u);
  }
}

}  // namespace
}  // namespace weir::backend::vulkan
