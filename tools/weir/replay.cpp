// `weir replay`: runs recorded allocations, or a generated training step, through
// a real pool and prints what they would have cost.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "commands.hpp"
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
  std::string capacity;
  std::string device = "dry";
  bool as_json = false;
  TransformerOptions model;

  void run_one(const std::string& name, const replay::Trace& trace) const {
    replay::ReplayOptions options;
    options.device = device;
    if (!capacity.empty()) options.capacity = parse_bytes(capacity);
    replay::ReplayReport report;
    {
      Progress progress(name);
      options.progress = [&](std::uint64_t done, std::uint64_t all) { progress.show(done, all); };
      report = replay::replay(trace, options);
    }
    const Subject subject{name, trace.format, !capacity.empty()};
    fmt::print("{}\n", as_json ? to_json(subject, report) : to_text(subject, report));
    if (trace.skipped != 0) fmt::print(stderr, "weir: {}: {} records skipped\n", name, trace.skipped);
    std::fflush(stdout);
    // Without --capacity a refusal is a failure of the run, not an answer.
    if (!report.fits && capacity.empty()) throw OutOfMemory(name + ": " + report.refusal, {.name = name});
  }

  [[nodiscard]] int run() const {
    if (files.empty()) {
      run_one("a generated transformer training job", generate_transformer(model));
      return 0;
    }
    int status = 0;
    for (const std::string& file : files) {
      try {
        run_one(file, replay::read_trace(file));
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
  sub->add_option("--capacity", command->capacity, "Would it fit? The device's memory, e.g. 24GiB");
  sub->add_option("--device", command->device, "Replay on this device instead of a dry one")->capture_default_str();
  sub->add_flag("--json", command->as_json, "One JSON object a file and line on stdout");

  TransformerOptions& model = command->model;
  const std::string group = "The generated job (no FILE)";
  sub->add_option("--layers", model.layers)->capture_default_str()->group(group);
  sub->add_option("--width", model.width, "Of the model; a multiple of --heads")->capture_default_str()->group(group);
  sub->add_option("--heads", model.heads)->capture_default_str()->group(group);
  sub->add_option("--context", model.context, "Tokens in a sequence")->capture_default_str()->group(group);
  sub->add_option("--batch", model.batch, "Sequences in a step")->capture_default_str()->group(group);
  sub->add_option("--vocabulary", model.vocabulary)->capture_default_str()->group(group);
  sub->add_option("--steps", model.steps)->capture_default_str()->group(group);
  sub->add_option("--precision", model.precision, "fp32 or bf16")
      ->transform(CLI::CheckedTransformer(std::map<std::string, TransformerOptions::Precision>{
          {"fp32", TransformerOptions::Precision::fp32}, {"bf16", TransformerOptions::Precision::bf16}}))
      ->group(group);
  sub->callback([command, &status] { status = command->run(); });
}

}  // namespace weir::tool
