// The options of `weir replay`, read and checked: each mistake is one line that
// names the option, its value and what it may be, and exit status 2.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "replay/options.hpp"
#include "replay/transformer.hpp"

namespace weir::tool {

struct ReplayCommandLine {
  std::vector<std::string> files;
  std::optional<std::string> device;  ///< none: a dry one of the replay's own
  std::optional<std::uint64_t> capacity;
  std::optional<std::uint32_t> repeat;
  std::optional<std::string> driver;
  replay::ReplayOptions options;
  bool only_fits = false;  ///< the capacity was asked for by --fits: one line
  bool tightest = false;
  bool as_json = false;
  replay::TransformerOptions model;
  std::vector<const CLI::Option*> model_options;

  /// Once and before any file is read: a mistake here concerns them all. Makes `options` of the rest.
  void check();
};

/// The command with its options, which fill `line` when the command line is parsed.
CLI::App* add_replay_options(CLI::App& app, const std::shared_ptr<ReplayCommandLine>& line);

}  // namespace weir::tool
