// After fork() a child that goes on with its parent's manager, and with what came of
// it, gets an error for each call, never a hang, also where another thread was busy
// there at that moment; what it has of its parent's ends quietly; and it may have a
// manager of its own, also as the default, and counts only that.
#include <array>
#include <atomic>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "support/in_child.hpp"

namespace weir {
namespace {

using namespace literals;

constexpr std::size_t elements = 100'000;  // past the staging threshold
constexpr int forks = 30;

/// What a program may hold when it forks, in the order in which scopes end it.
struct World {
  Device device = open_device({.backend = "host"});
  std::unique_ptr<MemoryManager> memory = std::make_unique<MemoryManager>(device, ManagerOptions{.name = "parent's"});
  Stream stream = device.stream();
  StreamSet streams{device, 2};
  std::vector<int> data = std::vector<int>(elements, 7);
  BufferHandle<int> handle = memory->create<int>("kept", data, {.downloads = true});
  Buffer<int> scoped = memory->scoped<int>("scoped", elements, {}, stream);
  BufferView<int> view = handle.view(10, 20);
  PoolingScope scope = memory->scope("scope", 1000, {scope_column<float>("height")});
  TensorPool tensors{*memory};
  Tensor tensor = tensors.acquire<float>({10, 10});
  NetworkBuffers network = create_network_buffers(*memory, {.input = 2, .hidden = 4, .output = 3});
  Pinned<int> pinned = memory->pinned<int>(elements);
  ExternalBytes external = memory->book_external(1_MiB);
  Batch batch{*memory};
  std::vector<BatchResult> results;
  Transfer upload;

  World() {
    std::iota(pinned.begin(), pinned.end(), 0);
    upload = memory->start_upload<int>(handle, {pinned.data(), pinned.size()}, stream);
    memory->start_download(handle, stream);
    batch.read(handle, 0, 10);
    Batch reads(*memory);
    results = reads.read(handle, 0, 10).submit(stream);
  }
};

/// Another thread that is in the middle of something when the program forks.
class Busy {
 public:
  explicit Busy(World& world) : thread_([this, &world] { run(world); }) {}
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    stop_ = true;
    thread_.join();
  }

 private:
  void run(World& world) {
    MemoryManager& memory = *world.memory;
    std::vector<int> data(elements, 3);
    while (!stop_) {
      const Stream own = world.device.stream();
      const Buffer<int> made = memory.scoped<int>("busy", elements, {.downloads = true}, own);
      memory.upload<int>(made, data, own);
      const Pinned<int> pinned = memory.pinned<int>(elements);
      static_cast<void>(memory.start_upload<int>(made, {pinned.data(), pinned.size()}, own));
      memory.start_download(made, own);
      static_cast<void>(memory.wait_for_download(made));
      memory.download<int>(made, data, own);
      memory.free(memory.create<int>("short", 100));
      tidy(world.tensors, [&] { return world.tensors.acquire<float>({100}).bytes(); });
      static_cast<void>(memory.report());
      static_cast<void>(process_statistics());
      const MemoryManager more(world.device, {.name = "more"});
      memory.maintain();
    }
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class ManagerFork : public ForkOfThreads {
 protected:
  World& world() { return *world_; }
  std::unique_ptr<World> world_ = std::make_unique<World>();
};

TEST_F(ManagerFork, AChildGetsAnErrorFromEveryCall) {
  const Busy busy(world());
  for (int i = 0; i < forks; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      MemoryManager& memory = *world().memory;
      const auto& handle = world().handle;
      std::vector<int>& data = world().data;
      const std::span<int> pinned{world().pinned.data(), world().pinned.size()};
      return is_unsupported([&] { return memory.create<int>("new", 10); }) &&
             is_unsupported([&] { return memory.create<int>("new", data); }) &&
             is_unsupported([&] { return memory.scoped<int>("new", 10); }) &&
             is_unsupported([&] { return memory.scope("new", 10, {scope_column<float>("height")}); }) &&
             is_unsupported([&] { return memory.find<int>("kept"); }) &&
             is_unsupported([&] { return memory.find("none"); }) &&
             is_unsupported([&] { return memory.contains("kept"); }) && is_unsupported([&] { memory.free("kept"); }) &&
             is_unsupported([&] { memory.free(handle); }) && is_unsupported([&] { memory.free_all(); }) &&
             is_unsupported([&] { memory.upload<int>(handle, data); }) &&
             is_unsupported([&] { return memory.start_upload<int>(handle, pinned); }) &&
             is_unsupported([&] { memory.download<int>(handle, data); }) &&
             is_unsupported([&] { return memory.download(handle); }) &&
             is_unsupported([&] { memory.start_download(handle); }) &&
             is_unsupported([&] { return memory.wait_for_download(handle); }) &&
             is_unsupported([&] { memory.copy(world().scoped, memory, handle); }) &&
             is_unsupported([&] { return memory.pinned<int>(10); }) &&
             is_unsupported([&] { return memory.book_external(1); }) &&
             is_unsupported([&] { return memory.statistics(); }) &&
             is_unsupported([&] { return memory.check_leaks(); }) && is_unsupported([&] { return memory.report(); }) &&
             is_unsupported([&] { memory.maintain(); }) && is_unsupported([&] { return memory.trim(); }) &&
             is_unsupported([&] { return memory.pool().allocate(10); }) &&
             is_unsupported([&] { return world().batch.submit(); }) && memory.name() == "parent's" &&
             memory.limit() != 0;
    })) << "fork "
        << i;
  }
}

TEST_F(ManagerFork, AChildGetsAnErrorFromWhatAManagerMade) {
  const Busy busy(world());
  for (int i = 0; i < forks; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      Buffer<int>& scoped = world().scoped;
      return !scoped.valid() && !scoped.validate(0, 1) && scoped.name() == "scoped" &&
             is_unsupported([&] { return scoped.type(); }) && is_unsupported([&] { return scoped.size(); }) &&
             is_unsupported([&] { return scoped.capacity(); }) &&
             is_unsupported([&] { return scoped.max_elements(); }) &&
             is_unsupported([&] { return scoped.statistics(); }) &&
             is_unsupported([&] { return scoped.ensure_capacity(2 * elements); }) &&
             is_unsupported([&] { scoped.resize(10); }) && is_unsupported([&] { scoped.shrink(); }) &&
             is_unsupported([&] { return scoped.access(); }) && is_unsupported([&] { return scoped.view(0, 1); }) &&
             is_unsupported([&] { return world().view.access(); }) &&
             is_unsupported([&] { return world().results[0].buffer<int>(); }) &&
             is_unsupported([&] { return world().upload.done(); }) && is_unsupported([&] { world().upload.wait(); }) &&
             is_unsupported([&] { world().streams.synchronize_all(); }) && world().pinned[5] == 5 &&
             !world().tensor.valid() && is_unsupported([&] { return world().tensor.access<float>(); }) &&
             is_unsupported([&] { return world().tensors.acquire<float>({10}); }) &&
             is_unsupported([&] { world().tensors.release(world().tensor); }) && is_unsupported([&] {
               world().tensors.preallocate({{{10}, DType::int8, 1}});
             }) &&
             is_unsupported([&] { return world().tensors.statistics(); }) &&
             is_unsupported([&] { return world().tensors.trim(); }) &&
             is_unsupported([&] { world().network.set_batch(2); });
    })) << "fork "
        << i;
  }
}

TEST_F(ManagerFork, TheErrorSaysWhatWasMadeBefore) {
  EXPECT_TRUE(holds_in_child([&] {
    const auto names = [](const std::string& what, const auto& call) {
      try {
        call();
      } catch (const Unsupported& error) {
        return error.message().starts_with(what + " was made before fork() and ");
      }
      return false;
    };
    return names("manager \"parent's\"", [&] { static_cast<void>(world().memory->statistics()); }) &&
           names("buffer \"kept\"", [&] { static_cast<void>(world().handle.size()); }) &&
           names("this device", [&] { static_cast<void>(world().device.info()); });
  }));
}

TEST_F(ManagerFork, AChildEndsWhatItsParentMade) {
  {
    const Busy busy(world());
    for (int i = 0; i < forks; ++i) {
      EXPECT_TRUE(holds_in_child([&] {
        world_.reset();
        return true;
      })) << "fork "
          << i;
      EXPECT_TRUE(holds_in_child([&] {
        // The manager first, then what outlives it.
        world().memory.reset();
        world().scoped.reset();
        world_.reset();
        return true;
      })) << "fork "
          << i;
    }
  }
  // The parent goes on.
  world().upload.wait();
  EXPECT_EQ(world().memory->wait_for_download(world().handle)[9], 9);
  world().memory->pool().verify();
}

bool uses(MemoryManager& memory) {
  std::vector<int> data(elements);
  std::iota(data.begin(), data.end(), 1);
  const Buffer<int> made = memory.scoped<int>("kept", elements, {.downloads = true});
  memory.upload<int>(made, data);
  memory.start_download(made);
  const std::span<const int> frame = memory.wait_for_download(made);
  return frame.front() == 1 && frame.back() == static_cast<int>(elements) && memory.download(made) == data;
}

TEST_F(ManagerFork, AChildHasManagersOfItsOwn) {
  const Busy busy(world());
  for (int i = 0; i < forks; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      if (process_statistics().managers != 0) return false;
      MemoryManager own(open_device({.backend = "host"}), {.name = "child's"});
      const Buffer<int> one = own.scoped<int>("one", 1000);
      const ProcessStatistics known = process_statistics();
      if (known.managers != 1 || known.buffers != 1 || known.requested.live != 1000 * sizeof(int)) return false;
      const bool used = uses(own) && is_unsupported([&] { own.copy(one, *world().memory, world().handle); });
      world_.reset();
      return used && process_statistics().managers == 1;
    })) << "fork "
        << i;
  }
}

TEST_F(ManagerFork, AChildHasADefaultOfItsOwn) {
  MemoryManager& parents = MemoryManager::process_default();
  const Busy busy(world());
  for (int i = 0; i < forks; ++i) {
    EXPECT_TRUE(holds_in_child([&] {
      MemoryManager& own = MemoryManager::process_default();
      return &own != &parents && &own == &MemoryManager::process_default() && uses(own) &&
             process_statistics().managers == 1 && is_unsupported([&] { return parents.statistics(); });
    })) << "fork "
        << i;
  }
  EXPECT_EQ(&MemoryManager::process_default(), &parents);
}

TEST_F(ManagerFork, AChildsChildIsAChildToo) {
  EXPECT_TRUE(holds_in_child([&] {
    MemoryManager own(open_device({.backend = "host"}));
    return static_cast<bool>(holds_in_child([&] {
             return is_unsupported([&] { return own.statistics(); }) &&
                    is_unsupported([&] { return world().memory->statistics(); }) && process_statistics().managers == 0;
           })) &&
           uses(own);
  }));
}

}  // namespace
}  // namespace weir
