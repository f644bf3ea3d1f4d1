// Layouts on each kind of device against the plain loops over the kernels' bodies: equal bits on the host, for any
// number of threads and all its kernels, and on CUDA; on Vulkan, whose division and square root may be off in the last
// places, within a share of the largest force.
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include <gtest/gtest.h>

#include <weir/weir.hpp>

#include "open_backend.hpp"
#include "unit/workloads/graph/held_layout.hpp"
#include "workloads/graph/device/runners.hpp"

namespace weir::graph::test {
namespace {

/// A held layout's memory on a device, a buffer each.
class DeviceLayout {
 public:
  DeviceLayout(MemoryManager& memory, HeldLayout& layout)
      : memory_(memory), device_(memory.device()), stream_(device_.stream()) {
    for (std::size_t i = 0; i < memory_count; ++i) {
      const std::vector<std::uint32_t>& words = layout.at(static_cast<Memory>(i));
      buffers_.push_back(memory.scoped<std::uint32_t>("memory " + std::to_string(i), words.size(), {}, stream_));
      memory.upload(buffers_.back(), words, stream_);
    }
  }
  void run(Runner& runner, const std::vector<PlanStep>& plan) {
    std::vector<DeviceSpan<std::byte>> bindings;
    for (const auto& each : buffers_) bindings.push_back(compute::bytes_of(each.access(stream_)));
    runner.queue(plan, bindings, stream_);
  }
  std::vector<std::uint32_t> download(Memory memory) {
    return memory_.download(buffers_.at(static_cast<std::size_t>(memory)), stream_);
  }
  /// Into a held layout, whose bits can be compared.
  void download_all(HeldLayout& layout) {
    for (std::size_t i = 0; i < memory_count; ++i) layout.at(static_cast<Memory>(i)) = download(static_cast<Memory>(i));
  }

 private:
  MemoryManager& memory_;
  Device device_;
  Stream stream_;
  std::vector<Buffer<std::uint32_t>> buffers_;
};

struct Case {
  Workload workload;
  std::vector<Position> places;
  std::vector<Pair> edges;
};
std::vector<Case> cases() {
  std::vector<Case> all;
  for (Workload workload : all_laws()) {
    for (const std::uint32_t nodes : {1U, 700U}) {
      workload.theta.reset();
      all.push_back({workload, spread_places(nodes, workload.dimensions, 15), random_edges(nodes, 2 * nodes)});
      workload.theta = 0.9F;
      all.push_back({workload, spread_places(3 * nodes, workload.dimensions, 25), random_edges(3 * nodes, nodes)});
    }
  }
  return all;
}

class GraphOn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    WEIR_NEEDS_BACKEND(std::string(GetParam()))
    device_.emplace(open_device({.backend = GetParam()}));
  }
  std::optional<Device> device_;
};

TEST_P(GraphOn, IsAsThePlainLoops) {
  const bool vulkan = std::string(GetParam()) == "vulkan";
  MemoryManager memory(*device_, {.name = "graph"});
  const auto runner = make_runner(*device_, 1, "");
  for (const Case& each : cases()) {
    HeldLayout wanted(each.workload, each.places, each.edges), found = wanted;
    // A device that rounds otherwise may open another cell, and after a step nodes are elsewhere.
    const std::vector<PlanStep> plan = wanted.plan_of(vulkan ? 1 : 3);
    DeviceLayout layout(memory, found);
    layout.run(*runner, plan);
    layout.download_all(found);
    wanted.loop(plan);
    const std::string whose = "law " + std::to_string(static_cast<int>(each.workload.law.kind)) + " in " +
                              std::to_string(each.workload.dimensions) + ", " + std::to_string(each.places.size()) +
                              (each.workload.theta ? " by the tree" : "");
    if (!vulkan) {
      EXPECT_TRUE(same_bits(found, wanted)) << whose;
      continue;
    }
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < 3 * each.places.size(); ++i) {
      const double a = double{wanted.floats(Memory::forces)[i]}, b = double{found.floats(Memory::forces)[i]};
      largest = std::max(largest, std::abs(a));
      worst = std::max(worst, std::abs(a - b));
      ASSERT_TRUE(std::isfinite(b)) << whose;
    }
    EXPECT_LE(worst, (each.workload.theta ? 1e-2 : 1e-5) * largest) << whose;
  }
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
}

INSTANTIATE_TEST_SUITE_P(Devices, GraphOn, testing::Values("host", "vulkan", "cuda"),
                         [](const auto& backend) { return std::string(backend.param); });

TEST(GraphRunners, ThreadsAndKernelsChangeNothing) {
  const Device device = open_device({.backend = "host"});
  MemoryManager memory(device, {.name = "graph"});
  for (const std::optional<float> theta : {std::optional<float>{}, std::optional<float>{1}}) {
    for (const LawKind kind : {LawKind::fruchterman_reingold, LawKind::force_atlas_2, LawKind::springs}) {
      const Workload workload{.law = usual_law(kind), .theta = theta};
      // Enough of them that each step is shared.
      const std::uint32_t nodes = 9000;
      HeldLayout start(workload, clustered_places(nodes, 2), random_edges(nodes, 4 * nodes));
      const std::vector<PlanStep> plan = start.plan_of(2);
      std::optional<HeldLayout> first;
      for (const char* const kernels : {"", "x86-64"}) {
        for (const unsigned threads : {1U, 2U, 3U, 5U}) {
          HeldLayout found = start;
          DeviceLayout layout(memory, found);
          layout.run(*make_runner(device, threads, kernels), plan);
          layout.download_all(found);
          if (!first) first = found;
          EXPECT_TRUE(same_bits(found, *first)) << threads << " threads, kernels " << kernels;
        }
      }
    }
  }
}

TEST(GraphRunners, WhatCannotComputeIsRefused) {
  EXPECT_THROW(static_cast<void>(make_runner(open_device({.backend = "dry"}), 1, "")), Unsupported);
  EXPECT_THROW(static_cast<void>(make_runner(open_device({.backend = "host"}), 1, "x87")), NotFound);
}

}  // namespace
}  // namespace weir::graph::test
