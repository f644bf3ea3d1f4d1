// Every driver call of a scripted run of transfers fails once, in turn: what says
// that it is done has moved the bytes, what failed says so by a typed error, to the
// caller or to the waiter, and nothing leaks. Then the same with a device lost.
#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using device::CallKind;
using device::FaultyBackend;

constexpr std::size_t faulty_size = 150'001;

class TransferFaults : public TransferContract {
 protected:
  /// Runs `call`; true if it ended without a typed error. Anything else escapes, and fails the test.
  template <class Call>
  bool attempt(Call call) {
    try {
      call();
      return true;
    } catch (const Error& error) {
      EXPECT_NE(error.message(), "");
      ++errors_;
      return false;
    }
  }

  /// Everything that moves bytes. `contents` is what the buffer must hold, as long as that is known.
  void script() {
    errors_ = 0;
    MemoryManager& memory = *memory_;
    BufferHandle<std::uint8_t> buffer;
    if (!attempt([&] { buffer = memory.create<std::uint8_t>("moved", faulty_size, {.downloads = true}); })) return;
    bool known = false;
    std::uint64_t seed = 0;
    const auto sent = [&](bool done) { known = done; };
    const auto check = [&](const auto& data) {
      if (known) {
        EXPECT_TRUE(has_pattern(data.data(), faulty_size, seed)) << "seed " << seed;
      }
    };
    const auto pinned = [&] {
      Pinned<std::uint8_t> memory_of_host;
      static_cast<void>(attempt([&] { memory_of_host = memory.pinned<std::uint8_t>(faulty_size); }));
      return memory_of_host;
    };

    ++seed;
    sent(attempt([&] { memory.upload(buffer, bytes_of(faulty_size, seed)); }));
    static_cast<void>(attempt([&] { check(memory.download(buffer)); }));
    ++seed;
    sent(attempt([&] { memory.start_upload(buffer, bytes_of(faulty_size, seed)).wait(); }));
    static_cast<void>(attempt([&] { memory.start_download(buffer); }) && attempt([&] {
                        memory.start_upload(buffer, Bytes(faulty_size)).wait();  // overwritten at once
                      }));
    attempt_frame(buffer, check);
    known = false;
    ++seed;
    Bytes halves = bytes_of(faulty_size, seed);
    const std::span<const std::uint8_t> both(halves);
    bool all = true;  // written in small parts
    for (std::size_t at = 0; at < faulty_size; at += 50'000) {
      const auto part = both.subspan(at, std::min<std::size_t>(50'000, faulty_size - at));
      all = attempt([&] { memory.upload(buffer, part, StreamId::legacy_default, {.offset = at}); }) && all;
    }
    sent(all);
    if (attempt([&] { memory.start_download(buffer, {}, {.snapshot = false}); })) attempt_frame(buffer, check);
    if (const auto up = pinned(); up.size() != 0) {
      ++seed;
      fill_pattern(up.data(), faulty_size, seed);
      sent(attempt([&] { memory.upload(buffer, up); }));
      const auto down = pinned();
      if (down.size() != 0 && attempt([&] { memory.download(buffer, std::span(down.data(), faulty_size)); })) {
        check(std::span(down.data(), faulty_size));
      }
      static_cast<void>(attempt([&] { static_cast<void>(memory.start_upload(buffer, up)); }));  // dropped in mid-copy
    }
    static_cast<void>(attempt([&] { memory.maintain(); }));
    static_cast<void>(attempt([&] { buffer.resize(3 * faulty_size); }));
    if (attempt([&] { memory.start_download(buffer); })) {
      static_cast<void>(attempt([&] { EXPECT_EQ(memory.wait_for_download(buffer).size(), buffer.size()); }));
    }
    static_cast<void>(attempt([&] { memory.start_download(buffer); }));  // not waited for
    static_cast<void>(attempt([&] { memory.free("moved"); }));
  }

  template <class Check>
  void attempt_frame(const BufferHandle<std::uint8_t>& buffer, const Check& check) {
    // A failure may pass: what is under way can be waited for again.
    for (int tries = 0; tries < 2; ++tries) {
      if (attempt([&] { check(memory_->wait_for_download(buffer)); })) return;
    }
  }

  /// One run with a fault planted by `plant`; whether it happened.
  template <class Plant>
  bool run_with(Plant plant) {
    make_manager({.staging_block_bytes = 65536});
    plant();
    script();
    const bool fired = backend_->fired();
    backend_->heal();
    end_manager();
    EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
    EXPECT_EQ(backend_->breach(), "");
    return fired;
  }

  std::uint64_t errors_ = 0;
};

TEST_P(TransferFaults, NoneAndTheScriptIsWhole) {
  EXPECT_FALSE(run_with([] {}));
  EXPECT_EQ(errors_, 0u);
}

TEST_P(TransferFaults, EachCallFailsOnce) {
  for (const auto fault : {FaultyBackend::Fault::driver_error, FaultyBackend::Fault::out_of_memory}) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << "call " << n);
      ASSERT_LT(n, 1000u);
      if (!run_with([&] { backend_->fail(n, fault); })) break;
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_P(TransferFaults, FailedCopiesReachTheCaller) {
  for (const CallKind kind : {CallKind::upload, CallKind::download, CallKind::write, CallKind::copy}) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << "call " << n << " of kind " << static_cast<int>(kind));
      if (!run_with([&] { backend_->fail(n, FaultyBackend::Fault::driver_error, kind); })) break;
      EXPECT_GE(errors_, 1u);
      ASSERT_FALSE(HasFailure());
    }
  }
}

TEST_P(TransferFaults, TheDeviceIsLostFromEachCallOn) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    ASSERT_LT(n, 1000u);
    make_manager({.staging_block_bytes = 65536});
    backend_->lose(n);
    script();
    const bool fired = backend_->fired();
    memory_.reset();
    backend_->heal();
    ASSERT_EQ(backend_->balance(), FaultyBackend::Balance{});
    ASSERT_EQ(backend_->breach(), "");
    ASSERT_FALSE(HasFailure());
    if (!fired) break;
  }
}

TEST_P(TransferFaults, TheWaiterIsToldOfALostDevice) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("lost", faulty_size, {.downloads = true});
  const Transfer ticket = memory.start_upload(buffer, bytes_of(faulty_size, 1));
  memory.start_download(buffer);
  backend_->lose(1);
  EXPECT_THROW(ticket.wait(), DeviceLost);
  EXPECT_THROW(static_cast<void>(ticket.done()), DeviceLost);
  EXPECT_THROW(static_cast<void>(memory.wait_for_download(buffer)), DeviceLost);
  EXPECT_THROW(memory.upload(buffer, bytes_of(faulty_size, 1)), DeviceLost);
  EXPECT_THROW(static_cast<void>(memory.download(buffer)), DeviceLost);
  memory_.reset();
  backend_->heal();
}

TEST_P(TransferFaults, AFailedWaitLeavesTheTransferToBeWaitedForAgain) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("again", faulty_size, {.downloads = true});
  const Transfer ticket = memory.start_upload(buffer, bytes_of(faulty_size, 1));
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::wait);
  EXPECT_THROW(ticket.wait(), DriverError);
  ticket.wait();
  memory.start_download(buffer);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::wait);
  EXPECT_THROW(static_cast<void>(memory.wait_for_download(buffer)), DriverError);
  EXPECT_TRUE(has_pattern(memory.wait_for_download(buffer).data(), faulty_size, 1));
}

// The event at its end is recorded by the wait then, and a failure of that reaches the waiter.
TEST_P(TransferFaults, ADownloadWhoseEventIsRefusedIsStartedAllTheSame) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("started", faulty_size, {.downloads = true});
  memory.upload(buffer, bytes_of(faulty_size, 1));
  memory.start_download(buffer, {}, {.snapshot = false});
  EXPECT_TRUE(has_pattern(memory.wait_for_download(buffer).data(), faulty_size, 1));
  // Of the two events of such a download, the one after it.
  backend_->fail(2, FaultyBackend::Fault::driver_error, CallKind::record);
  memory.start_download(buffer, {}, {.snapshot = false});
  EXPECT_TRUE(backend_->fired());
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::record);
  EXPECT_THROW(static_cast<void>(memory.wait_for_download(buffer)), DriverError);
  EXPECT_TRUE(has_pattern(memory.wait_for_download(buffer).data(), faulty_size, 1));
}

TEST_P(TransferFaults, AStartThatFailsLosesNoFrame) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<std::uint8_t>("kept", faulty_size, {.downloads = true});
  for (const std::uint64_t seed : {1U, 2U}) {
    memory.upload(buffer, bytes_of(faulty_size, seed));
    memory.start_download(buffer);
  }
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::download);
  EXPECT_THROW(memory.start_download(buffer, {}, {.when_full = WhenFull::wait}), DriverError);
  EXPECT_TRUE(has_pattern(memory.wait_for_download(buffer).data(), faulty_size, 1));
  EXPECT_TRUE(has_pattern(memory.wait_for_download(buffer).data(), faulty_size, 2));
  EXPECT_THROW(static_cast<void>(memory.wait_for_download(buffer)), InvalidArgument);
}

// Its slot needs more memory, which must not take the place of the frame's before the copy is queued.
TEST_P(TransferFaults, AStartThatFailsLeavesWhatWasReadAsItIs) {
  MemoryManager& memory = make_manager();
  auto buffer = memory.create<std::uint8_t>("read", faulty_size, {.downloads = true});
  std::span<const std::uint8_t> frame;
  for (const std::uint64_t seed : {1U, 2U}) {
    memory.upload(buffer, bytes_of(faulty_size, seed));
    memory.start_download(buffer);
    if (seed == 1) frame = memory.wait_for_download(buffer);
  }
  buffer.resize(3 * faulty_size);
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::download);
  EXPECT_THROW(memory.start_download(buffer), DriverError);
  const auto other = memory.pinned<std::uint8_t>(faulty_size);
  fill_pattern(other.data(), faulty_size, 3);
  EXPECT_TRUE(has_pattern(frame.data(), faulty_size, 1));
}

TEST_P(TransferFaults, AShrinkThatCannotMoveStaysWhereItIs) {
  MemoryManager& memory = make_manager();
  auto buffer = memory.create<std::uint8_t>("small", device_->info().page_bytes / 2);
  buffer.resize(1000);
  memory.upload(buffer, bytes_of(1000, 1));
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::copy);
  buffer.shrink();
  EXPECT_TRUE(backend_->fired());
  EXPECT_EQ(buffer.capacity(), 1000u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 1000u);
  EXPECT_EQ(memory.download(buffer), bytes_of(1000, 1));
}

TEST_P(TransferFaults, AManagerThatCannotBeMadeLeavesNothing) {
  for (std::uint64_t n = 1;; ++n) {
    backend_->fail(n, FaultyBackend::Fault::driver_error);
    const bool made = attempt([&] { make_manager(); });
    const bool fired = backend_->fired();
    backend_->heal();
    end_manager();
    ASSERT_EQ(backend_->balance(), FaultyBackend::Balance{});
    if (made && !fired) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TransferFaults, testing::ValuesIn(kinds_with_contents()), name_of);

}  // namespace
}  // namespace weir::contract
