// A loss at every call: a scripted run of transfers, growth, spills, batches and downloads loses its device at the n-th
// call, recovers, goes on, and ends with the contents of an undisturbed run. And a loss while threads wait: each wakes.
#include <atomic>
#include <functional>
#include <thread>

#include "contract/recovering.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using device::FaultyBackend;

class RecoveryFaults : public Recovering {
 protected:
  /// A state of two buffers that each step changes, kept after every step; beside them one that is spilled at times,
  /// one that grows, and downloads.
  class Script {
   public:
    Script(RecoveryFaults& test, MemoryManager& memory) : test_(test), memory_(memory) {
      sums_ = memory.create<std::uint32_t>("sums", data_of(1));
      counts_ = memory.create<std::uint32_t>("counts", data_of(2), {.downloads = true});
      memory.on_restore(sums_, [](const AnyBuffer&, StreamId) {});
      save();
    }

    void go_on() {
      const Stream stream = Device(memory_.device()).stream();
      Words grows = memory_.find_or_create<std::uint32_t>("grows", 1000);
      while (steps_ < 4) {
        const std::uint32_t seed = 10 * (steps_ + 1);
        memory_.upload(sums_, data_of(seed), stream);
        Batch batch(memory_);
        const Data more = data_of(seed + 1);
        batch.update(counts_, more);
        for (const BatchResult& each : batch.submit(stream)) each.require();
        grows.ensure_capacity((steps_ + 2) * words, stream);
        memory_.start_download(counts_, stream);
        const auto frame = memory_.wait_for_download(counts_);
        EXPECT_TRUE(!test_.remembers() || std::equal(frame.begin(), frame.end(), more.begin()));
        const Buffer<std::uint32_t> scratch = memory_.scoped<std::uint32_t>("scratch", 4 * words);
        void* const block = memory_.pool().allocate(100'000, stream);
        memory_.pool().deallocate(block, stream);
        memory_.keep_host_copy({sums_, counts_}, stream);
        ++steps_;
      }
    }
    void check() {
      test_.expect_data(sums_, data_of(40));
      test_.expect_data(counts_, data_of(41));
      EXPECT_EQ(steps_, 4u);
    }

   private:
    void save() { memory_.keep_host_copy({sums_, counts_}); }

    RecoveryFaults& test_;
    MemoryManager& memory_;
    Words sums_, counts_;
    unsigned steps_ = 0;
  };

  void run_with_loss_at(std::uint64_t n, bool& fired) {
    start({GetParam().backend});
    MemoryManager& memory = make({.pool = {.limit = 24_MiB}, .transfers = {.spill_limit = 64_MiB, .in_place = false}});
    Script script(*this, memory);
    first_->lose(n);
    unsigned recoveries = 0;
    for (;;) {
      try {
        script.go_on();
        break;
      } catch (const DeviceLost&) {
        const RecoveryReport report = memory.recover(quick);
        EXPECT_EQ(report.attempts, 1u);
        EXPECT_EQ(report.restored_buffers, 2u);
        ASSERT_LT(++recoveries, 2u);
      }
      expect_exact();
    }
    fired = first_->fired();
    if (recoveries == 0) first_->heal();  // it goes on, if its loss passed unseen, or was to come later
    script.check();
    end();
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, RecoveryFaults, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(RecoveryFaults, ALossAtEveryCallOfARunChangesNoResult) {
  const std::uint64_t step = GetParam().backend == "dry" ? 3 : 7;
  std::uint64_t losses = 0;
  bool fired = true;
  for (std::uint64_t n = 1; fired; n += step) {
    SCOPED_TRACE(testing::Message() << "lost at call " << n);
    run_with_loss_at(n, fired);
    losses += fired ? 1 : 0;
    ASSERT_FALSE(HasFailure());
    ASSERT_LT(n, 5000u);
  }
  RecordProperty("losses", std::to_string(losses));
}

// --- Threads that wait when the device is lost ---

class RecoveryWaiters : public Recovering {
 protected:
  struct Way {
    std::string name;
    std::function<void(MemoryManager& memory, Stream& stream)> wait;
    bool may_return = false;  ///< what the loss set free may serve it, which asks the device for nothing
  };

  std::vector<Way> ways() {
    return {
        {"a synchronization",
         [](MemoryManager& memory, Stream& stream) { Device(memory.device()).synchronize(stream); }},
        {"an upload", [this](MemoryManager& memory, Stream& stream) { memory.upload(buffer_, data_of(3), stream); }},
        {"a download",
         [this](MemoryManager& memory, Stream& stream) { static_cast<void>(memory.download(buffer_, stream)); }},
        {"a ticket",
         [this](MemoryManager& memory, Stream& stream) { memory.start_upload(buffer_, data_of(3), stream).wait(); }},
        {"a download in a slot",
         [this](MemoryManager& memory, Stream& stream) {
           memory.start_download(buffer_, stream);
           static_cast<void>(memory.wait_for_download(buffer_));
         }},
        {"a batch",
         [this](MemoryManager& memory, Stream& stream) {
           Batch batch(memory);
           batch.read(buffer_, 0, words);
           for (const BatchResult& each : batch.submit(stream)) each.require();
         }},
        {"a copy to another manager's buffer",
         [this](MemoryManager& memory, Stream& stream) { memory.copy(other_, memory, buffer_, stream, stream); }},
        {"a host copy", [this](MemoryManager& memory, Stream& stream) { memory.keep_host_copy(buffer_, stream); }},
        {"an allocation that needs what others use",
         [](MemoryManager& memory, Stream& stream) {
           void* const block = memory.pool().allocate(8_MiB);
           memory.pool().used_on(block, stream);
           memory.pool().deallocate(block);
           static_cast<void>(memory.pool().allocate(24_MiB));
         },
         true},
        {"an allocation that spills",
         [](MemoryManager& memory, Stream& stream) {
           const Words idle = memory.create<std::uint32_t>("idle", 8_MiB / sizeof(std::uint32_t), {}, stream);
           const Words more = memory.create<std::uint32_t>("more", 24_MiB / sizeof(std::uint32_t), {}, stream);
         }},
        {"a set of streams", [this](MemoryManager&, Stream&) { streams_->synchronize_all(std::chrono::seconds(20)); }},
    };
  }

  Words buffer_, other_;
  std::optional<StreamSet> streams_;
};
INSTANTIATE_TEST_SUITE_P(Kinds, RecoveryWaiters, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(RecoveryWaiters, WakeWithDeviceLost) {
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    start({GetParam().backend});
    MemoryManager& memory = make(
        {.pool = {.limit = 32_MiB, .reclaim_deadline = 20s}, .transfers = {.spill_limit = 64_MiB, .in_place = false}});
    buffer_ = memory.create<std::uint32_t>("buffer", data_of(1), {.downloads = true, .persistent = true});
    other_ = memory.create<std::uint32_t>("other", data_of(2), {.persistent = true});
    memory.keep_host_copy(buffer_);
    std::optional<Stream> stream(Device(memory.device()).stream());
    streams_.emplace(memory.device(), std::vector<std::string>{"one"});
    first_->hold_events();
    std::atomic<bool> waits{false};
    std::atomic<bool> lost{false};
    const auto began = std::chrono::steady_clock::now();
    TestThread waiter([&] {
      waits = true;
      try {
        way.wait(memory, *stream);
        if (!way.may_return) ADD_FAILURE() << "it returned";
        lost = way.may_return;
      } catch (const DeviceLost&) {
        lost = true;
      }
    });
    while (!waits) std::this_thread::yield();
    std::this_thread::sleep_for(5ms);  // most often it waits by then; it is right either way
    first_->lose(1);
    EXPECT_THROW(static_cast<void>(Device(memory.device()).stream()), DeviceLost);
    waiter.join();
    EXPECT_TRUE(lost);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 15s) << "it waited for its deadline";
    first_->let_events_go();
    stream.reset();
    streams_.reset();
    static_cast<void>(memory.recover(quick));
    expect_data(buffer_, data_of(1));
    expect_exact();
    end();
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace weir::contract
