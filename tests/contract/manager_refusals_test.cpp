// What a manager and its buffers refuse is counted and logged as the pool's own
// refusals are, once each; changes of capacity are logged under the buffer's name.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>
#include <weir/manager.hpp>

#include "contract/keeping_sink.hpp"
#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class ManagerRefusals : public ManagerContract {
 protected:
  /// That `call` throws an E, counted once as a refusal, or else as an error, and logged once with its text.
  template <class E, class Call>
  void expect_counted(MemoryManager& memory, bool refusal, std::uint64_t bytes, Call call) {
    const Statistics before = memory.statistics().pool;
    const std::size_t logged = sink_.of(LogEvent::refuse).size();
    const Said said = error_of<E>(call);
    const Statistics after = memory.statistics().pool;
    EXPECT_EQ(after.refusals - before.refusals, refusal ? 1u : 0u) << said.text;
    EXPECT_EQ(after.errors - before.errors, refusal ? 0u : 1u) << said.text;
    const auto records = sink_.of(LogEvent::refuse);
    ASSERT_EQ(records.size(), logged + 1) << said.text;
    EXPECT_EQ(records.back().level, LogLevel::warning);
    EXPECT_EQ(records.back().pool, "counting");
    EXPECT_EQ(records.back().bytes, bytes);
    // What the pool refuses it logs in its own words; the buffer's name is put before them.
    EXPECT_NE(said.text.find(records.back().text), std::string::npos) << said.text << "\n" << records.back().text;
  }

  KeepingSink sink_{LogLevel::debug};
};

TEST_P(ManagerRefusals, AreCountedAndLoggedOnce) {
  MemoryManager& memory = make_manager({.name = "counting", .pool = {.limit = 64_MiB, .log = &sink_}});
  auto small = memory.create<std::uint32_t>("small", 1000, {.max_bytes = 8000});
  auto large = memory.create<std::byte>("large", 1_MiB);
  // Memory: beyond the buffer's own maximum, beyond the manager's limit.
  expect_counted<LimitExceeded>(memory, true, 8004, [&] { small.ensure_capacity(2001); });
  expect_counted<LimitExceeded>(memory, true, 8004, [&] { small.resize(2001); });
  expect_counted<LimitExceeded>(memory, true, 80_MiB, [&] { large.ensure_capacity(80_MiB); });
  expect_counted<LimitExceeded>(memory, true, 400, [&] { memory.create<int>("over", 100, {.max_bytes = 399}); });
  expect_counted<LimitExceeded>(memory, true, 80_MiB, [&] { memory.create<std::byte>("over", 80_MiB); });
  expect_counted<LimitExceeded>(memory, true, 80_MiB,
                                [&] { memory.create<std::byte>("over", 5, {.min_elements = 80_MiB}); });
  expect_counted<LimitExceeded>(memory, true, 80_MiB,
                                [&] { memory.create<std::byte>("over", 80_MiB, {.plain = true}); });
  // Misuse.
  expect_counted<NotFound>(memory, false, 0, [&] { static_cast<void>(memory.find("smal")); });
  expect_counted<NotFound>(memory, false, 0, [&] { memory.free("smal"); });
  expect_counted<TypeMismatch>(memory, false, 0, [&] { static_cast<void>(memory.find<float>("small")); });
  expect_counted<InvalidArgument>(memory, false, 0, [&] { memory.create<int>("small", 1); });
  expect_counted<InvalidArgument>(memory, false, 0, [&] { memory.create<int>("", 1); });
  expect_counted<InvalidArgument>(memory, false, 0, [&] { memory.create<int>("none", 0); });
  expect_counted<InvalidArgument>(memory, false, 0, [&] { static_cast<void>(small.view(1, 1000)); });
  expect_counted<InvalidArgument>(memory, false, 0, [&] { memory.start_download(small); });
  memory.free(small);
  expect_counted<StaleHandle>(memory, false, 0, [&] { static_cast<void>(small.size()); });
  EXPECT_FALSE(memory.contains("smal"));  // asking is no misuse
  EXPECT_FALSE(small.valid());
  EXPECT_EQ(sink_.of(LogEvent::refuse).size(), 16u);
}

TEST_P(ManagerRefusals, ACapacityThatChangesIsLoggedUnderTheBuffersName) {
  MemoryManager& memory = make_manager({.name = "counting", .pool = {.limit = 64_MiB, .log = &sink_}});
  auto buffer = memory.create<std::uint32_t>("growing", 1000, {.growth = 1.0, .max_bytes = 32_MiB});
  EXPECT_TRUE(sink_.of(LogEvent::resize).empty());
  std::uint64_t before = 4000;
  std::uint64_t resizes = 0;
  std::uint64_t in_place = 0;
  for (const std::size_t count : {std::size_t{2000}, std::size_t{1'500'000}, std::size_t{3'000'000}}) {
    buffer.ensure_capacity(count);
    const auto records = sink_.of(LogEvent::resize);
    ASSERT_EQ(records.size(), ++resizes);
    EXPECT_EQ(records.back().level, LogLevel::debug);
    EXPECT_EQ(records.back().pool, "counting");
    EXPECT_EQ(records.back().buffer, "growing");
    EXPECT_EQ(records.back().before, before);
    EXPECT_EQ(records.back().bytes, count * 4);
    EXPECT_NE(records.back().text.find("\"growing\""), std::string::npos) << records.back().text;
    const std::uint64_t in_place_by_now = buffer.statistics().resizes_in_place;
    EXPECT_EQ(records.back().text.find("in place") != std::string::npos, in_place_by_now > in_place)
        << records.back().text;
    in_place = in_place_by_now;
    before = count * 4;
  }
  buffer.ensure_capacity(10);  // it has room
  EXPECT_EQ(sink_.of(LogEvent::resize).size(), resizes);
  buffer.shrink(1000);
  ASSERT_EQ(sink_.of(LogEvent::resize).size(), resizes + 1);
  EXPECT_EQ(sink_.of(LogEvent::resize).back().bytes, 4000u);
}

TEST_P(ManagerRefusals, ALogThatWantsErrorsOnlyHearsOfNone) {
  KeepingSink quiet(LogLevel::error);
  MemoryManager& memory = make_manager({.name = "quiet", .pool = {.limit = 64_MiB, .log = &quiet}});
  auto buffer = memory.create<std::uint32_t>("growing", 1000, {.max_bytes = 1_MiB});
  buffer.ensure_capacity(5000);
  static_cast<void>(error_of<LimitExceeded>([&] { buffer.ensure_capacity(1_MiB); }));
  static_cast<void>(error_of<NotFound>([&] { static_cast<void>(memory.find("other")); }));
  EXPECT_EQ(memory.statistics().pool.refusals, 1u);
  EXPECT_EQ(memory.statistics().pool.errors, 1u);
  EXPECT_TRUE(quiet.of(LogEvent::resize).empty());
  EXPECT_TRUE(quiet.of(LogEvent::refuse).empty());
}

TEST_P(ManagerRefusals, ABufferWhoseManagerHasEndedSaysSo) {
  AnyBuffer left;
  AnyBuffer freed;
  Buffer<int> owner;
  {
    MemoryManager gone(*device_, {.name = "short-lived", .pool = {.mode = GetParam().mode}});
    left = gone.create<int>("left", 10);
    owner = gone.scoped<int>("owned", 10);
    freed = gone.create<int>("freed", 10);
    gone.free("freed");
    EXPECT_TRUE(says(error_of<StaleHandle>([&] { static_cast<void>(freed.size()); }), {"\"freed\" was freed"}));
  }
  for (const AnyBuffer& each : {left, static_cast<const AnyBuffer&>(owner), freed}) {
    EXPECT_FALSE(each.valid());
    const Said said = error_of<StaleHandle>([&] { static_cast<void>(each.size()); });
    EXPECT_TRUE(
        says(said, {"freed when its manager \"short-lived\"", std::string("\"" + std::string(each.name()) + "\"")}));
    EXPECT_EQ(said.facts.name, each.name());
  }
  owner.reset();
}

TEST_P(ManagerRefusals, HostileNamesOfManagersAreRefused) {
  const auto refused = [&](const std::string& name, const char* why) {
    EXPECT_TRUE(
        says(error_of<InvalidArgument>([&] { MemoryManager(*device_, {.name = name}); }), {"manager name", why}));
  };
  refused("", "is empty");
  refused("a\x1b[31m\nX", "control character");
  refused(std::string("a\0b", 3), "control character");
  refused("\xff", "not UTF-8");
  refused(std::string(241, 'a'), "at most 240");
  EXPECT_NO_THROW(MemoryManager(*device_, {.name = std::string(240, 'a'), .pool = {.mode = GetParam().mode}}));
}

TEST_P(ManagerRefusals, AModeThatIsNoneIsRefused) {
  const Said said = error_of<InvalidArgument>(
      [&] { MemoryManager(*device_, {.name = "odd", .pool = {.mode = static_cast<PoolMode>(77)}}); });
  EXPECT_TRUE(says(said, {"\"odd\"", "PoolMode 77"}));
}

TEST_P(ManagerRefusals, ItsPoolHasItsNameAndNoOther) {
  const auto refused = error_of<InvalidArgument>(
      [&] { MemoryManager(*device_, {.name = "one", .pool = {.name = "two", .mode = GetParam().mode}}); });
  EXPECT_TRUE(says(refused, {"\"one\"", "\"two\"", "pool.name"}));
  MemoryManager& memory = make_manager({.name = "one", .pool = {.limit = 64_MiB, .keep_free = 1_MiB}});
  EXPECT_EQ(memory.pool().options().name, "one");
  EXPECT_EQ(memory.pool().options().keep_free, 1_MiB);
  EXPECT_EQ(memory.limit(), 64_MiB);
  EXPECT_EQ(Pool(*device_).options().name, "pool");
}

INSTANTIATE_TEST_SUITE_P(Kinds, ManagerRefusals, testing::ValuesIn(manager_kinds()), name_of);

}  // namespace
}  // namespace weir::contract
