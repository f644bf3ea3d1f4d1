// The demos' judgement: each passes on memory that does as it should, and fails on memory in which a fault is planted.
#include "tools/weir/demos.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

namespace weir::tool {
namespace {

using namespace weir::literals;

DemoResult result_of(std::string_view name, const MakeMemory& make) {
  const auto found = std::ranges::find(demos(), name, &Demo::name);
  EXPECT_NE(found, demos().end()) << name;
  return found->run(make);
}

std::unique_ptr<MemoryManager> memory_of(std::uint64_t limit, PoolMode mode = PoolMode::automatic) {
  return std::make_unique<MemoryManager>(open_device({.backend = "host"}),
                                         ManagerOptions{.name = "demo", .pool = {.mode = mode, .limit = limit}});
}

void expect_failure(std::string_view name, const MakeMemory& make, std::string_view figure) {
  const DemoResult result = result_of(name, make);
  EXPECT_FALSE(result.passed) << result.figure;
  EXPECT_NE(result.figure.find(figure), std::string::npos) << result.figure;
}

TEST(Demos, AllPassOnMemoryThatDoesAsItShould) {
  for (const Demo& demo : demos()) {
    const DemoResult result = demo.run(demo_memory(open_device({.backend = "host"})));
    EXPECT_TRUE(result.passed) << demo.name << ": " << result.figure;
  }
}

TEST(Demos, LimitFailsOnALimitThatDoesNotHold) {
  expect_failure(
      "limit", [](std::uint64_t) { return memory_of(1_GiB); }, "3 of three parts");
}

TEST(Demos, LimitFailsOnALimitThatIsAnother) {
  expect_failure(
      "limit", [](std::uint64_t limit) { return memory_of(limit - 6_MiB); }, "1 of three parts");
  expect_failure(
      "limit", [](std::uint64_t limit) { return memory_of(limit + 2_MiB); }, "SAYS LITTLE");
}

TEST(Demos, LimitFailsWhereSomebodyElseHasPartOfIt) {
  const auto make = [](std::uint64_t limit) {
    auto memory = memory_of(limit);
    static_cast<void>(memory->create<std::uint8_t>("other", 8_MiB));
    return memory;
  };
  expect_failure("limit", make, "1 of three parts");
}

TEST(Demos, MonitoringFailsOnABlockThatNobodyFrees) {
  const auto make = [](std::uint64_t limit) {
    auto memory = memory_of(limit);
    static_cast<void>(memory->create<std::uint8_t>("leaked", 1000));
    return memory;
  };
  expect_failure("monitoring", make, "7000 bytes live of 6000, 3 buffers listed (2), peak 7000 (6000), 1 blocks left");
}

TEST(Demos, MonitoringFailsOnAPeakThatWasHigher) {
  const auto make = [](std::uint64_t limit) {
    auto memory = memory_of(limit);
    static_cast<void>(memory->scoped<std::uint8_t>("earlier", 10'000));
    return memory;
  };
  expect_failure("monitoring", make, "peak 10000 (6000), 0 blocks left");
}

TEST(Demos, PoolingFailsWithoutAPool) {
  const auto make = [](std::uint64_t limit) { return memory_of(limit, PoolMode::off); };
  expect_failure("pooling", make, "0 of 3000 requests");
}

}  // namespace
}  // namespace weir::tool
