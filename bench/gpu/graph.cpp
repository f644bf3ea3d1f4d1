// weir_gpu_graph: a whole layout of a grid with a million nodes and two million edges on the CUDA device, and how many
// steps it makes in a second. Run by scripts/gpu/run; prints report.hpp's lines. On another device where WEIR_DEVICE
// names one, and of a grid with so many nodes a side where the command line does: to try the program without a GPU.
#include <cstdint>
#include <cstdlib>

#include <weir/weir.hpp>

#include "report.hpp"
#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/run/run.hpp"

namespace {

constexpr std::uint32_t usual_side = 1'000;

void lay_out(std::uint32_t side) {
  using weir::bench::gpu::report;
  const weir::graph::Graph graph = weir::graph::grid_graph(side, side);
  const char* const named = std::getenv("WEIR_DEVICE");
  weir::MemoryManager memory(weir::open_device({.backend = named == nullptr ? "cuda" : named}), {.name = "graph"});
  weir::graph::RunSettings settings;
  settings.frames = weir::graph::FrameMode::none;
  const weir::graph::RunReport made = weir::graph::run(graph, settings, memory, nullptr).report;
  report("graph/nodes", static_cast<double>(made.nodes), "nodes");
  report("graph/steps", static_cast<double>(made.steps), "steps");
  report("graph/seconds", made.seconds, "s");
  report("graph/step_seconds", made.step_seconds, "s");
  report("graph/steps_per_second", made.step_seconds > 0 ? static_cast<double>(made.steps) / made.step_seconds : 0,
         "steps/s");
  report("graph/stress", made.stress, "");
}

}  // namespace

int main(int argc, char** argv) {
  return weir::bench::gpu::guarded(
      [&] { lay_out(argc > 1 ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) : usual_side); });
}
