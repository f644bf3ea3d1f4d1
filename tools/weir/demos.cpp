#include "demos.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include <weir/weir.hpp>

namespace weir::tool {
namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t plenty = 64 * mib;

std::vector<std::uint8_t> pattern(std::size_t bytes, std::uint32_t seed) {
  std::vector<std::uint8_t> all(bytes);
  std::uint32_t state = seed * 2'654'435'761U + 1;
  for (std::uint8_t& each : all) {
    state = state * 1'664'525U + 1'013'904'223U;
    each = static_cast<std::uint8_t>(state >> 24);
  }
  return all;
}

std::size_t equal_bytes(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) return 0;
  return static_cast<std::size_t>(
      std::inner_product(a.begin(), a.end(), b.begin(), std::uint64_t{0}, std::plus<>(),
                         [](std::uint8_t x, std::uint8_t y) { return std::uint64_t{x == y}; }));
}

// 64 KiB and a byte: one byte too many for the smallest way through staging memory. What is read must be the buffer's,
// not what staging memory still has of the upload, so other bytes pass through that in between.
DemoResult create_update_read(const MakeMemory& make) {
  const auto made_memory = make(plenty);
  MemoryManager& memory = *made_memory;
  constexpr std::size_t bytes = 65'537;
  const std::vector<std::uint8_t> first = pattern(bytes, 1), second = pattern(bytes, 2);
  const auto buffer = memory.create<std::uint8_t>("positions", first);
  const auto other = memory.create<std::uint8_t>("other", bytes);
  const auto pass_other_bytes = [&] { memory.upload(other, pattern(bytes, 3)); };
  pass_other_bytes();
  const std::size_t created = equal_bytes(memory.download(buffer), first);
  const Transfer update = memory.start_upload(buffer, second);
  pass_other_bytes();
  const std::size_t updated = equal_bytes(memory.download(buffer), second);
  static_cast<void>(update);
  return {.passed = created == bytes && updated == bytes,
          .figure = fmt::format("{} and {} of {} bytes came back as written", created, updated, bytes)};
}

DemoResult network(const MakeMemory& make) {
  const auto made_memory = make(plenty);
  MemoryManager& memory = *made_memory;
  NetworkBuffers buffers =
      create_network_buffers(memory, {.input = 4, .hidden = 32, .output = 3, .batch = 64}, "robot.");
  const std::uint64_t made = memory.statistics().buffers;
  buffers.set_batch(128);
  buffers.set_batch(64);
  const std::uint64_t before = memory.statistics().pool.driver_calls;
  std::vector<float> weights(buffers.weights_hidden.size());
  std::iota(weights.begin(), weights.end(), 0.5F);
  memory.upload(buffers.weights_hidden, weights);
  for (const std::int64_t batch : {16, 128, 1, 100, 64}) buffers.set_batch(batch);
  const std::uint64_t calls = memory.statistics().pool.driver_calls - before;
  const bool kept = memory.download(buffers.weights_hidden) == weights;
  buffers.free();
  return {.passed = made == 18 && calls == 0 && kept && memory.check_leaks().blocks == 0,
          .figure = fmt::format("{} of 18 buffers from one call, {} driver calls for five batch sizes (0), weights {}",
                                made, calls, kept ? "kept" : "LOST")};
}

DemoResult pooling(const MakeMemory& make) {
  const auto made_memory = make(plenty);
  MemoryManager& memory = *made_memory;
  TensorPool tensors(memory);
  const auto round = [&] {
    const Tidy temporaries(tensors);
    for (const std::size_t rows : {16, 64, 256}) static_cast<void>(tensors.acquire<float>({rows, 128}));
  };
  for (int i = 0; i < 10; ++i) round();
  const Statistics warm = memory.statistics().pool;
  for (int i = 0; i < 1000; ++i) round();
  const Statistics now = memory.statistics().pool;
  const std::uint64_t requests = now.allocations - warm.allocations;
  const std::uint64_t hits = now.cache_hits + now.arena_hits - warm.cache_hits - warm.arena_hits;
  const std::uint64_t calls = now.driver_calls - warm.driver_calls;
  return {.passed = requests >= 3000 && hits * 10 >= requests * 9 && calls == 0,
          .figure =
              fmt::format("{} of {} requests from memory at hand (90 %), {} driver calls (0)", hits, requests, calls)};
}

DemoResult batch(const MakeMemory& make) {
  const auto made_memory = make(plenty);
  MemoryManager& memory = *made_memory;
  constexpr std::size_t count = 5;
  std::vector<std::vector<std::uint8_t>> contents;
  for (std::uint32_t i = 0; i < count; ++i) contents.push_back(pattern(1000 * (i + 1), i));
  Batch makes(memory);
  for (std::size_t i = 0; i < count; ++i) {
    makes.create<std::uint8_t>(fmt::format("buffer {}", i), std::span<const std::uint8_t>(contents[i]));
  }
  const auto made = makes.submit();
  Batch reads(memory);
  for (std::size_t i = count; i-- > 0;) reads.read(made[i].buffer<std::uint8_t>(), 0, contents[i].size());
  const auto read = reads.submit();
  std::size_t good = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const std::uint8_t> data = read[count - 1 - i].data<std::uint8_t>();
    good += std::equal(data.begin(), data.end(), contents[i].begin(), contents[i].end()) ? 1 : 0;
  }
  Batch wrong(memory);
  wrong.create<std::uint8_t>("new", 100).create<std::uint8_t>("buffer 0", 100);
  const auto undone = wrong.submit(StreamId::legacy_default, {.all_or_nothing = true});
  const bool nothing = !undone[1].ok() && !memory.contains("new");
  return {.passed = good == count && nothing,
          .figure = fmt::format("{} of {} results in order; a batch with one fault did {}", good, count,
                                nothing ? "nothing" : "SOMETHING")};
}

DemoResult limit(const MakeMemory& make) {
  constexpr std::uint64_t bound = 24 * mib, third = bound / 3 + mib;
  const auto made_memory = make(bound);
  MemoryManager& memory = *made_memory;
  std::size_t made = 0;
  bool told = false;
  for (int i = 0; i < 3; ++i) {
    try {
      static_cast<void>(memory.create<std::uint8_t>(fmt::format("part {}", i), third));
      ++made;
    } catch (const LimitExceeded& refusal) {
      told = refusal.facts().limit == bound && refusal.facts().bytes_asked == third;
    } catch (const OutOfMemory&) {
      told = false;
    }
  }
  memory.free("part 0");
  const bool again = memory.create<std::uint8_t>("after", third).valid();
  return {.passed = made == 2 && told && again,
          .figure = fmt::format("{} of three parts of {} fit into {} (2); the refusal {}; after a free it {}", made,
                                format_bytes(third), format_bytes(bound), told ? "says so" : "SAYS LITTLE",
                                again ? "fits" : "FAILS")};
}

DemoResult monitoring(const MakeMemory& make) {
  const auto made_memory = make(plenty);
  MemoryManager& memory = *made_memory;
  const auto first = memory.create<float>("first", 1000);
  const auto second = memory.create<float>("second", 500);
  const Report report = memory.report();
  const std::uint64_t live = report.totals.pool.requested.live;
  const std::size_t seen = memory.check_leaks().blocks;
  memory.free(first);
  memory.free(second);
  const LeakCount left = memory.check_leaks();
  const std::uint64_t peak = memory.statistics().pool.requested.peak;
  return {.passed = live == 6000 && report.buffers.size() == 2 && seen == 2 && left.blocks == 0 && peak == 6000,
          .figure = fmt::format("{} bytes live of 6000, {} buffers listed (2), peak {} (6000), {} blocks left (0)",
                                live, report.buffers.size(), peak, left.blocks)};
}

constexpr std::array<Demo, 6> all{{
    {"create", "a buffer is made, updated without waiting, and read", create_update_read},
    {"network", "the buffers of a network in one call; batches of any size without the driver", network},
    {"pooling", "a thousand rounds of temporaries out of memory at hand", pooling},
    {"batch", "several operations in one submission; all of them or none", batch},
    {"limit", "a bound on memory: what does not fit is refused, and says why", limit},
    {"monitoring", "every byte is accounted for, every block is named", monitoring},
}};

}  // namespace

MakeMemory demo_memory(const Device& device) {
  return [device](std::uint64_t limit) {
    return std::make_unique<MemoryManager>(device, ManagerOptions{.name = "demo", .pool = {.limit = limit}});
  };
}

std::span<const Demo> demos() noexcept { return all; }

}  // namespace weir::tool
