// Batches: operations in one submission, each with a result of its own, in order;
// or all of them or none, with the bytes that were there before put back.
#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch_size = 100'003;

class Batches : public TransferContract {
 protected:
  [[nodiscard]] Bytes contents(const char* name) const { return memory_->download(memory_->find<std::uint8_t>(name)); }
  static testing::AssertionResult all_ok(const std::vector<BatchResult>& results) {
    for (const BatchResult& result : results) {
      if (!result.ok()) return testing::AssertionFailure() << result.message();
    }
    return testing::AssertionSuccess();
  }
  static testing::AssertionResult reads(const BatchResult& result, const Bytes& expected) {
    const auto data = result.data<std::uint8_t>();
    if (!std::equal(data.begin(), data.end(), expected.begin(), expected.end())) {
      return testing::AssertionFailure() << "it read other bytes";
    }
    return testing::AssertionSuccess();
  }
};

/// `into` with `part` from `offset` on.
Bytes patched(Bytes into, const Bytes& part, std::size_t offset) {
  std::copy(part.begin(), part.end(), into.begin() + static_cast<std::ptrdiff_t>(offset));
  return into;
}

TEST_P(Batches, ResultsComeInTheOrderOfTheOperations) {
  for (const bool all_or_nothing : {false, true}) {
    MemoryManager& memory = make_manager();
    const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
    const Bytes part = bytes_of(70'001, 2);
    const Bytes fresh = bytes_of(3 * batch_size, 3);
    Batch batch(memory);
    batch.read(buffer, 0, batch_size)
        .update(buffer, part, 100)
        .read(buffer, 50, 80'000)
        .create<std::uint8_t>("new", fresh)
        .create<std::uint32_t>("bare", 1000)
        .update(buffer, bytes_of(0, 0), batch_size)
        .read(buffer, batch_size, 0);
    EXPECT_EQ(batch.size(), 7u);
    const std::vector<BatchResult> results = batch.submit(StreamId::legacy_default, {.all_or_nothing = all_or_nothing});
    EXPECT_EQ(batch.size(), 0u);
    ASSERT_EQ(results.size(), 7u);
    ASSERT_TRUE(all_ok(results));
    const Bytes updated = patched(bytes_of(batch_size, 1), part, 100);
    EXPECT_TRUE(reads(results[0], bytes_of(batch_size, 1)));
    EXPECT_TRUE(reads(results[2], Bytes(updated.begin() + 50, updated.begin() + 80'050)));
    EXPECT_TRUE(reads(results[6], {}));
    EXPECT_EQ(results[1].buffer<std::uint8_t>(), buffer);
    EXPECT_EQ(results[3].buffer<std::uint8_t>().name(), "new");
    EXPECT_EQ(results[4].buffer<std::uint32_t>().size(), 1000u);
    EXPECT_EQ(results[0].message(), "");
    EXPECT_THROW(static_cast<void>(results[3].buffer<float>()), TypeMismatch);
    EXPECT_THROW(static_cast<void>(results[0].data<float>()), TypeMismatch);
    EXPECT_EQ(contents("old"), updated);
    EXPECT_EQ(contents("new"), fresh);
    EXPECT_EQ(memory.check_leaks().blocks, 3u);  // what was kept to be put back is gone
  }
}

// On the host device what is run may use the buffers' memory itself; elsewhere it shows by another buffer's contents.
TEST_P(Batches, WorkRunsBetweenWhatIsUpdatedAndWhatIsRead) {
  for (const bool all_or_nothing : {false, true}) {
    MemoryManager& memory = make_manager();
    const auto from = memory.create<std::uint8_t>("from", bytes_of(batch_size, 1));
    const auto to = memory.create<std::uint8_t>("to", bytes_of(batch_size, 2));
    const Bytes fresh = bytes_of(batch_size, 3), other = bytes_of(batch_size, 4);
    int runs = 0;
    Batch batch(memory);
    batch.update(from, fresh)
        .run([&](StreamId stream) {
          ++runs;
          memory.upload(to, memory.download(from, stream), stream);
        })
        .update(from, other)
        .read(to, 0, batch_size);
    const std::vector<BatchResult> results = batch.submit(StreamId::legacy_default, {.all_or_nothing = all_or_nothing});
    ASSERT_TRUE(all_ok(results));
    EXPECT_EQ(runs, 1);
    EXPECT_TRUE(reads(results[3], fresh));
    EXPECT_THROW(static_cast<void>(results[1].data<std::uint8_t>()), StaleHandle);
  }
}

TEST_P(Batches, WorkThatThrowsIsAnErrorOfItsOwn) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
  const Bytes fresh = bytes_of(batch_size, 2);
  const auto work = [](StreamId) { throw Unsupported("no kernel", {.name = "kernel"}); };
  for (const bool all_or_nothing : {true, false}) {
    Batch batch(memory);
    batch.update(buffer, fresh).run(work).read(buffer, 0, batch_size);
    const std::vector<BatchResult> results = batch.submit(StreamId::legacy_default, {.all_or_nothing = all_or_nothing});
    EXPECT_THROW(results[1].require(), Unsupported);
    EXPECT_EQ(results[0].ok(), !all_or_nothing);
    EXPECT_EQ(results[2].ok(), !all_or_nothing);
    EXPECT_EQ(memory.download(buffer), all_or_nothing ? bytes_of(batch_size, 1) : fresh);
  }
  int runs = 0;
  Batch refused(memory);
  refused.create<std::uint8_t>("old", 10).run([&](StreamId) { ++runs; }).run({});
  const auto results = refused.submit(StreamId::legacy_default, {.all_or_nothing = true});
  EXPECT_EQ(runs, 0) << "it was given up before";
  Batch empty(memory);
  empty.run({});
  EXPECT_THROW(empty.submit().front().require(), InvalidArgument);
}

TEST_P(Batches, AnEmptyOneHasNoResults) {
  MemoryManager& memory = make_manager();
  EXPECT_TRUE(Batch(memory).submit().empty());
  EXPECT_TRUE(Batch(memory).submit(StreamId::legacy_default, {.all_or_nothing = true}).empty());
}

TEST_P(Batches, OperationsFailByThemselves) {
  MemoryManager& memory = make_manager({}, 32_MiB);
  const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
  const auto gone = memory.create<std::uint8_t>("gone", 10);
  memory.free(gone);
  const Bytes part = bytes_of(1000, 2);
  const std::vector<BatchResult> results = Batch(memory)
                                               .update(buffer, part, batch_size - 999)
                                               .update(buffer, part, 5)
                                               .create<std::uint8_t>("old", part)
                                               .create<std::uint8_t>("huge", 64_MiB)
                                               .create<std::uint8_t>("new", part)
                                               .update(gone, part)
                                               .read(buffer, batch_size, 1)
                                               .read(buffer, 0, 2000)
                                               .create<std::uint8_t>("none", 0)
                                               .submit();
  ASSERT_EQ(results.size(), 9u);
  expect_error<InvalidArgument>("old", [&] { results[0].require(); });
  EXPECT_TRUE(results[1].ok());
  expect_error<InvalidArgument>("old", [&] { static_cast<void>(results[2].buffer<std::uint8_t>()); });
  static_cast<void>(caught<LimitExceeded>([&] { results[3].require(); }));
  EXPECT_TRUE(results[4].ok());
  expect_error<StaleHandle>("gone", [&] { results[5].require(); });
  expect_error<InvalidArgument>("old", [&] { static_cast<void>(results[6].data<std::uint8_t>()); });
  EXPECT_TRUE(reads(results[7], patched(bytes_of(2000, 1), part, 5)));
  expect_error<InvalidArgument>("none", [&] { results[8].require(); });
  EXPECT_EQ(contents("old"), patched(bytes_of(batch_size, 1), part, 5));
  EXPECT_EQ(contents("new"), part);
  EXPECT_FALSE(memory.contains("huge"));
  EXPECT_FALSE(memory.contains("none"));
}

TEST_P(Batches, AllOrNothingDoesNothingIfAnyCannotBe) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
  const LeakCount before = memory.check_leaks();
  const Bytes part = bytes_of(1000, 2);
  const std::vector<BatchResult> results = Batch(memory)
                                               .create<std::uint8_t>("new", part)
                                               .update(buffer, part, 0)
                                               .read(buffer, 0, 1)
                                               .update(buffer, part, batch_size)
                                               .update(buffer, part, 7)
                                               .submit(StreamId::legacy_default, {.all_or_nothing = true});
  ASSERT_EQ(results.size(), 5u);
  expect_error<InvalidArgument>("old", [&] { results[3].require(); });
  for (const std::size_t index : {0u, 1u, 2u, 4u}) {
    const auto error = caught<InvalidArgument>([&] { results[index].require(); });
    ASSERT_TRUE(error);
    EXPECT_NE(error->message().find("operation " + std::to_string(index) + " "), std::string::npos);
    EXPECT_NE(error->message().find("operation 3 failed: " + results[3].message()), std::string::npos)
        << error->message();
  }
  EXPECT_EQ(contents("old"), bytes_of(batch_size, 1));
  EXPECT_FALSE(memory.contains("new"));
  EXPECT_EQ(memory.check_leaks().blocks, before.blocks);
  EXPECT_EQ(memory.check_leaks().bytes, before.bytes);
}

// The copies are under way already when one fails: windows that overlap are put back, last first.
TEST_P(Batches, OverlappingWindowsArePutBackByteForByte) {
  for (const bool in_place : {false, true}) {
    if (in_place && !device_->info().pointers) continue;
    MemoryManager& memory = make_manager({.in_place = in_place});
    const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
    const auto other = memory.create<std::uint8_t>("other", bytes_of(batch_size, 2));
    const Bytes parts[] = {bytes_of(70'000, 3), bytes_of(20'000, 4), bytes_of(60'001, 5), bytes_of(1000, 6)};
    Batch batch(memory);
    batch.update(buffer, parts[0], 1000)
        .update(buffer, parts[1], 60'000)
        .update(other, parts[0], 1)
        .create<std::uint8_t>("new", parts[0])
        .update(buffer, parts[2], 30'000)
        .update(buffer, parts[3], 30'500);
    // The last of the copies that keep what is overwritten.
    backend_->fail(5, device::FaultyBackend::Fault::driver_error, device::CallKind::copy);
    const std::vector<BatchResult> results = batch.submit(StreamId::legacy_default, {.all_or_nothing = true});
    EXPECT_TRUE(backend_->fired());
    for (const BatchResult& result : results) EXPECT_FALSE(result.ok());
    EXPECT_THROW(results.back().require(), DriverError);
    EXPECT_EQ(contents("old"), bytes_of(batch_size, 1));
    EXPECT_EQ(contents("other"), bytes_of(batch_size, 2));
    EXPECT_FALSE(memory.contains("new"));
    end_manager();
  }
}

TEST_P(Batches, WhatWasReadLivesAsLongAsItsResult) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("read", bytes_of(batch_size, 1));
  std::vector<BatchResult> results = Batch(memory).read(buffer, 7, 1000).read(buffer, 0, 0).submit();
  const Bytes expected = bytes_of(batch_size, 1);
  const auto holds = [&] { return reads(results[0], Bytes(expected.begin() + 7, expected.begin() + 1007)); };
  EXPECT_TRUE(holds());
  memory.free(buffer);
  EXPECT_TRUE(holds());
  EXPECT_TRUE(results[1].data<std::uint8_t>().empty());
  expect_error<TypeMismatch>("read", [&] { static_cast<void>(results[0].data<float>()); });
  expect_error<StaleHandle>("read", [&] { static_cast<void>(results[0].buffer<std::uint8_t>()); });
  memory_.reset();
  EXPECT_TRUE(holds());
  expect_error<TypeMismatch>("read", [&] { static_cast<void>(results[0].data<float>()); });
  EXPECT_THROW(static_cast<void>(BatchResult().data<int>()), StaleHandle);
  results.clear();
}

TEST_P(Batches, TheyFollowTheirStreamAndTimeOut) {
  if (!device_->info().pointers) GTEST_SKIP() << "streams run no host functions here";
  const Stream stream = device_->stream();
  for (const bool all_or_nothing : {false, true}) {
    for (const auto deadline : {std::chrono::nanoseconds(50ms), std::chrono::nanoseconds(20ms)}) {
      MemoryManager& memory = make_manager();
      const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1), {}, stream);
      Gate gate(*device_, stream);
      const Bytes part = bytes_of(70'000, 2);
      const std::vector<BatchResult> results =
          Batch(memory)
              .update(buffer, part, 3)
              .read(buffer, 0, batch_size)
              .create<std::uint8_t>("new", part)
              .submit(stream, {.all_or_nothing = all_or_nothing, .deadline = deadline});
      ASSERT_EQ(results.size(), 3u);
      for (const BatchResult& result : results) EXPECT_THROW(result.require(), Timeout);
      EXPECT_EQ(moved().timeouts, 1u);
      EXPECT_EQ(memory.contains("new"), !all_or_nothing);
      gate.open();
      const Bytes expected = all_or_nothing ? bytes_of(batch_size, 1) : patched(bytes_of(batch_size, 1), part, 3);
      EXPECT_EQ(memory.download(buffer, stream), expected);
      if (!all_or_nothing) {
        EXPECT_EQ(contents("new"), part);
      }
    }
  }
}

TEST_P(Batches, ADeadlineThatHasPassedStartsNothing) {
  for (const bool all_or_nothing : {false, true}) {
    for (const auto deadline : {std::chrono::nanoseconds(0), std::chrono::nanoseconds(-1s)}) {
      MemoryManager& memory = make_manager();
      const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
      const TransferStatistics before = moved();
      const Bytes part = bytes_of(70'000, 2);
      const std::vector<BatchResult> results =
          Batch(memory)
              .update(buffer, part, 3)
              .read(buffer, 0, batch_size)
              .create<std::uint8_t>("new", part)
              .submit(StreamId::legacy_default, {.all_or_nothing = all_or_nothing, .deadline = deadline});
      ASSERT_EQ(results.size(), 3u);
      for (const BatchResult& result : results) {
        const auto error = caught<Timeout>([&] { result.require(); });
        ASSERT_TRUE(error);
        EXPECT_EQ(error->facts().name, "batch");
        EXPECT_EQ(error->facts().bytes_asked, 2 * part.size() + batch_size);
        EXPECT_EQ(error->facts().bytes_done, 0u);
      }
      EXPECT_TRUE(Batch(memory).submit(StreamId::legacy_default, {.deadline = deadline}).empty());
      EXPECT_EQ(moved().timeouts, 1u);
      EXPECT_EQ(moved().uploads, before.uploads);
      EXPECT_EQ(moved().bytes_staged, before.bytes_staged);
      EXPECT_TRUE(staging_comes_back());
      EXPECT_FALSE(memory.contains("new"));
      EXPECT_EQ(contents("old"), bytes_of(batch_size, 1));
    }
  }
}

TEST_P(Batches, InPlaceKeepsTheDeadlineToo) {
  if (!device_->info().pointers) GTEST_SKIP() << "the host cannot write this device's memory";
  const Stream stream = device_->stream();
  MemoryManager& memory = make_manager({.in_place = true});
  const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1), {}, stream);
  Gate gate(*device_, stream);
  const auto started = std::chrono::steady_clock::now();
  const Bytes part = bytes_of(10, 2);
  const auto results = Batch(memory).update(buffer, part).update(buffer, part, 20).submit(stream, {.deadline = 30ms});
  EXPECT_LT(std::chrono::steady_clock::now() - started, 5s);
  for (const BatchResult& result : results) EXPECT_THROW(result.require(), Timeout);
}

// Every call into the driver fails once, in turn: an operation that says it is done is done, and one
// that says it is not has left no buffer; all or nothing is just that.
TEST_P(Batches, EachCallFailsOnce) {
  const Bytes parts[] = {bytes_of(70'000, 3), bytes_of(20'000, 4), bytes_of(60'001, 5)};
  for (const bool all_or_nothing : {false, true}) {
    for (const auto fault : {device::FaultyBackend::Fault::driver_error, device::FaultyBackend::Fault::out_of_memory}) {
      for (std::uint64_t n = 1;; ++n) {
        SCOPED_TRACE(testing::Message() << "call " << n << (all_or_nothing ? ", all or nothing" : ""));
        ASSERT_LT(n, 500u);
        MemoryManager& memory = make_manager();
        const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
        Batch batch(memory);
        batch.update(buffer, parts[0], 1000)
            .update(buffer, parts[1], 60'000)
            .create<std::uint8_t>("new", parts[2])
            .update(buffer, parts[2], 30'000)
            .read(buffer, 5, batch_size - 5);
        backend_->fail(n, fault);
        std::vector<BatchResult> results = batch.submit(StreamId::legacy_default, {.all_or_nothing = all_or_nothing});
        const bool fired = backend_->fired();
        backend_->heal();
        ASSERT_EQ(results.size(), 5u);
        const auto done = static_cast<std::size_t>(
            std::count_if(results.begin(), results.end(), [](const BatchResult& result) { return result.ok(); }));
        if (all_or_nothing) {
          ASSERT_TRUE(done == 0 || done == results.size()) << done << " of all or nothing";
        }
        // Where the one wait failed, all was queued, and everything has an error.
        if (all_or_nothing || done != 0) {
          ASSERT_EQ(memory.contains("new"), results[2].ok());
        }
        if (results[2].ok()) {
          ASSERT_EQ(contents("new"), parts[2]);
        }
        Bytes expected = bytes_of(batch_size, 1);
        if (done == results.size()) {
          expected = patched(patched(patched(expected, parts[0], 1000), parts[1], 60'000), parts[2], 30'000);
          ASSERT_TRUE(reads(results[4], Bytes(expected.begin() + 5, expected.end())));
        }
        if (all_or_nothing || done == results.size()) {
          ASSERT_EQ(contents("old"), expected);
        }
        results.clear();
        end_manager();
        ASSERT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
        ASSERT_FALSE(HasFailure());
        if (!fired) break;
      }
    }
  }
}

TEST_P(Batches, ALostDeviceFailsAllOfIt) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    ASSERT_LT(n, 500u);
    MemoryManager& memory = make_manager();
    const auto buffer = memory.create<std::uint8_t>("old", bytes_of(batch_size, 1));
    const Bytes part = bytes_of(70'000, 2);
    backend_->lose(n);
    std::vector<BatchResult> results = Batch(memory)
                                           .update(buffer, part)
                                           .create<std::uint8_t>("new", part)
                                           .read(buffer, 0, batch_size)
                                           .submit(StreamId::legacy_default, {.all_or_nothing = n % 2 == 0});
    const bool fired = backend_->fired();
    std::size_t lost = 0;
    for (const BatchResult& result : results) lost += result.ok() ? 0 : 1;
    // Lost after the wait, when what was kept is given back: all of it is done.
    if (lost == 0) {
      EXPECT_TRUE(reads(results[2], patched(bytes_of(batch_size, 1), part, 0)));
    }
    results.clear();
    memory_.reset();
    backend_->heal();
    ASSERT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
    ASSERT_FALSE(HasFailure());
    if (!fired) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Batches, testing::ValuesIn(kinds_with_contents()), name_of);

}  // namespace
}  // namespace weir::contract
