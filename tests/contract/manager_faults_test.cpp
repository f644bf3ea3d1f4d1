// Every driver call of a scripted life of buffers fails once, in turn, and then the
// device is lost from each on: each operation works whole or changes nothing, totals
// stay exact against what the test itself knows, and everything goes back.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;
using device::FaultyBackend;

constexpr std::uint64_t room = 512_MiB;

class ManagerFaults : public ManagerContract {
 protected:
  using Words = BufferHandle<std::uint32_t>;
  struct Known {
    std::size_t capacity;
    std::size_t size;
    std::uint64_t seed;
  };

  /// A script over everything that takes memory and gives it back; typed errors go no further.
  class Run {
   public:
    Run(ManagerFaults& test, MemoryManager& memory, bool lost) : test_(test), memory_(memory), lost_(lost) {}

    void script() {
      const std::size_t page = test_.page() / sizeof(std::uint32_t);
      create("small", 1000);
      create("half", page / 2);
      create("large", 2 * page + 5);
      create("plain", 3000, true);
      grow("small", 3000);
      grow("half", page * 2);
      grow("large", page * 5);
      grow("plain", page);
      check();
      create("second", page * 3);
      release("half");
      grow("large", page * 7);
      shrink("large", 100);
      shrink("plain", 10);
      check();
      grow("large", page * 4);
      from_data("data", 700);
      create("half", page / 4);
      release("second");
      attempt([&] { memory_.maintain(); });
      attempt([&] { static_cast<void>(memory_.trim()); });
      grow("half", page * 3);
      check();
    }

    [[nodiscard]] std::uint64_t failed() const { return failed_; }

   private:
    template <class Operation>
    bool attempt(Operation operation) {
      try {
        operation();
        return true;
      } catch (const Error& error) {
        const ErrorCode code = error.code();
        EXPECT_TRUE(code == ErrorCode::driver_error || code == ErrorCode::out_of_memory ||
                    code == ErrorCode::device_lost || code == ErrorCode::unsupported ||
                    code == ErrorCode::limit_exceeded)
            << error.message();
        ++failed_;
        return false;
      }
    }
    [[nodiscard]] bool there(const std::string& name) const { return known_.contains(name); }
    void fill(const std::string& name) {
      const Words buffer = memory_.find<std::uint32_t>(name);
      known_[name] = {buffer.capacity(), buffer.size(), ++seed_};
      if (!lost_) test_.put(buffer, seed_);
    }
    void create(const std::string& name, std::size_t count, bool plain = false) {
      const BufferOptions options{.growth = 1.0, .max_bytes = 64 * test_.page(), .plain = plain};
      if (attempt([&] { memory_.create<std::uint32_t>(name, count, options); })) {
        fill(name);
      } else {
        EXPECT_FALSE(memory_.contains(name));
      }
    }
    void from_data(const std::string& name, std::size_t count) {
      const std::vector<std::uint32_t> data(count, 7);
      if (attempt([&] { memory_.create<std::uint32_t>(name, data); })) {
        fill(name);
      } else {
        EXPECT_FALSE(memory_.contains(name));
      }
    }
    void grow(const std::string& name, std::size_t count) {
      if (!there(name)) return;
      Words buffer = memory_.find<std::uint32_t>(name);
      const std::size_t had = std::min(buffer.size(), count);
      if (attempt([&] { buffer.resize(count); })) {
        if (!lost_) {
          EXPECT_TRUE(test_.holds(buffer, had, known_[name].seed)) << name;
        }
        fill(name);
      } else if (lost_ && !memory_.contains(name)) {
        known_.erase(name);  // it was on its way when the device was lost
      }
    }
    void shrink(const std::string& name, std::size_t count) {
      if (!there(name)) return;
      Words buffer = memory_.find<std::uint32_t>(name);
      buffer.resize(std::min(count, buffer.size()));
      known_[name].size = buffer.size();
      // What it could give back before it failed, it may have.
      attempt([&] { buffer.shrink(); });
      known_[name].capacity = buffer.capacity();
    }
    void release(const std::string& name) {
      if (!there(name)) return;
      EXPECT_TRUE(attempt([&] { memory_.free(name); }));  // giving back never fails
      known_.erase(name);
    }
    void check() {
      std::uint64_t requested = 0;
      std::uint64_t allocated = 0;
      for (const auto& [name, known] : known_) {
        const Words buffer = memory_.find<std::uint32_t>(name);
        EXPECT_EQ(buffer.capacity(), known.capacity) << name;
        EXPECT_EQ(buffer.size(), known.size) << name;
        if (!lost_) {
          EXPECT_TRUE(test_.holds(buffer, known.size, known.seed)) << name;
        }
        requested += known.capacity * sizeof(std::uint32_t);
        allocated += buffer.statistics().allocated;
      }
      const ManagerStatistics now = memory_.statistics();
      EXPECT_EQ(now.buffers, known_.size());
      EXPECT_EQ(now.pool.requested.live, requested);
      EXPECT_EQ(now.pool.allocated.live, allocated);
      EXPECT_EQ(memory_.check_leaks().blocks, known_.size());
      EXPECT_EQ(now.pool.errors, 0u);
      EXPECT_TRUE(coherent(now.pool));
      EXPECT_NO_THROW(memory_.pool().verify());
      const FaultyBackend::Balance held = test_.backend_->balance();
      EXPECT_EQ(now.pool.reserved.live, held.pages * test_.page() + held.segment_bytes);
    }

    ManagerFaults& test_;
    MemoryManager& memory_;
    const bool lost_;
    std::map<std::string, Known> known_;
    std::uint64_t seed_ = 0;
    std::uint64_t failed_ = 0;
  };

  /// Whether the fault happened; `failed` counts the operations that ended in an error.
  template <class Plant>
  bool run_with(Plant plant, bool zero, bool lost, std::uint64_t& failed) {
    MemoryManager& memory = make_manager({.pool = {.limit = room, .zero = zero, .reclaim_deadline = 1s}});
    plant();
    Run run(*this, memory, lost);
    run.script();
    const bool fired = backend_->fired();
    backend_->heal();
    failed = run.failed();
    end_manager(memory);
    return fired;
  }

  /// Each call that can fail, or each `step`-th.
  template <class Plant>
  void every(Plant plant, bool zero = false, bool lost = false) {
    // On the host every run writes and reads tens of megabytes.
    const std::uint64_t step = pointers() ? 3 : 1;
    for (std::uint64_t n = 1;; n += step) {
      SCOPED_TRACE(testing::Message() << "call " << n);
      std::uint64_t failed = 0;
      if (!run_with([&] { plant(n); }, zero, lost, failed)) break;
      EXPECT_LE(lost ? 0 : failed, 1u);
      ASSERT_LT(n, 2000u);
      ASSERT_FALSE(HasFailure());
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, ManagerFaults, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(ManagerFaults, ErrorHandlingWithoutFaults) {
  for (const bool zero : {false, true}) {
    std::uint64_t failed = 0;
    EXPECT_FALSE(run_with([] {}, zero, false, failed));
    EXPECT_EQ(failed, 0u);
  }
}

TEST_P(ManagerFaults, EachCallRunsOutOfMemoryOnce) {
  every([&](std::uint64_t n) { backend_->fail(n, FaultyBackend::Fault::out_of_memory); });
}

TEST_P(ManagerFaults, EachCallFailsInTheDriverOnce) {
  every([&](std::uint64_t n) { backend_->fail(n, FaultyBackend::Fault::driver_error); });
}

TEST_P(ManagerFaults, EachClearingFailsOnce) {
  every([&](std::uint64_t n) { backend_->fail(n, FaultyBackend::Fault::driver_error, device::CallKind::fill); }, true);
}

TEST_P(ManagerFaults, TheDeviceIsLostFromEachCallOn) {
  every([&](std::uint64_t n) { backend_->lose(n); }, false, true);
}

TEST_P(ManagerFaults, AManagerThatCannotBeMadeLeavesNothing) {
  for (std::uint64_t n = 1; n < 20; ++n) {
    backend_->fail(n, FaultyBackend::Fault::driver_error);
    try {
      end_manager(make_manager());
    } catch (const Error&) {
      EXPECT_TRUE(backend_->fired());
    }
    backend_->heal();
    EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
    EXPECT_EQ(process_statistics().managers, 0u);
  }
  EXPECT_THROW(make_manager({.transfers = {.staging_block_bytes = 1}}), InvalidArgument);
  EXPECT_THROW(make_manager({.pool = {.idle_age = -1s}}), InvalidArgument);
  EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
}

}  // namespace
}  // namespace weir::contract
