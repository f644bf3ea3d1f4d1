// How often and where a lost device is looked for, what is checked of it, and what is told when there is none:
// refusals, losses in the middle of a recovery, contents that come back changed, the next device of the list.
#include <stdexcept>

#include "contract/recovering.hpp"

namespace weir::contract {
namespace {

using testing::HasSubstr;

class RecoveryAttempts : public Recovering {};
INSTANTIATE_TEST_SUITE_P(Kinds, RecoveryAttempts, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(RecoveryAttempts, ADeviceThatAnswersIsLeftAsItIs) {
  MemoryManager& memory = make();
  const Words buffer = memory.create<std::uint32_t>("buffer", data_of(1));
  const RecoveryReport report = memory.recover();
  EXPECT_EQ(report.attempts, 0u);
  EXPECT_EQ(report.restored_buffers, 0u);
  EXPECT_EQ(devices_->count(), 1u);
  EXPECT_EQ(memory.statistics().recoveries, 0u);
  expect_data(buffer, data_of(1));
}

TEST_P(RecoveryAttempts, AttemptsAreBoundedAndTheirReasonsTold) {
  MemoryManager& memory = make();
  const Words kept = memory.create<std::uint32_t>("kept", data_of(1));
  const Words spilled = memory.create<std::uint32_t>("host", data_of(2), {.usage = Usage::staging_download});
  memory.keep_host_copy(kept);
  std::vector<std::chrono::steady_clock::time_point> opened;
  devices_->on_open = [&](device::FaultyBackend&, std::size_t) {
    opened.push_back(std::chrono::steady_clock::now());
    throw DriverError("it is on fire", {.name = "open"});
  };
  lose();
  const Said said = error_of<DeviceLost>([&] { memory.recover({.attempts = 3, .back_off = 2ms}); });
  EXPECT_TRUE(says(said, {"was lost", "attempt 1 of 3", "attempt 3 of 3", "it is on fire"}));
  ASSERT_EQ(opened.size(), 3u);
  EXPECT_GE(opened[1] - opened[0], 2ms);
  EXPECT_GE(opened[2] - opened[1], 4ms);
  EXPECT_NO_THROW(memory.pool().verify());
  EXPECT_THROW(static_cast<void>(memory.download(kept)), DeviceLost);
  EXPECT_THROW(static_cast<void>(spilled.access()), DeviceLost);
  devices_->on_open = [&](device::FaultyBackend&, std::size_t before) {
    if (before < 5) throw DriverError("it still is", {.name = "open"});
  };
  const RecoveryReport report = memory.recover({.attempts = 3, .back_off = 1us});
  EXPECT_EQ(report.attempts, 2u);
  ASSERT_EQ(report.refusals.size(), 1u);
  EXPECT_THAT(report.refusals[0], HasSubstr("it still is"));
  EXPECT_EQ(report.restored_buffers, 2u);
  expect_data(kept, data_of(1));
  expect_data(spilled, data_of(2));
}

TEST_P(RecoveryAttempts, OptionsAreChecked) {
  MemoryManager& memory = make();
  EXPECT_THROW(memory.recover({.attempts = 0}), InvalidArgument);
  EXPECT_THROW(memory.recover({.attempts = 101}), InvalidArgument);
  EXPECT_THROW(memory.recover({.back_off = -1ns}), InvalidArgument);
}

TEST_P(RecoveryAttempts, ADeviceThatNobodyCanOpenAgainIsToldSo) {
  MemoryManager memory(device::Access::make_device(first_, "by hand"), {.pool = {.mode = GetParam().mode}});
  first_->lose(1);
  const Said said = error_of<Unsupported>([&] { memory.recover(); });
  EXPECT_TRUE(says(said, {"cannot be opened again", "open_device()"}));
  first_->heal();
}

TEST_P(RecoveryAttempts, AfterALossInTheMiddleItBeginsAgain) {
  for (std::uint64_t n = 1;; n += 3) {
    SCOPED_TRACE(testing::Message() << "lost again at call " << n << " of the opened device");
    start({GetParam().backend});
    MemoryManager& memory = make({.transfers = {.in_place = false}});
    const Words kept = memory.create<std::uint32_t>("kept", data_of(1));
    const Words made = memory.create<std::uint32_t>("made", data_of(2));
    const Words host = memory.create<std::uint32_t>("staging", data_of(3), {.usage = Usage::staging_download});
    memory.keep_host_copy(kept);
    memory.on_restore(made, [&](const AnyBuffer&, StreamId stream) { memory.upload(made, data_of(2), stream); });
    std::shared_ptr<device::FaultyBackend> second;
    devices_->on_open = [&](device::FaultyBackend& device, std::size_t before) {
      if (before == 1) device.lose(n);
      if (before == 1) second = devices_->newest();
    };
    lose();
    const RecoveryReport report = memory.recover(quick);
    const bool fired = second->fired();
    second->heal();  // it goes on, if its loss passed unseen, or was to come later
    EXPECT_EQ(report.restored_buffers, 3u);
    EXPECT_EQ(report.lost_bytes, 0u);
    expect_data(kept, data_of(1));
    expect_data(made, data_of(2));
    expect_data(host, data_of(3));
    expect_exact();
    second.reset();
    end();
    ASSERT_FALSE(HasFailure());
    if (!fired) break;
    ASSERT_LT(n, 1000u);
  }
}

TEST_P(RecoveryAttempts, ContentsThatComeBackChangedAreRefused) {
  if (GetParam().backend == "dry") GTEST_SKIP() << "it has no contents";
  MemoryManager& memory = make();
  const Words kept = memory.create<std::uint32_t>("kept", data_of(1));
  memory.keep_host_copy(kept);
  devices_->on_open = [](device::FaultyBackend& device, std::size_t before) {
    if (before == 1) device.spoil_writes();
  };
  lose();
  const RecoveryReport report = memory.recover(quick);
  EXPECT_EQ(report.attempts, 2u);
  ASSERT_EQ(report.refusals.size(), 1u);
  EXPECT_THAT(report.refusals[0], HasSubstr("came back changed"));
  expect_data(kept, data_of(1));
}

TEST_P(RecoveryAttempts, ARestoreFunctionThatThrowsLosesItsBuffer) {
  MemoryManager& memory = make();
  const Words made = memory.create<std::uint32_t>("made", data_of(1));
  memory.on_restore(made, [](const AnyBuffer&, StreamId) { throw std::runtime_error("no file"); });
  lose();
  const RecoveryReport report = memory.recover();
  ASSERT_EQ(report.lost.size(), 1u);
  EXPECT_THAT(report.lost[0].why, HasSubstr("no file"));
  EXPECT_EQ(made.residency(), Residency::lost);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
}

TEST_P(RecoveryAttempts, ABufferThatFindsNoMemoryIsLostAlone) {
  MemoryManager& memory = make({.pool = {.limit = 32_MiB, .reclaim_deadline = 10ms}});
  const Words first = memory.create<std::uint32_t>("a", data_of(1));
  const Words large = memory.create<std::uint32_t>("b", 8_MiB / sizeof(std::uint32_t));
  const Words kept = memory.create<std::uint32_t>("c", data_of(3));
  memory.keep_host_copy(kept);
  void* taken = nullptr;
  memory.on_restore(first, [&](const AnyBuffer&, StreamId) { taken = memory.pool().allocate(24_MiB); });
  memory.on_restore(large, [](const AnyBuffer&, StreamId) { ADD_FAILURE() << "it has no memory"; });
  lose();
  const RecoveryReport report = memory.recover(quick);
  EXPECT_EQ(report.attempts, 1u);
  ASSERT_EQ(report.lost.size(), 1u);
  EXPECT_EQ(report.lost[0].name, "b");
  EXPECT_THAT(report.lost[0].why, HasSubstr("limit"));
  expect_data(kept, data_of(3));
  memory.pool().deallocate(taken);
}

TEST_P(RecoveryAttempts, TheNextDeviceOfTheListTakesItsPlace) {
  if (GetParam().backend == "dry") GTEST_SKIP() << "it has no contents to bring along";
  if (GetParam().mode == PoolMode::pages) GTEST_SKIP() << "the next device may have no virtual memory";
  const std::string next = GetParam().backend == "host" ? "dry" : "host";
  start({GetParam().backend, next});
  MemoryManager& memory = make({.pool = {.limit = 64_MiB}});
  const Words kept = memory.create<std::uint32_t>("kept", data_of(1));
  memory.keep_host_copy(kept);
  const std::string was = memory.device().facts().name;
  devices_->refuse = 0;
  lose();
  const RecoveryReport report = memory.recover({.attempts = 2, .back_off = 1us});
  EXPECT_FALSE(report.same_device);
  EXPECT_EQ(report.attempts, 3u);
  EXPECT_EQ(report.refusals.size(), 2u);
  EXPECT_EQ(memory.device().facts().backend, *backend_named(next));
  EXPECT_EQ(report.device, memory.device().facts().name);
  EXPECT_THAT(memory.device().why(), HasSubstr("in the place of " + was));
  expect_data(kept, data_of(1));
  expect_exact();
  devices_->refuse = 1;
  lose();
  EXPECT_THROW(memory.recover({.attempts = 1, .back_off = 1us, .other_devices = false}), DeviceLost);
  devices_->refuse.reset();
  static_cast<void>(memory.recover(quick));
  expect_data(kept, data_of(1));
}

}  // namespace
}  // namespace weir::contract
