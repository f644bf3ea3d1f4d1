// `weir convert`: writes a recording in another tool's format, or another tool's in weir's.
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/errors.hpp>

#include "commands.hpp"
#include "files/excerpt.hpp"
#include "files/output_file.hpp"
#include "replay/convert.hpp"
#include "replay/read_trace.hpp"

namespace weir::tool {
namespace {

struct ConvertCommandLine {
  std::string file;
  std::string out;
};

int convert(const ConvertCommandLine& line) {
  const auto target = replay::target_of(line.out);
  if (!target) {
    throw CLI::ValidationError("-o",
                               "'" + line.out + "' ends in none of .weir, .pickle, .json, .csv, which say the format");
  }
  try {
    files::OutputFile out(line.out);  // first, as reading may take long
    std::vector<std::string> notes;
    const replay::Recording recording = replay::read_any_recording(line.file, notes);
    for (const std::string& note : notes) fmt::print(stderr, "weir: {}: {}\n", files::printable(line.file), note);
    const replay::Losses losses =
        replay::write_recording(recording, *target, [&](std::string_view text) { out.write(text); });
    out.commit();
    for (const std::string& loss : losses) fmt::print(stderr, "weir: {}: {}\n", files::printable(line.out), loss);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "weir: {}\n", error.what());
    return 1;
  }
}

}  // namespace

void add_convert(CLI::App& app, int& status) {
  auto line = std::make_shared<ConvertCommandLine>();
  auto* sub =
      app.add_subcommand("convert", "Write a recording in the format of another tool, or another tool's as weir's");
  sub->add_option("FILE", line->file, "A recording of weir, a PyTorch snapshot, an RMM log or an interval CSV")
      ->required();
  sub->add_option("-o", line->out,
                  "What to write: .weir a recording, .pickle a PyTorch memory snapshot (pytorch.org/memory_viz),\n"
                  ".json a Chrome trace (ui.perfetto.dev), .csv an RMM log")
      ->required();
  sub->footer("What the format cannot hold is said on stderr.");
  sub->callback([line, &status] { status = convert(*line); });
}

}  // namespace weir::tool
