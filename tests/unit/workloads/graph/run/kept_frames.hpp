// A sink that keeps every frame whole, and memory to run in. Shared by the tests of runs.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <weir/weir.hpp>

#include "workloads/graph/run/run.hpp"

namespace weir::graph::test {

struct KeptFrame {
  std::vector<Position> positions, velocities;
  friend bool operator==(const KeptFrame&, const KeptFrame&) = default;
};

class Kept : public FrameSink {
 public:
  void take(const Frame& frame) override {
    in_order = in_order && (frames.empty() || frames.rbegin()->first < frame.step);
    frames[frame.step] = {{frame.positions.begin(), frame.positions.end()},
                          {frame.velocities.begin(), frame.velocities.end()}};
  }
  std::map<std::uint64_t, KeptFrame> frames;
  bool in_order = true;
};

inline MemoryManager memory_on(const std::string& backend, std::optional<std::uint64_t> limit = {}) {
  ManagerOptions options{.name = "graph"};
  options.pool.limit = limit;
  if (limit) options.transfers.pinned_limit = *limit;
  return MemoryManager(open_device({.backend = backend}), options);
}

/// Of pinned memory, once downloads that were under way at an error have ended.
inline std::uint64_t pinned_in_use(MemoryManager& memory) {
  for (int i = 0; i < 1'000; ++i) {
    memory.maintain();
    if (memory.statistics().transfers.pinned.requested.live == 0) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return memory.statistics().transfers.pinned.requested.live;
}

/// By value of the bits: −0 and 0 differ, and what is not a number equals itself.
inline bool same_bits(const std::vector<Position>& a, const std::vector<Position>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Position)) == 0;
}

}  // namespace weir::graph::test
