// `weir replay`: runs recorded allocations, or a generated training step, through
// a real pool and prints what they would have cost.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/bytes.hpp>
#include <weir/device.hpp>
#include <weir/errors.hpp>

#include "commands.hpp"
#include "monitor/replay/excerpt.hpp"
#include "monitor/replay/read_trace.hpp"
#include "monitor/replay/replay.hpp"
#include "monitor/replay/transformer.hpp"
#include "progress.hpp"
#include "report.hpp"

namespace weir::tool {
namespace {

using replay::TransformerOptions;

struct ReplayCommand {
  std::vector<std::string> files;
  std::optional<std::uint64_t> capacity;
  std::optional<std::string> device;  // none: a dry one of the replay's own
  bool as_json = false;
  TransformerOptions model;
  std::vector<const CLI::Option*> model_options;

  void run_one(const std::string& name, const replay::Trace& trace) const {
    replay::ReplayOptions options;
    options.device = device.value_or("");
    options.capacity = capacity;
    const std::string shown = replay::printable(name);
    const replay::ReplayReport report = [&] {
      Progress progress(shown);
      options.progress = [&](std::uint64_t done, std::uint64_t all) { progress.show(done, all); };
      try {
        return replay::replay(trace, options);
      } catch (const std::exception& error) {
        throw std::runtime_error(shown + ": " + error.what());
      }
    }();
    const Subject subject{name, trace, capacity, device.has_value()};
    fmt::print("{}\n", as_json ? to_json(subject, report) : to_text(subject, report));
    if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "stdout");
  }

  // Once and before any file is read: a mistake here concerns them all.
  void check_options() const {
    for (const CLI::Option* option : model_options) {
      if (!files.empty() && option->count() != 0) {
        throw CLI::ValidationError(option->get_name(), "shapes the generated job; leave it out or give no FILE");
      }
    }
    if (device && device->empty()) {
      throw CLI::ValidationError("--device", "is empty; `weir devices` lists what there is");
    }
    if (capacity == std::uint64_t{0}) throw CLI::ValidationError("--capacity", "must be 1 B or more");
    try {
      DeviceRequest request{.backend = device.value_or("dry")};
      if (request.backend == "dry") request.capacity = capacity;
      const std::uint64_t page = open_device(request).info().page_bytes;
      if (capacity && *capacity < page) {
        fmt::print(stderr,
                   "weir: --capacity: {} is less than one page of the device, {}, so that no block fits; write a unit "
                   "behind the number, as in 24GiB\n",
                   format_bytes(*capacity), format_bytes(page));
      }
    } catch (const InvalidArgument& error) {
      // What is wrong may be a variable of the environment, which the message then names.
      if (error.facts().name != "capacity") throw;
      throw CLI::ValidationError("--capacity", error.message());
    } catch (const NotFound& error) {
      throw CLI::ValidationError("--device", error.message());
    }
  }

  [[nodiscard]] replay::Trace generate() const {
    try {
      return generate_transformer(model);
    } catch (const InvalidArgument& error) {
      throw CLI::ValidationError(error.message());
    }
  }

  [[nodiscard]] int run() const {
    check_options();
    if (files.empty()) {
      run_one("a generated transformer training job", generate());
      return 0;
    }
    int status = 0;
    for (const std::string& file : files) {
      try {
        run_one(file, replay::read_trace(file));
      } catch (const std::system_error&) {
        throw;  // stdout is full or gone, for the other files too
      } catch (const std::exception& error) {
        fmt::print(stderr, "weir: {}\n", error.what());
        status = 1;
      }
    }
    return status;
  }
};

}  // namespace

void add_replay(CLI::App& app, int& status) {
  auto command = std::make_shared<ReplayCommand>();
  auto* sub = app.add_subcommand(
      "replay", "Run recorded allocations through a pool: PyTorch memory snapshots, RMM logs, interval CSVs");
  sub->add_option("FILE", command->files, "Traces, told apart by content; none: a generated training job");
  sub->add_option_function<std::string>(
      "--capacity",
      [command](const std::string& text) {
        try {
          command->capacity = parse_bytes(text);
        } catch (const InvalidArgument& error) {
          throw CLI::ValidationError("--capacity", error.message());
        }
      },
      "Would it fit? The memory of each device, e.g. 24GiB");
  sub->add_option("--device", command->device,
                  "Replay on this device (cuda, vulkan:0, host ...; see `weir devices`), not on a dry one of its own");
  sub->add_flag("--json", command->as_json, "One JSON object a file and line on stdout");

  const std::string group = "The generated job (no FILE)";
  TransformerOptions& model = command->model;
  // The parser itself would wrap a negative number around.
  const CLI::Validator positive(
      [](const std::string& text) { return text.starts_with('-') ? text + " is less than 1" : std::string(); }, "");
  const auto number = [&](const std::string& name, std::uint64_t& value, const std::string& help) {
    command->model_options.push_back(
        sub->add_option(name, value, help)->capture_default_str()->check(positive)->group(group));
  };
  number("--layers", model.layers, "Of the transformer, each attention and a perceptron");
  number("--width", model.width, "Of the model; a multiple of --heads");
  number("--heads", model.heads, "Of the attention; divides --width");
  number("--context", model.context, "Tokens in a sequence");
  number("--batch", model.batch, "Sequences in a step");
  number("--vocabulary", model.vocabulary, "Different tokens: rows of the embedding, columns of the logits");
  number("--steps", model.steps, "Training steps, each forward, backward and update");
  command->model_options.push_back(sub->add_option_function<std::string>(
                                          "--precision",
                                          [&model](const std::string& name) {
                                            model.precision = name == "bf16" ? TransformerOptions::Precision::bf16
                                                                             : TransformerOptions::Precision::fp32;
                                          },
                                          "Of parameters, gradients and activations")
                                       ->check(CLI::IsMember({"fp32", "bf16"}))
                                       ->default_str("fp32")
                                       ->group(group));
  sub->footer(
      "Without --capacity nothing is refused: peaks are what the trace needs. With it the report says whether the\n"
      "trace fits, and if not how much would do; that is an answer, not a failure.\n\n"
      "Exit status: 0 when all was replayed, 1 when a file or the device failed (the others are replayed all the\n"
      "same), 2 for a command line that makes no sense.");
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace weir::tool
