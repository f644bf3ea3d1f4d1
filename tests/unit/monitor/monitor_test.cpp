// Monitors over real pools and managers: what a sample has, who is told, threads of their own, texts.
#include <weir/monitor.hpp>

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "contract/fake_clock.hpp"
#include "support/in_child.hpp"

namespace weir {
namespace {

using namespace weir::literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Device host() { return open_device({.backend = "host"}); }

TEST(Monitor, SamplesWhatThePoolKnows) {
  contract::FakeClock clock;
  Pool pool(host(), {.name = "seen", .limit = 64_MiB, .clock = &clock});
  Monitor monitor(pool);
  EXPECT_EQ(monitor.name(), "seen");
  void* const block = pool.allocate(3_MiB);
  const MemorySample one = monitor.sample();
  EXPECT_EQ(one.requested, 3_MiB);
  EXPECT_EQ(one.in_use, pool.statistics().live);
  EXPECT_EQ(one.reserved, pool.statistics().reserved.live);
  EXPECT_EQ(one.limit, 64_MiB);
  EXPECT_EQ(one.allocations, 1U);
  EXPECT_GT(one.driver.count, 0U);
  EXPECT_FALSE(one.utilization);
  pool.deallocate(block);
  monitor.sample();
  EXPECT_THAT(monitor.history(), SizeIs(1)) << "at the same time";
  clock.advance(std::chrono::seconds(1));
  monitor.sample();
  ASSERT_THAT(monitor.history(), SizeIs(2));
  EXPECT_EQ(monitor.history().back().requested, 0U);
}

TEST(Monitor, TellsOfAFindingAndMayBeAskedThen) {
  contract::FakeClock clock;
  Pool pool(host(), {.clock = &clock});
  std::vector<std::string> told;
  Monitor* self = nullptr;
  Monitor monitor(pool, {.watch = {.history = 240, .leak_window = 48}, .on_finding = [&](const Finding& found) {
                           told.push_back(std::string(name(found.kind)));
                           EXPECT_THAT(self->findings(), SizeIs(1));
                           EXPECT_NE(self->health().status, HealthStatus::good);
                         }});
  self = &monitor;
  for (int i = 0; i < 80; ++i) {
    static_cast<void>(pool.allocate(100_KiB));
    clock.advance(std::chrono::seconds(1));
    monitor.sample();
  }
  EXPECT_THAT(told, testing::ElementsAre("leak"));
}

TEST(Monitor, HasAThreadOfItsOwnWhereItWasAskedFor) {
  Pool pool(host());
  std::atomic<int> asked{0};
  {
    Monitor monitor(pool, {.interval = std::chrono::milliseconds(1), .utilization = [&]() -> std::optional<double> {
                             ++asked;
                             return 0.25;
                           }});
    while (monitor.history().size() < 3) std::this_thread::yield();
    EXPECT_EQ(monitor.summary(Metric::utilization).mean, 0.25);
  }
  const int then = asked;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(asked, then);
}

TEST(Monitor, TimesWorkInTheOrderOfItsStream) {
  MemoryManager memory(host());
  Monitor monitor(memory);
  Device device = memory.device();
  const Stream stream = device.stream();
  {
    const TimedWork timed = monitor.time(stream);
    device.run(stream, [] { std::this_thread::sleep_for(std::chrono::milliseconds(30)); });
  }
  device.synchronize(stream);
  const MemorySample seen = monitor.sample();
  EXPECT_EQ(seen.compute.count, 1U);
  EXPECT_GE(seen.compute.total, std::chrono::milliseconds(30));
  monitor.note_compute(std::chrono::milliseconds(5));
  EXPECT_EQ(monitor.sample().compute.count, 2U);
}

TEST(Monitor, SeesTransfersOfAManager) {
  MemoryManager memory(host(), {.name = "moved"});
  Monitor monitor(memory);
  const auto buffer = memory.create<float>("points", 1000);
  memory.upload(buffer, std::vector<float>(1000));
  const MemorySample seen = monitor.sample();
  EXPECT_EQ(seen.transfers.count, 1U);
  EXPECT_EQ(seen.transfers.total, memory.statistics().transfers.transfer_time);
  EXPECT_GT(seen.transfers.total.count(), 0);
}

TEST(Monitor, QuickStatisticsAreTheSameSums) {
  MemoryManager memory(host());
  const auto buffer = memory.create<float>("points", 1'000'000);
  memory.upload(buffer, std::vector<float>(1'000'000));
  const ManagerStatistics all = memory.statistics(), quick = memory.quick_statistics();
  EXPECT_EQ(quick.pool.requested.live, all.pool.requested.live);
  EXPECT_EQ(quick.pool.allocations, all.pool.allocations);
  EXPECT_EQ(quick.transfers.bytes_uploaded, all.transfers.bytes_uploaded);
  EXPECT_EQ(quick.transfers.pinned.reserved.live, all.transfers.pinned.reserved.live);
  EXPECT_EQ(quick.buffers, 1U);
  EXPECT_EQ(quick.buffers_created, 1U);
}

TEST(Monitor, WritesOneFamilyForSeveralPools) {
  Pool one(host()), other(host());
  PrometheusText text;
  text.add("one", one.statistics(), 64_MiB);
  text.add("the \"other\"\\\n", other.statistics());
  const std::string all = text.text();
  EXPECT_THAT(all, HasSubstr("# TYPE weir_requested_bytes gauge\nweir_requested_bytes{pool=\"one\"} 0\n"
                             "weir_requested_bytes{pool=\"the \\\"other\\\"\\\\\\n\"} 0\n"));
  EXPECT_THAT(all, HasSubstr("weir_limit_bytes{pool=\"one\"} 67108864\n"));
  EXPECT_EQ(all.find("# TYPE weir_memory_bytes"), all.rfind("# TYPE weir_memory_bytes"));
}

TEST(Monitor, WritesJsonBeforeTheFirstSample) {
  Pool pool(host(), {.name = "a \"name\""});
  const Monitor monitor(pool);
  const std::string text = monitor.json_text();
  EXPECT_THAT(text, HasSubstr("\"version\":1,\"name\":\"a \\\"name\\\"\",\"sample\":null"));
  EXPECT_THAT(text, HasSubstr("\"findings\":[],\"forecast\":null}"));
  EXPECT_THAT(text, Not(HasSubstr("nan")));
}

TEST(Monitor, AChildOfForkGetsAnError) {
  Pool pool(host());
  auto monitor = std::make_unique<Monitor>(pool, MonitorOptions{.interval = std::chrono::milliseconds(1)});
  EXPECT_TRUE(holds_in_child([&] {
    const bool refused = is_unsupported([&] { return monitor->sample(); }) &&
                         is_unsupported([&] { return monitor->history(); }) &&
                         is_unsupported([&] { return monitor->json_text(); });
    monitor.reset();  // which joins no thread that is not there
    return refused;
  }));
}

TEST(Monitor, RefusesOptionsOutOfRange) {
  Pool pool(host());
  EXPECT_THROW(Monitor(pool, {.interval = std::chrono::nanoseconds(-1)}), InvalidArgument);
  EXPECT_THROW(Monitor(pool, {.watch = {.leak_window = 1}}), InvalidArgument);
}

}  // namespace
}  // namespace weir
