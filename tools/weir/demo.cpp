// `weir demo`: shows what buffers do, and whether they did it.
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weir/weir.hpp>

#include "commands.hpp"
#include "demos.hpp"

namespace weir::tool {
namespace {

struct DemoLine {
  std::string name = {};
  std::string device = {};
  bool json = false;
};

DemoResult result_of(const Demo& demo, const Device& device) {
  try {
    return demo.run(demo_memory(device));
  } catch (const Error& error) {
    return {.passed = false, .figure = error.message()};
  }
}

/// The exit status.
int run(const DemoLine& line) {
  std::string names;
  bool found = line.name.empty();
  for (const Demo& demo : demos()) {
    names += (names.empty() ? "" : ", ") + std::string(demo.name);
    found = found || demo.name == line.name;
  }
  if (!found) throw NotFound("no demo \"" + line.name + "\"; there are: " + names, {.name = line.name});
  const Device device = open_device({.backend = line.device});
  if (!line.json) fmt::print("{}\n", device.why());
  int status = 0;
  for (const Demo& demo : demos()) {
    if (!line.name.empty() && demo.name != line.name) continue;
    const DemoResult result = result_of(demo, device);
    if (!result.passed) status = 1;
    if (line.json) {
      fmt::print("{}\n",
                 nlohmann::json{{"demo", demo.name}, {"passed", result.passed}, {"figure", result.figure}}.dump());
    } else {
      fmt::print("{}  {:<11} {}\n                  {}\n", result.passed ? "PASS" : "FAIL", demo.name, demo.shows,
                 result.figure);
    }
    std::fflush(stdout);
  }
  return status;
}

}  // namespace

void add_demo(CLI::App& app, int& status) {
  const auto line = std::make_shared<DemoLine>();
  CLI::App* command =
      app.add_subcommand("demo", "shows what buffers do, each with PASS or FAIL and the figure that decides");
  command->add_option("name", line->name, "create, network, pooling, batch, limit or monitoring; default: all");
  command->add_option("--device", line->device, "host, vulkan, cuda; default: the best there is");
  command->add_flag("--json", line->json, "prints one object a demo");
  command->callback([line, &status] { status = run(*line); });
}

}  // namespace weir::tool
