// Random programs on devices that are lost again and again, in a storm of other faults: calls that fail one by one,
// events that are late, threads that wake for nothing, losses in the middle of a recovery. After each recovery every
// buffer has what was kept of it, or what its restore function made, or is told to be lost; and the books are exact
// after every step. WEIR_MODEL_SEED repeats a program, but for when threads wake.
#include <cstdlib>
#include <random>
#include <set>
#include <string>

#include "contract/recovering.hpp"

namespace weir::contract {
namespace {

using device::FaultyBackend;

class RecoveryStorm : public Recovering {
 protected:
  /// A buffer, and what the oracle knows of it.
  struct Live {
    Words handle = {};
    std::optional<Data> now = {};   ///< unknown after a transfer that failed
    std::optional<Data> kept = {};  ///< by keep_host_copy
    std::uint32_t restores = 0;     ///< the seed of what its restore function makes; 0: it has none
  };
  enum class Result : std::uint8_t { done, failed, lost };

  std::uint64_t roll(std::uint64_t sides) { return dice_() % sides; }
  Live* any() { return live_.empty() ? nullptr : &live_[roll(live_.size())]; }
  Data any_data() { return data_of(static_cast<std::uint32_t>(dice_()), 1 + roll(roll(8) == 0 ? 200'000 : 3000)); }

  /// What a call came to; only injected faults and limits may fail it.
  template <class Call>
  Result attempt(Call call) {
    try {
      call();
      return Result::done;
    } catch (const DeviceLost&) {
      return Result::lost;
    } catch (const Error& error) {
      const ErrorCode code = error.code();
      EXPECT_TRUE(code == ErrorCode::driver_error || code == ErrorCode::out_of_memory ||
                  code == ErrorCode::limit_exceeded)
          << error.message();
      return Result::failed;
    }
  }

  // Steps: each gives what its call came to, after it told the oracle.
  Result create() {
    if (live_.size() == 10) return free();
    const std::string name = "b" + std::to_string(names_++);
    Live live{.now = any_data()};
    const Result result = attempt([&] { live.handle = memory_->create<std::uint32_t>(name, *live.now); });
    if (result == Result::done) {
      live_.push_back(std::move(live));
    } else {
      EXPECT_FALSE(memory_->contains(name));
    }
    return result;
  }
  Result free() {
    Live* const live = any();
    if (live == nullptr) return Result::done;
    const Result result = attempt([&] { memory_->free(live->handle); });
    EXPECT_EQ(result, Result::done);
    live_.erase(live_.begin() + (live - live_.data()));
    return result;
  }
  Result upload() {
    Live* const live = any();
    if (live == nullptr) return Result::done;
    const Data data = data_of(static_cast<std::uint32_t>(dice_()), live->handle.size());
    const Result result = attempt([&] { memory_->upload(live->handle, std::span(data)); });
    live->now = result == Result::done ? std::optional(data) : std::nullopt;
    return result;
  }
  Result download() {
    Live* const live = any();
    if (live == nullptr) return Result::done;
    return attempt([&] {
      const Data found = memory_->download(live->handle);
      EXPECT_TRUE(!live->now || !remembers() || found == *live->now) << live->handle.name();
    });
  }
  Result resize() {
    Live* const live = any();
    if (live == nullptr) return Result::done;
    const std::size_t before = live->handle.size(), count = 1 + roll(20'000);
    const Result result = attempt([&] { live->handle.resize(count); });
    if (result != Result::done) {
      EXPECT_EQ(live->handle.size(), before);
    } else if (count > before) {
      live->now.reset();  // the new elements are undefined
    } else if (live->now) {
      live->now->resize(count);
    }
    return result;
  }
  /// Of up to three buffers: one state.
  Result keep() {
    std::vector<Live*> group;
    std::vector<AnyBuffer> buffers;
    for (Live& each : live_) {
      if (!each.now || group.size() == 3 || roll(2) == 0) continue;
      group.push_back(&each);
      buffers.push_back(each.handle);
    }
    const Result result = attempt([&] { memory_->keep_host_copy(buffers); });
    if (result != Result::done) return result;
    for (Live* const each : group) each->kept = each->now;
    return result;
  }
  Result drop() {
    Live* const live = any();
    if (live == nullptr) return Result::done;
    memory_->drop_host_copy(live->handle);
    live->kept.reset();
    return Result::done;
  }
  Result give_restore() {
    Live* const live = any();
    if (live == nullptr) return Result::done;
    const auto seed = static_cast<std::uint32_t>(1 + roll(1000));
    memory_->on_restore(live->handle, [this, seed, handle = live->handle](const AnyBuffer&, StreamId stream) {
      memory_->upload(handle, data_of(seed, handle.size()), stream);
    });
    live->restores = seed;
    return Result::done;
  }
  Result raw_block() {
    return attempt([&] {
      void* const block = memory_->pool().allocate(1 + roll(1 << 18));
      if (roll(4) != 0) {
        memory_->pool().deallocate(block);
      } else {
        raw_.push_back(block);
      }
    });
  }
  Result change_weather() {
    using enum FaultyBackend::Fault;
    FaultyBackend& device = newest();
    switch (roll(5)) {
      case 0: device.fail(1 + roll(12), roll(2) == 0 ? out_of_memory : driver_error, {}, 1 + roll(3)); break;
      case 1: device.delay_events(std::chrono::microseconds(roll(300))); break;
      case 2: device.let_events_go(); break;
      default: device.lose(1 + roll(40)); break;
    }
    return Result::done;
  }

  Result step() {
    using Step = Result (RecoveryStorm::*)();
    static constexpr std::array<Step, 18> steps{
        &RecoveryStorm::create,    &RecoveryStorm::create,        &RecoveryStorm::create, &RecoveryStorm::free,
        &RecoveryStorm::upload,    &RecoveryStorm::upload,        &RecoveryStorm::upload, &RecoveryStorm::download,
        &RecoveryStorm::download,  &RecoveryStorm::resize,        &RecoveryStorm::resize, &RecoveryStorm::keep,
        &RecoveryStorm::keep,      &RecoveryStorm::keep,          &RecoveryStorm::drop,   &RecoveryStorm::give_restore,
        &RecoveryStorm::raw_block, &RecoveryStorm::change_weather};
    return (this->*steps[roll(steps.size())])();
  }

  /// Until a device stays: those that are opened meanwhile may be lost too, or be short of memory.
  RecoveryReport recover() {
    auto unlucky = static_cast<unsigned>(roll(3));
    short_of_memory_ = false;
    devices_->on_open = [this, &unlucky](FaultyBackend& device, std::size_t) {
      if (unlucky == 0) return;
      --unlucky;
      if (roll(4) == 0) {
        device.fail(1 + roll(30), FaultyBackend::Fault::out_of_memory);
        short_of_memory_ = true;
      } else {
        device.lose(1 + roll(60));
      }
    };
    for (unsigned tries = 0;; ++tries) {
      try {
        RecoveryReport report = memory_->recover({.attempts = 1, .back_off = 1us});
        newest().heal();  // what did not strike yet is left out
        devices_->on_open = {};
        return report;
      } catch (const DeviceLost&) {
        if (tries == 5) throw;
      }
    }
  }
  void check_what_came_back(const RecoveryReport& report) {
    std::set<std::string, std::less<>> told;
    for (const LostBuffer& each : report.lost) told.insert(each.name);
    EXPECT_EQ(told.size(), report.lost.size());
    std::size_t lost = 0;
    std::vector<Live> left;
    std::uint64_t bytes = 0, restored = 0;
    for (Live& each : live_) {
      if (each.kept) {
        each.now = each.kept;
      } else if (each.restores != 0) {
        each.now = data_of(each.restores, each.handle.size());
      } else {
        EXPECT_TRUE(told.contains(each.handle.name())) << each.handle.name();
      }
      if (told.contains(each.handle.name())) {
        ++lost;
        EXPECT_EQ(each.handle.residency(), Residency::lost) << each.handle.name();
        EXPECT_TRUE(short_of_memory_ || (!each.kept && each.restores == 0)) << each.handle.name();
        EXPECT_THROW(static_cast<void>(memory_->download(each.handle)), DeviceLost);
        if (roll(2) == 0) {
          memory_->free(each.handle);
          continue;
        }
        each.now = data_of(static_cast<std::uint32_t>(dice_()), each.handle.size());
        memory_->upload(each.handle, std::span(*each.now));  // which takes it back
        expect_data(each.handle, *each.now);
        left.push_back(std::move(each));
        continue;
      }
      ++restored;
      bytes += each.now->size() * sizeof(std::uint32_t);
      EXPECT_EQ(each.handle.residency(), Residency::device);
      expect_data(each.handle, *each.now);
      left.push_back(std::move(each));
    }
    live_ = std::move(left);
    EXPECT_EQ(lost, told.size());
    EXPECT_EQ(report.restored_buffers, restored);
    EXPECT_EQ(report.restored_bytes, bytes);
  }

  std::mt19937_64 dice_;
  std::vector<Live> live_;
  std::vector<void*> raw_;  // live blocks that are no buffer's: gone after a recovery
  unsigned names_ = 0;
  bool short_of_memory_ = false;  // while it recovered
};
INSTANTIATE_TEST_SUITE_P(Kinds, RecoveryStorm, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(RecoveryStorm, EachBufferIsAsItWasKeptOrToldToBeLost) {
  const char* const asked = std::getenv("WEIR_MODEL_SEED");
  const std::uint64_t seed = asked == nullptr ? std::random_device{}() : std::strtoull(asked, nullptr, 10);
  SCOPED_TRACE("WEIR_MODEL_SEED=" + std::to_string(seed));
  dice_.seed(seed);
  make({.pool = {.limit = 24_MiB, .reclaim_deadline = 200ms}, .transfers = {.in_place = false}});
  unsigned recoveries = 0;
  for (unsigned i = 0; i < 400 || recoveries < 3; ++i) {
    const Result result = step();
    if (result == Result::lost) {
      const RecoveryReport report = recover();
      EXPECT_GE(report.attempts, 1u);
      check_what_came_back(report);
      raw_.clear();
      ++recoveries;
    }
    if (!newest().lost()) expect_exact();
    ASSERT_FALSE(HasFailure()) << "at step " << i;
  }
  newest().heal();
  newest().delay_events({});
  for (void* const each : raw_) memory_->pool().deallocate(each);
}

}  // namespace
}  // namespace weir::contract
