// The manager from many threads at a time, and the one of the whole process.
#include <atomic>
#include <barrier>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "contract/manager_kinds.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class ManagerThreads : public ManagerContract {
 protected:
  static constexpr std::uint64_t threads = 4;

  template <class Work>
  void on_threads(Work work) {
    std::barrier start(threads);
    std::vector<TestThread> all;
    for (std::uint64_t i = 0; i < threads; ++i) {
      all.emplace_back([&, i] {
        start.arrive_and_wait();
        work(i);
      });
    }
    for (TestThread& each : all) each.join();
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, ManagerThreads, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(ManagerThreads, CreatesGrowsFindsAndFreesAddUp) {
  MemoryManager& memory = make_manager();
  constexpr std::uint64_t rounds = 150;
  std::atomic<std::uint64_t> wrong{0};
  on_threads([&](std::uint64_t thread) {
    for (std::uint64_t round = 0; round < rounds; ++round) {
      const std::string name = std::to_string(thread) + "/" + std::to_string(round);
      BufferHandle<std::uint32_t> made = memory.create<std::uint32_t>(name, 500 + round);
      if (pointers()) {
        device_->synchronize(StreamId::legacy_default);  // work of the memory's former life
        fill_pattern(made.access().data(), made.size() * 4, thread * 1000 + round);
      }
      made.resize(2000 + round);
      const auto found = memory.find<std::uint32_t>(name);
      wrong += found.size() == 2000 + round ? 0 : 1;
      if (pointers()) {
        device_->synchronize(StreamId::legacy_default);
        wrong += has_pattern(found.access().data(), (500 + round) * 4, thread * 1000 + round) ? 0 : 1;
      }
      static_cast<void>(memory.contains("nothing"));
      if (round % 16 == 0) static_cast<void>(memory.report());
      if (round % 3 != 0) memory.free(found);  // every third stays
    }
  });
  EXPECT_EQ(wrong, 0u);
  const ManagerStatistics now = memory.statistics();
  EXPECT_EQ(now.buffers, threads * rounds / 3);
  EXPECT_EQ(now.buffers_created, threads * rounds);
  EXPECT_EQ(now.resizes, threads * rounds);
  std::uint64_t bytes = 0;
  for (std::uint64_t round = 0; round < rounds; round += 3) bytes += (2000 + round) * 4 * threads;
  EXPECT_EQ(now.pool.requested.live, bytes);
  EXPECT_TRUE(coherent(now.pool));
  EXPECT_EQ(now.pool.errors, 0u);
}

// One name, wanted by all: at any time one has it.
TEST_P(ManagerThreads, OneNameHasOneOwner) {
  MemoryManager& memory = make_manager();
  std::atomic<std::uint64_t> made{0};
  std::atomic<int> owners{0};
  std::atomic<int> wrong{0};
  on_threads([&](std::uint64_t) {
    for (int round = 0; round < 300; ++round) {
      try {
        const Buffer<float> mine = memory.scoped<float>("contended", 1000);
        if (owners.fetch_add(1) != 0) ++wrong;
        ++made;
        static_cast<void>(memory.contains("contended"));
        owners.fetch_sub(1);
      } catch (const InvalidArgument&) {
        std::this_thread::yield();
      }
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(made, 0u);
  EXPECT_EQ(memory.statistics().buffers_created, made);
  EXPECT_EQ(memory.statistics().pool.frees, made);
}

TEST_P(ManagerThreads, ReuseFromAllThreadsGivesOneBuffer) {
  MemoryManager& memory = make_manager();
  std::atomic<int> wrong{0};
  for (int round = 0; round < 50; ++round) {
    std::vector<BufferHandle<float>> got(threads);
    on_threads([&](std::uint64_t thread) {
      try {
        got[thread] = memory.find_or_create<float>("one", 1000);
      } catch (const Error&) {
        ++wrong;
      }
    });
    for (const auto& each : got) wrong += each == got[0] ? 0 : 1;
    memory.free("one");
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(memory.statistics().buffers_created, 50u);
}

TEST_P(ManagerThreads, ABufferIsFreedByWhicheverThread) {
  MemoryManager& memory = make_manager();
  for (int round = 0; round < 20; ++round) {
    const auto large = memory.create<std::byte>("large", 2 * page() + 1, {.max_bytes = 16 * page()});
    const auto small = memory.create<std::byte>("small", 1000);
    TestThread([&] {
      memory.find("large").ensure_capacity(5 * page());
      memory.free(large);
      memory.free(small);
    }).join();
  }
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
}

// --- The manager of the process, each case in a process of its own ---

class ProcessDefault : public testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

void leave(bool well) { std::exit(well ? 0 : 1); }  // NOLINT(concurrency-mt-unsafe): statics are to be destroyed

TEST_F(ProcessDefault, IsMadeAtItsFirstUseAndLeavesQuietly) {
  EXPECT_EXIT(
      {
        MemoryManager& memory = MemoryManager::process_default();
        memory.create<float>("left behind", 1000);
        bool refused = false;
        try {
          MemoryManager::set_default(&memory);
        } catch (const InvalidArgument&) {
          refused = true;
        }
        leave(refused && memory.name() == "default" && &MemoryManager::process_default() == &memory &&
              process_statistics().managers == 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST_F(ProcessDefault, CanBeNamedBeforehand) {
  EXPECT_EXIT(
      {
        bool well = true;
        {
          MemoryManager mine(open_device(), {.name = "mine"});
          MemoryManager other(open_device(), {.name = "other"});
          MemoryManager::set_default(&other);
          MemoryManager::set_default(&mine);  // not used so far
          well = &MemoryManager::process_default() == &mine;
          try {
            MemoryManager::set_default(&other);
            well = false;
          } catch (const InvalidArgument&) {
          }
          MemoryManager::set_default(nullptr);
          MemoryManager::set_default(&other);
          well = well && &MemoryManager::process_default() == &other;
        }
        // The one that was named is gone: there is one of the library's own again.
        leave(well && MemoryManager::process_default().name() == "default");
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir::contract
