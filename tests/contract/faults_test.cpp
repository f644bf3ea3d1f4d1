// Every driver call of a scripted run fails once, in turn: what was asked for
// either works or ends in a typed error, totals stay exact against a tally of the
// test's own, and in the end the driver has everything back. Then the same with
// the device lost from the n-th call on.
#include <chrono>
#include <optional>
#include <vector>

#include "contract/keeping_sink.hpp"
#include "contract/pool_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using device::CallKind;
using device::FaultyBackend;

constexpr std::uint64_t pool_limit = 96_MiB;

class Faults : public PoolContract {
 protected:
  /// What the test itself knows of one run.
  struct Tally {
    std::uint64_t requested = 0;
    std::uint64_t cumulative = 0;
    std::uint64_t allocations = 0;
    std::uint64_t frees = 0;
    std::uint64_t refusals = 0;
    std::uint64_t driver_errors = 0;
    std::uint64_t memory_errors = 0;
    std::uint64_t losses = 0;
  };
  struct Held {
    void* block;
    std::uint64_t bytes;
  };

  /// A run over everything that calls the driver; keeps the tally, lets no typed error out.
  class Run {
   public:
    Run(Faults& test, Pool& pool) : test_(test), pool_(pool) {}

    void script() {
      std::vector<Stream> streams;
      for (int i = 0; i < 2; ++i) attempt([&] { streams.push_back(test_.device_->stream()); });
      const StreamId first = streams.empty() ? StreamId::legacy_default : streams.front().id();
      const StreamId second = streams.empty() ? StreamId::legacy_default : streams.back().id();
      for (const StreamId stream : {StreamId::legacy_default, first, second}) {
        for (const std::uint64_t bytes : {1000u, 300'000u, 5u << 20, 1000u, 300'000u, 2u << 20})
          allocate(bytes, stream);
      }
      free_every(2, first);
      allocate(20_MiB, second);
      allocate(9_MiB, first, 4096);
      check();
      attempt([&] { static_cast<void>(pool_.trim(4_MiB)); });
      if (test_.pooling() && !attempt([&] { pool_.map_ahead(20_MiB, first); })) ++tally_.refusals;
      check();
      free_every(3, second);
      for (const StreamId user : {first, second}) {
        if (held_.empty()) break;
        attempt([&] { pool_.used_on(held_.back().block, user); });
        free_at(held_.size() - 1, StreamId::legacy_default);
      }
      check();
      test_.clock_.advance(40s);
      attempt([&] { pool_.maintain(); });
      allocate(30_MiB, first);
      allocate(95_MiB, second);  // with all the rest more than the limit
      TestThread([&] {
        allocate(3_MiB, first);
        free_every(2, first);
      }).join();
      check();
      attempt([&] { pool_.retire(first); });
      streams.clear();
      allocate(10_MiB, StreamId::legacy_default);
      test_.clock_.advance(40s);
      for (int i = 0; i < 100; ++i) allocate(700, StreamId::legacy_default);  // ageing runs among these
      free_every(1, StreamId::legacy_default);
      attempt([&] { static_cast<void>(pool_.trim()); });
      check();
    }

    [[nodiscard]] const Tally& tally() const { return tally_; }

   private:
    /// Runs `operation`; true if it ended without a typed error. Anything else escapes, and fails the test.
    template <class Operation>
    bool attempt(Operation operation) {
      try {
        operation();
        return true;
      } catch (const DeviceLost&) {
        ++tally_.losses;
      } catch (const DriverError&) {
        ++tally_.driver_errors;
      } catch (const std::bad_alloc& error) {
        EXPECT_NE(dynamic_cast<const Error*>(&error), nullptr) << "an error without a type";
        ++tally_.memory_errors;
      } catch (const Unsupported&) {
        ++tally_.driver_errors;
      }
      return false;
    }
    void allocate(std::uint64_t bytes, StreamId stream, std::size_t alignment = 1) {
      void* block = nullptr;
      if (attempt([&] { block = pool_.allocate(bytes, stream, {.alignment = alignment}); })) {
        ASSERT_NE(block, nullptr);
        held_.push_back({block, bytes});
        tally_.requested += bytes;
        tally_.cumulative += bytes;
        ++tally_.allocations;
      } else {
        ++tally_.refusals;
      }
    }
    void free_at(std::size_t at, StreamId stream) {
      const Held freed = held_[at];
      // Giving back never fails: the caller could do nothing about it.
      EXPECT_TRUE(attempt([&] { pool_.deallocate(freed.block, stream); }));
      held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(at));
      tally_.requested -= freed.bytes;
      ++tally_.frees;
    }
    void free_every(std::size_t step, StreamId stream) {
      for (std::size_t at = held_.size(); at-- > 0;) {
        if (at % step == 0) free_at(at, stream);
      }
    }
    void check() const {
      const Statistics now = pool_.statistics();
      EXPECT_EQ(now.requested.live, tally_.requested);
      EXPECT_EQ(now.requested.cumulative, tally_.cumulative);
      EXPECT_EQ(now.allocations, tally_.allocations);
      EXPECT_EQ(now.frees, tally_.frees);
      EXPECT_EQ(now.refusals, tally_.refusals);
      EXPECT_EQ(now.errors, 0u);
      EXPECT_TRUE(coherent(now));
      EXPECT_LE(now.reserved.live, *pool_.options().limit);
      const FaultyBackend::Balance held = test_.backend_->balance();
      EXPECT_EQ(now.reserved.live, held.pages * test_.info_.page_bytes + held.segment_bytes);
      EXPECT_EQ(now.held, (held.pages - held.mapped_pages) * test_.info_.page_bytes);
      EXPECT_NO_THROW(pool_.verify());
    }

    Faults& test_;
    Pool& pool_;
    std::vector<Held> held_;
    Tally tally_;
  };

  /// One run of the script on a new pool, with a fault planted by `plant` after the pool is made.
  /// Gives whether the fault happened.
  template <class Plant>
  bool run_with(Plant plant, Tally& tally) {
    // Work that does not end in time keeps its memory: clearing takes long under a sanitizer, and must end.
    Pool& pool = make_pool({.limit = pool_limit, .zero = zero_, .reclaim_deadline = zero_ ? 10s : 100ms});
    plant();
    Run run(*this, pool);
    run.script();
    const bool fired = backend_->fired();
    tally = run.tally();
    end_pool(pool);
    backend_->heal();
    EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
    EXPECT_EQ(backend_->breach(), "");
    return fired;
  }

  bool zero_ = false;
};

TEST_P(Faults, NoneAndTheScriptIsWhole) {
  Tally tally;
  EXPECT_FALSE(run_with([] {}, tally));
  EXPECT_EQ(tally.driver_errors + tally.losses, 0u);
  EXPECT_EQ(tally.memory_errors, 1u);  // one request in it is too large
  EXPECT_GT(tally.allocations, 120u);
}

TEST_P(Faults, EachCallRunsOutOfMemoryOnce) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(testing::Message() << "call " << n);
    Tally tally;
    if (!run_with([&] { backend_->fail(n, FaultyBackend::Fault::out_of_memory); }, tally)) break;
    ASSERT_LT(n, 5000u);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(Faults, EachCallFailsInTheDriverOnce) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(testing::Message() << "call " << n);
    Tally tally;
    if (!run_with([&] { backend_->fail(n, FaultyBackend::Fault::driver_error); }, tally)) break;
    ASSERT_LT(n, 5000u);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(Faults, EachFillFailsOnce) {
  zero_ = true;
  // Where memory is really cleared, that takes its time: a sample is enough.
  for (std::uint64_t n = 1;; n += GetParam().backend == "dry" ? 1 : 31) {
    SCOPED_TRACE(testing::Message() << "fill " << n);
    Tally tally;
    if (!run_with([&] { backend_->fail(n, FaultyBackend::Fault::driver_error, CallKind::fill); }, tally)) break;
    EXPECT_EQ(tally.driver_errors, 1u);
    ASSERT_LT(n, 5000u);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(Faults, TheDeviceIsLostFromEachCallOn) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    Tally tally;
    if (!run_with([&] { backend_->lose(n); }, tally)) break;
    ASSERT_LT(n, 5000u);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(Faults, APoolThatCannotBeMadeLeavesNothing) {
  for (const auto fault : {FaultyBackend::Fault::out_of_memory, FaultyBackend::Fault::driver_error}) {
    backend_->fail(1, fault);
    try {
      end_pool(make_pool());
    } catch (const Error&) {
      EXPECT_TRUE(backend_->fired());
    }
    EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
  }
  backend_->heal();
}

// Where pages cannot be mapped, a block comes from the driver directly, and the log says so.
TEST_P(Faults, APoolFailureFallsBackToTheDriverAndSaysSo) {
  if (GetParam().mode != PoolMode::pages) GTEST_SKIP() << "there is nothing to fall back from";
  KeepingSink sink(LogLevel::warning);
  Pool& pool = make_pool({.log = &sink});
  backend_->fail(1, FaultyBackend::Fault::driver_error, CallKind::map);
  void* block = pool.allocate(5_MiB);
  const auto told = sink.of(LogEvent::fallback);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].text.find("injected"), std::string::npos) << told[0].text;
  EXPECT_EQ(backend_->balance().segments, 1u);
  void* next = pool.allocate(5_MiB);
  EXPECT_EQ(backend_->balance().segments, 1u);
  pool.deallocate(block);
  pool.deallocate(next);
  static_cast<void>(pool.trim());
  EXPECT_EQ(backend_->balance().segments, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Faults, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
