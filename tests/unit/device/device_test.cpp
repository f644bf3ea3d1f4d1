// Devices and streams as users see them: listing, opening, running, waiting.
#include <weir/device.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "device/access.hpp"
#include "device/backend.hpp"

namespace weir {
namespace {

using namespace std::chrono_literals;

TEST(Devices, ListsTheHostAndTheDryDevice) {
  const std::vector<DeviceInfo> all = devices();
  ASSERT_GE(all.size(), 2u);
  for (const BackendKind backend : {BackendKind::host, BackendKind::dry}) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const DeviceInfo& each) { return each.backend == backend; });
    ASSERT_NE(found, all.end());
    EXPECT_FALSE(found->name.empty());
    EXPECT_GT(found->memory_total.value_or(0), 0u);
    EXPECT_GT(found->page_bytes, 0u);
    EXPECT_LE(found->default_limit, *found->memory_total);
  }
}

TEST(Devices, BackendsHaveNamesThatRequestsTake) {
  for (const BackendKind kind : {BackendKind::host, BackendKind::dry, BackendKind::cuda, BackendKind::vulkan}) {
    EXPECT_EQ(backend_named(name(kind)), kind);
    EXPECT_EQ(backend_named(std::string(name(kind)) + ":1"), kind);
  }
  EXPECT_EQ(name(BackendKind::vulkan), "vulkan");
  EXPECT_EQ(name(static_cast<BackendKind>(77)), "unknown");
  for (const char* text : {"", "cud", "cuda_fake", "CUDA", ":dry"}) EXPECT_EQ(backend_named(text), std::nullopt);
}

TEST(Devices, AreOpenedByRequest) {
  EXPECT_EQ(open_device({.backend = "host"}).info().backend, BackendKind::host);
  EXPECT_TRUE(open_device({.backend = "host"}).info().pointers);
  const Device dry = open_device({.backend = "dry", .capacity = 3_GiB});
  EXPECT_EQ(dry.info().memory_total, 3_GiB);
  EXPECT_FALSE(dry.info().pointers);
  EXPECT_FALSE(open_device().why().empty());
}

TEST(Devices, RequestsThatCannotBeMetAreTypedErrors) {
  try {
    static_cast<void>(open_device({.backend = "abacus"}));
    FAIL() << "an abacus was opened";
  } catch (const NotFound& error) {
    EXPECT_THAT(error.message(), testing::HasSubstr("abacus"));
    EXPECT_THAT(error.message(), testing::HasSubstr("host"));
  }
  EXPECT_THROW(static_cast<void>(open_device({.backend = "host", .capacity = 1_GiB})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(open_device({.backend = "dry", .capacity = 0})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(open_device({.backend = "dry", .capacity = UINT64_MAX})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(device::Access::make_device(nullptr)), InvalidArgument);
}

TEST(HostFunctionsDeathTest, ThatThrowEndTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto run = [] {
    Device device = open_device({.backend = "host"});
    device.run(StreamId::legacy_default, [] { throw InvalidArgument("it must not", {}); });
    device.synchronize(StreamId::legacy_default);
  };
  EXPECT_DEATH(run(), "terminate");
}

TEST(Streams, HaveIdsOfTheirOwnAndRunInOrder) {
  Device device = open_device({.backend = "host"});
  Stream first = device.stream();
  Stream second = device.stream();
  EXPECT_NE(first.id(), second.id());
  EXPECT_GT(first.id(), StreamId::per_thread_default);
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) device.run(first, [&order, i] { order.push_back(i); });
  device.synchronize(first);
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(Streams, AreSharedByTheirCopies) {
  Device device = open_device({.backend = "host"});
  std::optional<Stream> stream = device.stream();
  const StreamId id = *stream;
  std::optional<Stream> copy = stream;
  stream.reset();
  std::atomic<bool> ran{false};
  device.run(id, [&] { ran = true; });
  copy.reset();  // runs what is queued to its end
  EXPECT_TRUE(ran);
  EXPECT_THROW(device.run(id, [] {}), InvalidArgument);
  EXPECT_THROW(device.synchronize(id), InvalidArgument);
}

TEST(Streams, ThatAreNotDoneInTimeGoOn) {
  Device device = open_device({.backend = "host"});
  Stream stream = device.stream();
  std::atomic<bool> go{false};
  std::atomic<bool> ran{false};
  device.run(stream, [&] {
    while (!go) std::this_thread::sleep_for(1ms);
    ran = true;
  });
  EXPECT_THROW(device.synchronize(stream, 5ms), Timeout);
  EXPECT_FALSE(ran);
  go = true;
  device.synchronize(stream, 10s);
  EXPECT_TRUE(ran);
}

TEST(Streams, OfTheDryDeviceRunNoWork) {
  Device device = open_device({.backend = "dry"});
  Stream stream = device.stream();
  EXPECT_THROW(device.run(stream, [] {}), Unsupported);
  EXPECT_NO_THROW(device.synchronize(stream));
}

TEST(Observers, AreToldOfEndsUntilTheyLeave) {
  struct Observer final : device::StreamObserver {
    void stream_ends(StreamId stream) noexcept override { ended.push_back(stream); }
    std::vector<StreamId> ended;
  } observer;
  Device device = open_device({.backend = "dry"});
  device::Access::backend(device).observe(observer);
  StreamId id{};
  {
    const Stream stream = device.stream();
    id = stream;
  }
  EXPECT_EQ(observer.ended, std::vector<StreamId>{id});
  device::Access::backend(device).forget(observer);
  static_cast<void>(device.stream());
  EXPECT_EQ(observer.ended.size(), 1u);
}

}  // namespace
}  // namespace weir
