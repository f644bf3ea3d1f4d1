// Streams on a device with several queues: they overlap, and all order between them is by semaphores. And what a
// submission waits for. Skipped, with the reason, where no driver loads.
#include <chrono>
#include <future>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "backend/vulkan/vulkan_backend.hpp"
#include "backend/vulkan/vulkan_device.hpp"
#include "device/access.hpp"
#include "open_backend.hpp"
#include "unit/backend/vulkan/virtual_queues.hpp"

namespace weir::backend::vulkan {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;
using device::Address;

class VulkanQueues : public testing::Test {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND("vulkan");
    queues().reset();
    backend_ = make_vulkan_backend({.interpose = &VirtualQueues::interpose});
  }
  void TearDown() override {
    backend_.reset();
    EXPECT_EQ(queues().breach(), "");
  }
  static VirtualQueues& queues() { return VirtualQueues::now(); }
  [[nodiscard]] VulkanDevice& vulkan_device() { return dynamic_cast<VulkanDevice&>(*backend_); }
  [[nodiscard]] VkSemaphore timeline() {
    Gpu& gpu = vulkan_device().gpu();
    auto type = of_type<VkSemaphoreTypeCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO);
    type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
    auto info = of_type<VkSemaphoreCreateInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO);
    info.pNext = &type;
    VkSemaphore made = VK_NULL_HANDLE;
    gpu.require(gpu.vk().vkCreateSemaphore, gpu.device(), &info, nullptr, &made);
    return made;
  }

  std::shared_ptr<device::Backend> backend_;
};

// One that waits for something of the program's holds up no other, on work queues and on those for copies.
TEST_F(VulkanQueues, AStreamThatWaitsHoldsUpNoOther) {
  Gpu& gpu = vulkan_device().gpu();
  const VkSemaphore gate = timeline();
  const Address memory = backend_->allocate_segment(4096);
  const Address pinned = backend_->allocate_pinned(4096);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(pinned);
  const StreamId first = backend_->create_stream();
  const StreamId second = backend_->create_stream();
  vulkan_device().streams().wait_for(first, {gate, 1});
  backend_->fill(first, memory, 1, 512);
  backend_->download(first, bytes, memory, 512);
  const device::EventId held = backend_->record(first);
  backend_->fill(second, memory + 512, 2, 512);
  backend_->download(second, bytes + 512, memory + 512, 512);
  EXPECT_TRUE(backend_->wait(backend_->record(second), 60s));
  EXPECT_EQ(bytes[512], 2);
  EXPECT_FALSE(backend_->query(held));
  auto info = of_type<VkSemaphoreSignalInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO);
  info.semaphore = gate;
  info.value = 1;
  gpu.require(gpu.vk().vkSignalSemaphore, gpu.device(), &info);
  EXPECT_TRUE(backend_->wait(held, 60s));
  EXPECT_EQ(bytes[0], 1);
  backend_->destroy_stream(first);
  backend_->destroy_stream(second);
  gpu.vk().vkDeviceWaitIdle(gpu.device());
  gpu.vk().vkDestroySemaphore(gpu.device(), gate, nullptr);
  backend_->free_pinned(pinned, 4096);
  backend_->free_segment(memory, 4096);
}

// Random fills, copies and transfers on many streams, ordered by events where they touch the same memory, from several
// threads: what is there in the end is what one after the other would leave.
TEST_F(VulkanQueues, EventsAloneOrderStreamsOnSeveralQueues) {
  constexpr std::size_t cells = 8;
  constexpr std::uint64_t cell = 64_KiB;
  constexpr int steps = 150;
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    const Address memory = backend_->allocate_segment(cells * cell);
    const Address pinned = backend_->allocate_pinned(cells * cell);
    auto* const host = reinterpret_cast<std::uint8_t*>(pinned);
    std::vector<StreamId> streams(5);
    for (StreamId& each : streams) each = backend_->create_stream();
    std::vector<std::uint8_t> expected(cells, 0);
    std::vector<device::EventId> last(cells, device::EventId::none);  // who used the cell, on the device or pinned
    for (std::size_t i = 0; i < cells; ++i) {
      backend_->fill(streams[0], memory + i * cell, 0, cell);
      last[i] = backend_->record(streams[0]);
    }
    for (int step = 0; step < steps; ++step) {
      const StreamId stream = streams[random() % streams.size()];
      const std::size_t to = random() % cells;
      const std::size_t from = random() % cells;
      for (const std::size_t each : {to, from}) {
        if (last[each] != device::EventId::none) backend_->stream_wait(stream, last[each]);
      }
      switch (random() % 3) {
        case 0:
          expected[to] = static_cast<std::uint8_t>(random());
          backend_->fill(stream, memory + to * cell, expected[to], cell);
          break;
        case 1:
          if (to == from) continue;
          backend_->copy(stream, memory + to * cell, memory + from * cell, cell);
          expected[to] = expected[from];
          break;
        default:  // down and up again, on the queues for copies
          backend_->download(stream, host + from * cell, memory + from * cell, cell);
          backend_->upload(stream, memory + to * cell, host + from * cell, cell);
          expected[to] = expected[from];
          break;
      }
      last[to] = last[from] = backend_->record(stream);
    }
    for (std::size_t i = 0; i < cells; ++i) {
      backend_->stream_wait(streams[0], last[i]);
      backend_->download(streams[0], host + i * cell, memory + i * cell, cell);
    }
    EXPECT_TRUE(backend_->wait(backend_->record(streams[0]), 60s));
    for (std::size_t i = 0; i < cells; ++i) {
      EXPECT_EQ(std::vector(host + i * cell, host + (i + 1) * cell), std::vector(cell, expected[i]))
          << seed << ' ' << i;
    }
    for (const StreamId each : streams) backend_->destroy_stream(each);
    backend_->free_pinned(pinned, cells * cell);
    backend_->free_segment(memory, cells * cell);
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  for (std::thread& each : threads) each.join();
  std::map<std::uint32_t, std::uint32_t> used;
  for (const auto& [family, number] : queues().used()) ++used[family];
  EXPECT_EQ(used[0], VirtualQueues::work_queues);
  EXPECT_GE(used[1], 1u);
}

// Until it is seen done, and no longer: not until somebody asks.
TEST_F(VulkanQueues, NothingWaitsForABindThatIsDone) {
  if (!backend_->info().virtual_memory) GTEST_SKIP() << backend_->info().name << " has no virtual memory";
  const std::uint64_t page = backend_->info().page_bytes;
  const Address range = backend_->reserve(page);
  std::array<device::Extent, 1> row{};
  backend_->create(row);
  backend_->map(range, row);
  for (int i = 0; i < 2; ++i) {
    backend_->fill(StreamId::legacy_default, range, 7, page);
    EXPECT_TRUE(backend_->wait(backend_->record(StreamId::legacy_default), 60s));
  }
  EXPECT_EQ(queues().last_waits(), 0u);
  backend_->unmap(range, row);
  backend_->destroy(row);
  backend_->unreserve(range, page);
}

// A program's own submission, which weir does not see, uses the pages after it waited for its stream alone.
TEST_F(VulkanQueues, APointForAProgramIsReachedAfterTheBinds) {
  if (!backend_->info().virtual_memory) GTEST_SKIP() << backend_->info().name << " has no virtual memory";
  const std::uint64_t page = backend_->info().page_bytes;
  const Address range = backend_->reserve(page);
  std::array<device::Extent, 1> row{};
  backend_->create(row);
  queues().hold_binds(true);
  backend_->map(range, row);
  const Streams::TimelinePoint point = vulkan_device().streams().timeline_point(StreamId::legacy_default);
  const Gpu& gpu = vulkan_device().gpu();
  std::uint64_t now = 0;
  gpu.require(gpu.vk().vkGetSemaphoreCounterValue, gpu.device(), point.semaphore, &now);
  EXPECT_LT(now, point.value);
  queues().hold_binds(false);
  EXPECT_TRUE(backend_->wait(backend_->record(StreamId::legacy_default), 60s));
  backend_->unmap(range, row);
  backend_->destroy(row);
  backend_->unreserve(range, page);
}

// Some of it in the driver, some of it kept back: one call, that ends when either is done.
TEST_F(VulkanQueues, AWaitForSeveralEventsDoesNotPoll) {
  Gpu& gpu = vulkan_device().gpu();
  const VkSemaphore gate = timeline();
  const Address memory = backend_->allocate_segment(4096);
  const StreamId first = backend_->create_stream();
  const StreamId second = backend_->create_stream();
  vulkan_device().streams().wait_for(first, {gate, 1});
  backend_->fill(first, memory, 1, 512);
  std::promise<void> go;
  backend_->run(second, [may = go.get_future().share()] { may.wait(); });
  backend_->fill(second, memory + 512, 2, 512);
  const std::array events{backend_->record(first), backend_->record(second)};
  const std::uint64_t before = gpu.vk().vkWaitSemaphores.calls();
  EXPECT_FALSE(backend_->wait_any(events, 300ms));
  EXPECT_LE(gpu.vk().vkWaitSemaphores.calls() - before, 10u);
  std::thread later([&] {
    std::this_thread::sleep_for(20ms);
    go.set_value();
  });
  EXPECT_TRUE(backend_->wait_any(events, 60s));
  EXPECT_TRUE(backend_->query(events[1]));
  EXPECT_FALSE(backend_->query(events[0]));
  later.join();
  auto info = of_type<VkSemaphoreSignalInfo>(VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO);
  info.semaphore = gate;
  info.value = 1;
  gpu.require(gpu.vk().vkSignalSemaphore, gpu.device(), &info);
  EXPECT_TRUE(backend_->wait(events[0], 60s));
  backend_->destroy_stream(first);
  backend_->destroy_stream(second);
  gpu.vk().vkDeviceWaitIdle(gpu.device());
  gpu.vk().vkDestroySemaphore(gpu.device(), gate, nullptr);
  backend_->free_segment(memory, 4096);
}

// Pools bind pages on one queue and fill them on others.
TEST_F(VulkanQueues, PagesAreBoundBeforeAnyQueueUsesThem) {
  if (!backend_->info().virtual_memory) GTEST_SKIP() << backend_->info().name << " has no virtual memory";
  {
    Device device = device::Access::make_device(backend_);
    MemoryManager memory(device, {.pool = {.limit = 64_MiB}});
    std::vector<Stream> streams;
    for (int i = 0; i < 4; ++i) streams.push_back(device.stream());
    std::vector<BufferHandle<std::uint32_t>> buffers;
    for (unsigned i = 0; i < 16; ++i) {
      const Stream& stream = streams[i % streams.size()];
      buffers.push_back(memory.create<std::uint32_t>("numbers" + std::to_string(i),
                                                     std::vector<std::uint32_t>(300'000, i), {}, stream));
      buffers.back().resize(600'000, stream);
    }
    for (unsigned i = 0; i < 16; ++i) {
      const std::vector<std::uint32_t> back = memory.download(buffers[i], streams[i % streams.size()]);
      EXPECT_EQ(std::vector(back.begin(), back.begin() + 300'000), std::vector<std::uint32_t>(300'000, i));
    }
  }
}

}  // namespace
}  // namespace weir::backend::vulkan
