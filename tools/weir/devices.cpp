// `weir devices`: what can be opened here, best first.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <weir/bytes.hpp>
#include <weir/device.hpp>

#include "commands.hpp"

namespace weir::tool {
namespace {

std::string known(const std::optional<std::uint64_t>& bytes) { return bytes ? format_bytes(*bytes) : "unknown"; }

nlohmann::ordered_json to_json(const DeviceInfo& device) {
  const auto number = [](const std::optional<std::uint64_t>& bytes) {
    return bytes ? nlohmann::ordered_json(*bytes) : nlohmann::ordered_json(nullptr);
  };
  return {{"backend", device.backend},
          {"index", device.index},
          {"name", device.name},
          {"memory_total", number(device.memory_total)},
          {"memory_free", number(device.memory_free)},
          {"page_bytes", device.page_bytes},
          {"virtual_memory", device.virtual_memory},
          {"pointers", device.pointers},
          {"emulated", device.emulated}};
}

void list(bool as_json) {
  const std::vector<MissingBackend> missing = missing_backends();
  if (as_json) {
    auto all = nlohmann::ordered_json::array();
    for (const DeviceInfo& device : devices()) all.push_back(to_json(device));
    for (const MissingBackend& each : missing) all.push_back({{"backend", each.backend}, {"missing", each.why}});
    fmt::print("{}\n", all.dump());
    return;
  }
  constexpr const char* row = "{:<8} {:<34} {:>12} {:>12} {:>10}  {}{}\n";
  fmt::print(row, "backend", "device", "memory", "free", "page", "memory by", "");
  for (const DeviceInfo& device : devices()) {
    fmt::print(row, device.backend, device.name, known(device.memory_total), known(device.memory_free),
               format_bytes(device.page_bytes), device.virtual_memory ? "page" : "segment",
               device.emulated ? ", emulated: only by name" : "");
  }
  for (const MissingBackend& each : missing) fmt::print("{:<8} none: {}\n", each.backend, each.why);
}

}  // namespace

void add_devices(CLI::App& app, int&) {
  auto* command =
      app.add_subcommand("devices", "List the devices that can be opened here, best first, and why a backend has none");
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "One JSON array on stdout; a backend without a device says why in \"missing\"");
  command->callback([as_json] { list(*as_json); });
}

}  // namespace weir::tool
