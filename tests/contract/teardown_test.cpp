// A pool or a manager that ends waits for every stream that may still use its memory, by
// whatever book it knows of it: used_on, access, transfers, batches, slots, pinned memory.
// Each way is tried with the events of the streams that use it held: the memory must
// be there until they go, and back with the driver afterwards.
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "contract/manager_kinds.hpp"
#include "late_events.hpp"
#include "support/thread.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;
using device::FaultyBackend;

using Words = BufferHandle<std::uint32_t>;

class Teardown : public ManagerContract {
 protected:
  /// Which memory a way uses.
  enum class Memory : std::uint8_t { device, pinned };

  /// What stays alive beside the owner.
  struct Beside {
    std::vector<Stream> streams;
    std::vector<Buffer<std::uint32_t>> buffers;
    std::vector<Transfer> transfers;
    std::vector<BatchResult> results;
    std::vector<std::uint32_t> host = std::vector<std::uint32_t>(1 << 20);
    std::unique_ptr<PoolingScope> scope;
  };

  [[nodiscard]] std::uint64_t taken(Memory memory) const {
    const FaultyBackend::Balance now = backend_->balance();
    return memory == Memory::pinned ? now.pinned_bytes : now.mapped_pages * page() + now.segment_bytes;
  }
  /// Ends the owner while events are held, which go after a moment; the memory has to be there until then.
  template <class End, class Drop>
  void outlasts(Memory memory, const std::string& way, End end, Drop drop_tickets) {
    std::uint64_t seen = 0;
    TestThread others([&] {
      std::this_thread::sleep_for(15ms);
      seen = taken(memory);
      backend_->let_events_go();
    });
    end();
    others.join();
    drop_tickets();  // which have events, and pinned memory that a caller may still read
    EXPECT_NE(seen, 0u) << way << ": its memory went before the work that uses it was done";
    EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{}) << way;
    EXPECT_EQ(backend_->breach(), "") << way;
  }
  /// One whose transfers are copies, also where the host could write device memory itself.
  [[nodiscard]] std::unique_ptr<MemoryManager> manager(std::string name = "manager") const {
    return std::make_unique<MemoryManager>(
        *device_,
        ManagerOptions{.name = std::move(name), .pool = {.mode = GetParam().mode}, .transfers = {.in_place = false}});
  }
  /// Holds the events of the streams and of those that copies are queued on, but for the one that owners work on.
  void hold(const std::vector<Stream>& streams) {
    std::set<StreamId> ids;
    for (const Stream& stream : streams) ids.insert(stream.id());
    backend_->hold_events([ids](StreamId stream, bool copied) {
      return stream != StreamId::legacy_default && (copied || ids.contains(stream));
    });
  }

  using ManagerWay = std::function<void(MemoryManager&, Beside&, StreamId)>;
  /// The way on one stream, on two, and on one that has ended.
  void by_manager(Memory memory, const std::string& name, const ManagerWay& way) {
    for (const std::size_t streams : {1u, 2u}) {
      Beside beside;
      auto owner = manager();
      for (std::size_t i = 0; i < streams; ++i) beside.streams.push_back(device_->stream());
      hold(beside.streams);
      for (const Stream& stream : beside.streams) way(*owner, beside, stream);
      outlasts(
          memory, name + " on " + std::to_string(streams), [&] { owner.reset(); }, [&] { beside = {}; });
    }
    {  // a stream's end waits for its work
      Beside beside;
      auto owner = manager();
      beside.streams.push_back(device_->stream());
      way(*owner, beside, beside.streams.front());
      beside.streams.clear();
      owner.reset();
    }
    EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{}) << name << " on a stream that ended";
  }
  using PoolWay = std::function<void(Pool&, StreamId)>;
  void by_pool(const std::string& name, const PoolWay& way) {
    for (const std::size_t streams : {1u, 2u}) {
      std::vector<Stream> side;
      auto owner = std::make_unique<Pool>(*device_, PoolOptions{.mode = GetParam().mode});
      for (std::size_t i = 0; i < streams; ++i) side.push_back(device_->stream());
      hold(side);
      for (const Stream& stream : side) way(*owner, stream);
      outlasts(
          Memory::device, name + " on " + std::to_string(streams), [&] { owner.reset(); }, [] {});
    }
    {
      auto owner = std::make_unique<Pool>(*device_, PoolOptions{.mode = GetParam().mode});
      {
        const Stream side = device_->stream();
        way(*owner, side);
      }
      owner.reset();
    }
    EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{}) << name << " on a stream that ended";
  }
  [[nodiscard]] std::string fresh() { return "buffer " + std::to_string(++made_); }
  [[nodiscard]] std::size_t many() const { return 2 * page() / sizeof(std::uint32_t); }

 private:
  std::uint64_t made_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Kinds, Teardown, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(Teardown, OfAPoolWhoseBlocksOthersUse) {
  const std::uint64_t bytes = 3 * page();
  by_pool("used on a stream, never freed",
          [&](Pool& pool, StreamId side) { pool.used_on(pool.allocate(bytes), side); });
  by_pool("allocated on a stream, never freed",
          [&](Pool& pool, StreamId side) { static_cast<void>(pool.allocate(bytes, side)); });
  by_pool("plain, used on a stream, never freed",
          [&](Pool& pool, StreamId side) { pool.used_on(pool.acquire_plain(bytes), side); });
  by_pool("growable, used on a stream, never freed",
          [&](Pool& pool, StreamId side) { pool.used_on(pool.acquire_growable(bytes, 64 * page()), side); });
  by_pool("enlarged, used on a stream, never freed", [&](Pool& pool, StreamId side) {
    const BlockHandle block = pool.acquire(bytes);
    pool.used_on(block, side);
    static_cast<void>(pool.enlarge(block, 5 * page(), 64 * page(), bytes));
  });
  by_pool("enlarged on a stream, never freed", [&](Pool& pool, StreamId side) {
    const BlockHandle block = pool.acquire(bytes);
    pool.used_on(block, side);
    static_cast<void>(pool.enlarge(block, 5 * page(), 64 * page(), bytes, side));
  });
  if (GetParam().mode == PoolMode::off) return;  // its frees wait themselves
  by_pool("used on a stream, freed", [&](Pool& pool, StreamId side) {
    void* const block = pool.allocate(bytes);
    pool.used_on(block, side);
    pool.deallocate(block);
  });
  by_pool("small, used on a stream, freed", [&](Pool& pool, StreamId side) {
    void* const block = pool.allocate(512);
    pool.used_on(block, side);
    pool.deallocate(block);
  });
  by_pool("freed on a stream", [&](Pool& pool, StreamId side) { pool.deallocate(pool.allocate(bytes), side); });
  by_pool("freed by another thread on a stream", [&](Pool& pool, StreamId side) {
    void* const block = pool.allocate(bytes);
    TestThread([&] { pool.deallocate(block, side); }).join();
  });
  by_pool("retired after its use", [&](Pool& pool, StreamId side) {
    void* const block = pool.allocate(bytes, side);
    pool.deallocate(block, side);
    pool.retire(side);
  });
}

TEST_P(Teardown, OfAManagerWhoseBuffersOthersUse) {
  for (const bool plain : {false, true}) {
    const BufferOptions options{.max_bytes = 64 * page(), .plain = plain};
    const std::string kind = plain ? "plain " : "";
    by_manager(Memory::device, kind + "named buffer", [&](MemoryManager& memory, Beside&, StreamId side) {
      static_cast<void>(memory.create<std::uint32_t>(fresh(), many(), options).access(side));
    });
    by_manager(Memory::device, kind + "buffer alone", [&](MemoryManager& memory, Beside& beside, StreamId side) {
      beside.buffers.push_back(memory.scoped<std::uint32_t>(fresh(), many(), options));
      static_cast<void>(beside.buffers.back().access(side));
    });
    by_manager(Memory::device, kind + "buffer of a stream", [&](MemoryManager& memory, Beside&, StreamId side) {
      static_cast<void>(memory.create<std::uint32_t>(fresh(), many(), options, side));
    });
    by_manager(Memory::device, kind + "grown buffer", [&](MemoryManager& memory, Beside&, StreamId side) {
      Words buffer = memory.create<std::uint32_t>(fresh(), many(), options);
      static_cast<void>(buffer.access(side));
      buffer.ensure_capacity(2 * many());
    });
    by_manager(Memory::device, kind + "buffer that grew on it", [&](MemoryManager& memory, Beside&, StreamId side) {
      Words buffer = memory.create<std::uint32_t>(fresh(), many(), options);
      buffer.ensure_capacity(2 * many(), side);
    });
    by_manager(Memory::device, kind + "view", [&](MemoryManager& memory, Beside&, StreamId side) {
      static_cast<void>(memory.create<std::uint32_t>(fresh(), many(), options).view(5, 7).access(side));
    });
    if (plain || GetParam().mode == PoolMode::off) continue;  // its free waits itself
    by_manager(Memory::device, "freed buffer", [&](MemoryManager& memory, Beside&, StreamId side) {
      const Words buffer = memory.create<std::uint32_t>(fresh(), many(), options);
      static_cast<void>(buffer.access(side));
      memory.free(buffer);
    });
  }
  by_manager(Memory::device, "scope", [&](MemoryManager& memory, Beside& beside, StreamId side) {
    beside.scope = std::make_unique<PoolingScope>(
        memory.scope(fresh(), 1000, {{.name = "feature", .type = element_type<std::uint32_t>()}}));
    static_cast<void>(beside.scope->access<std::uint32_t>("feature", side));
  });
  by_manager(Memory::pinned, "buffer of the host", [&](MemoryManager& memory, Beside&, StreamId side) {
    static_cast<void>(memory.create<std::uint32_t>(fresh(), 1000, {.usage = Usage::staging_upload}).access(side));
  });
}

TEST_P(Teardown, OfAManagerWhoseTransfersGoOn) {
  for (const std::size_t count : {std::size_t{100}, std::size_t{1} << 18}) {
    const std::string size = count == 100 ? "small " : "large ";
    const auto upload = [&](MemoryManager& memory, Beside& beside, StreamId side) {
      const Words buffer = memory.create<std::uint32_t>(fresh(), count);
      beside.transfers.push_back(memory.start_upload(buffer, std::span(beside.host).first(count), side));
    };
    const auto from_pinned = [&](MemoryManager& memory, Beside& beside, StreamId side) {
      const Words buffer = memory.create<std::uint32_t>(fresh(), count);
      auto pinned = memory.pinned<std::uint32_t>(count);
      beside.transfers.push_back(memory.start_upload(buffer, {pinned.data(), count}, side));
    };
    by_manager(Memory::device, size + "upload", upload);
    by_manager(Memory::device, size + "upload from pinned memory", from_pinned);
    if (count != 100) by_manager(Memory::pinned, size + "upload", upload);
    by_manager(Memory::pinned, size + "upload from pinned memory", from_pinned);
    for (const bool snapshot : {true, false}) {
      for (const Memory memory : {Memory::device, Memory::pinned}) {
        by_manager(memory, size + (snapshot ? "download of a snapshot" : "download") + ", never waited for",
                   [&](MemoryManager& manager, Beside&, StreamId side) {
                     const Words buffer = manager.create<std::uint32_t>(fresh(), count, {.downloads = true});
                     manager.start_download(buffer, side, {.snapshot = snapshot});
                   });
      }
    }
    by_manager(Memory::pinned, size + "download of a buffer that ended",
               [&](MemoryManager& memory, Beside&, StreamId side) {
                 const Words buffer = memory.create<std::uint32_t>(fresh(), count, {.downloads = true});
                 memory.start_download(buffer, side);
                 memory.free(buffer);
               });
    const auto batch = [&](MemoryManager& memory, Beside& beside, StreamId side) {
      const Words buffer = memory.create<std::uint32_t>(fresh(), count);
      auto results = Batch(memory)
                         .create<std::uint32_t>(fresh(), std::span(beside.host).first(count))
                         .update(buffer, std::span(beside.host).first(count))
                         .read(buffer, 0, count)
                         .submit(side, {.deadline = 5ms});
      for (BatchResult& each : results) beside.results.push_back(std::move(each));
    };
    by_manager(Memory::device, size + "batch that was given up", batch);
    by_manager(Memory::pinned, size + "batch that was given up", batch);
    by_manager(Memory::device, size + "copy between buffers", [&](MemoryManager& memory, Beside&, StreamId side) {
      const Words from = memory.create<std::uint32_t>(fresh(), count);
      const Words to = memory.create<std::uint32_t>(fresh(), count);
      try {
        memory.copy(to, memory, from, side, side, {.deadline = 20ms});
      } catch (const Timeout&) {  // NOLINT(bugprone-empty-catch): it goes on, as events are held
      }
    });
  }
}

// Two owners share the work: neither goes before it.
TEST_P(Teardown, OfBothManagersOfACopy) {
  const Stream side = device_->stream();
  auto source = manager("from");
  auto target = manager("to");
  const Words from = source->create<std::uint32_t>("from", many());
  const Words to = target->create<std::uint32_t>("to", many());
  hold({side});
  EXPECT_THROW(target->copy(to, *source, from, side, side, {.deadline = 20ms}), Timeout);
  std::uint64_t seen = 0;
  TestThread others([&] {
    std::this_thread::sleep_for(15ms);
    seen = taken(Memory::device);
    backend_->let_events_go();
  });
  source.reset();
  others.join();
  EXPECT_GE(seen, 2 * many() * sizeof(std::uint32_t));  // of both
  target.reset();
  EXPECT_EQ(backend_->balance(), FaultyBackend::Balance{});
}

// The host's own threads do the work there: what goes too early is written to by one of them.
TEST_P(Teardown, WhileWorkOfTheHostsOwnThreadsGoesOn) {
  if (!pointers()) GTEST_SKIP() << "streams run no host code there";
  for (const bool freed : {false, true}) {
    const Stream side = device_->stream();
    {
      MemoryManager memory(*device_, {.pool = {.mode = GetParam().mode}});
      const Words buffer = memory.create<std::uint32_t>("b", many());
      std::uint32_t* const words = buffer.access(side);
      device_->run(side, [words, count = many()] {
        std::this_thread::sleep_for(20ms);
        for (std::size_t i = 0; i < count; i += 1000) words[i] = 7;
      });
      if (freed) memory.free(buffer);
    }
    device_->synchronize(side);
  }
}

}  // namespace
}  // namespace weir::contract
