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

/// What a user types to have this device: --device, WEIR_DEVICE.
std::string typed(const DeviceInfo& device) { return fmt::format("{}:{}", name(device.backend), device.index); }

nlohmann::ordered_json to_json(const DeviceInfo& device) {
  const auto number = [](const std::optional<std::uint64_t>& bytes) {
    return bytes ? nlohmann::ordered_json(*bytes) : nlohmann::ordered_json(nullptr);
  };
  // The largest number stands for no bound.
  const auto bound = [](std::uint64_t bytes) {
    return bytes == UINT64_MAX ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(bytes);
  };
  return {{"device", typed(device)},
          {"backend", name(device.backend)},
          {"index", device.index},
          {"name", device.name},
          {"memory_total", number(device.memory_total)},
          {"memory_free", number(device.memory_free)},
          {"page_bytes", device.page_bytes},
          {"virtual_memory", device.virtual_memory},
          {"pointers", device.pointers},
          {"unified_memory", device.unified_memory},
          {"emulated", device.emulated},
          {"default_limit", bound(device.default_limit)},
          {"max_range", bound(device.max_range)},
          {"address_space", number(device.address_space)},
          {"address_space_free", number(device.address_space_free)}};
}

void list(bool as_json) {
  const std::vector<MissingBackend> missing = missing_backends();
  if (as_json) {
    auto all = nlohmann::ordered_json::array();
    for (const DeviceInfo& device : devices()) all.push_back(to_json(device));
    for (const MissingBackend& each : missing) all.push_back({{"backend", name(each.backend)}, {"missing", each.why}});
    fmt::print("{}\n", all.dump());
    return;
  }
  constexpr const char* row = "{:<10} {:<34} {:>12} {:>12} {:>10}  {}{}\n";
  fmt::print(row, "device", "name", "memory", "free", "page", "memory by", "");
  for (const DeviceInfo& device : devices()) {
    fmt::print(row, typed(device), device.name, known(device.memory_total), known(device.memory_free),
               format_bytes(device.page_bytes), device.virtual_memory ? "page" : "segment",
               device.emulated ? ", emulated: opened only by name" : "");
  }
  for (const MissingBackend& each : missing) fmt::print("{:<10} none: {}\n", name(each.backend), each.why);
}

}  // namespace

void add_devices(CLI::App& app, int&) {
  auto* command = app.add_subcommand(
      "devices", "List the devices that can be opened here, best first, and the reason where a backend has none");
  command->footer(
      "The first column is what --device and WEIR_DEVICE take; a backend alone (\"cuda\") or a part of a name\n"
      "(\"vulkan:radeon\") works too.\n\nExit status: 0 when listed, 1 when the output could not be written, 2 for an "
      "invalid command line.");
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json,
                    "Print one JSON array on stdout; \"missing\" gives the reason where a backend has no device");
  command->callback([as_json] { list(*as_json); });
}

}  // namespace weir::tool
