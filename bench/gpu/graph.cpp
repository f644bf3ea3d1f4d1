// weir_gpu_graph: seconds of a whole layout of a grid with a million nodes and two million edges on the CUDA device,
// and of its steps. Run by scripts/gpu/run; prints a name and a number a line.
#include <cstdio>
#include <exception>

#include <weir/weir.hpp>

#include "workloads/graph/edges/generate.hpp"
#include "workloads/graph/run/run.hpp"

int main() {
  try {
    const weir::graph::Graph graph = weir::graph::grid_graph(1'000, 1'000);
    weir::MemoryManager memory(weir::open_device({.backend = "cuda"}), {.name = "graph"});
    weir::graph::RunSettings settings;
    settings.frames = weir::graph::FrameMode::none;
    const weir::graph::RunReport report = weir::graph::run(graph, settings, memory, nullptr).report;
    std::printf("graph/nodes %.9g\ngraph/seconds %.4g\ngraph/step_seconds %.4g\ngraph/steps %.9g\ngraph/stress %.4g\n",
                static_cast<double>(report.nodes), report.seconds, report.step_seconds,
                static_cast<double>(report.steps), report.stress);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir_gpu_graph: %s\n", error.what());
    return 1;
  }
}
