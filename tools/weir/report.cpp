// `weir report`: one HTML page about a recording, and its findings for scripts.
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "commands.hpp"
#include "files/excerpt.hpp"
#include "files/output_file.hpp"
#include "replay/read_trace.hpp"
#include "report_model.hpp"
#include "report_page.hpp"

namespace weir::tool {
namespace {

struct ReportCommandLine {
  std::string file;
  std::string out;
  std::string json;
};

/// What a reader of the terminal sees of it.
void tell(const ReportCommandLine& line, const std::vector<replay::Finding>& findings, std::size_t bytes) {
  for (const replay::Finding& each : findings) {
    fmt::print("{}: {}{}\n", files::printable(each.pool), files::printable(each.text),
               each.setting.empty() ? "" : " [" + each.setting + "]");
  }
  if (!line.out.empty()) fmt::print("wrote {} ({})\n", files::printable(line.out), format_bytes(bytes));
  if (!line.json.empty()) fmt::print("wrote {}\n", files::printable(line.json));
}

int report(const ReportCommandLine& line) {
  if (line.out.empty() && line.json.empty()) throw CLI::ValidationError("-o or --json says where to write");
  try {
    // First, as reading may take long.
    std::optional<files::OutputFile> page;
    std::optional<files::OutputFile> json;
    if (!line.out.empty()) page.emplace(line.out);
    if (!line.json.empty()) json.emplace(line.json);
    if (page && json && page->same_as(*json)) {
      throw InvalidArgument(files::printable(line.json) + ": -o and --json name the same file; name two");
    }
    ReportSource source{.file = line.file, .notes = {}};
    const replay::Recording recording = replay::read_any_recording(line.file, source.notes);
    for (const std::string& note : source.notes)
      fmt::print(stderr, "weir: {}: {}\n", files::printable(line.file), note);
    const std::vector<replay::Finding> findings = replay::find_findings(recording);
    const std::uint64_t base = replay::first_time_of(recording);
    std::vector<replay::History> histories;
    for (const replay::RecordedPool& pool : recording.pools) histories.push_back(replay::history_of(pool, base));
    nlohmann::json model = report_model(recording, histories, source, findings);
    if (json) {
      json->write(harmless_text(model));
      json->write("\n");
    }
    std::size_t bytes = 0;
    if (page) {
      write_page(std::move(model), pages_of(recording, std::move(histories)), recording.names,
                 [&](std::string_view text) {
                   page->write(text);
                   bytes += text.size();
                 });
      page->commit();
    }
    if (json) json->commit();
    const bool to_output = (page && page->standard_output()) || (json && json->standard_output());
    if (!to_output) tell(line, findings, bytes);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "weir: {}\n", error.what());
    return 1;
  }
}

}  // namespace

void add_report(CLI::App& app, int& status) {
  auto line = std::make_shared<ReportCommandLine>();
  auto* sub = app.add_subcommand("report", "Write a page about a recording: memory over time, addresses, findings");
  sub->add_option("FILE", line->file, "A recording of weir, a PyTorch snapshot, an RMM log or an interval CSV")
      ->required();
  sub->add_option("-o", line->out, "The page, one .html file for any browser; it needs no network");
  sub->add_option("--json", line->json, "Totals, owners, latencies and findings, for scripts");
  sub->callback([line, &status] { status = report(*line); });
}

}  // namespace weir::tool
