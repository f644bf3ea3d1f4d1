// Buffers over a device that four of them fill, told apart by their contents: what the suites about spilling stand on.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "contract/manager_kinds.hpp"

namespace weir::contract {

using namespace std::chrono_literals;
using namespace weir::literals;

inline constexpr std::uint64_t limit = 8_MiB;
inline constexpr std::size_t words = 2_MiB / sizeof(std::uint32_t);  // of a buffer: four fill the device

class Spilling : public ManagerContract {
 protected:
  using Words = BufferHandle<std::uint32_t>;

  MemoryManager& make(std::uint64_t spill_limit = 256_MiB) {
    return make_manager({.pool = {.limit = limit, .reclaim_deadline = 2s}, .transfers = {.spill_limit = spill_limit}});
  }
  static std::vector<std::uint32_t> contents(std::uint32_t seed) {
    std::vector<std::uint32_t> all(words);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = seed * 2654435761u + static_cast<std::uint32_t>(i);
    return all;
  }
  /// Contents are told apart by `seed`. Makes time pass.
  Words create(MemoryManager& memory, const std::string& name, std::uint32_t seed, const BufferOptions& options = {}) {
    clock_.advance(1ms);
    return memory.create<std::uint32_t>(name, contents(seed), options);
  }
  void expect_contents(MemoryManager& memory, const Words& buffer, std::uint32_t seed,
                       StreamId stream = StreamId::legacy_default) {
    clock_.advance(1ms);
    const std::vector<std::uint32_t> found = memory.download(buffer, stream);
    if (GetParam().backend == "dry") return;
    EXPECT_TRUE(found == contents(seed)) << buffer.name() << " does not have the contents of seed " << seed;
  }
};

}  // namespace weir::contract
