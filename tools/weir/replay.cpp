// `weir replay`: runs recorded allocations, or a generated training step, through
// a real pool and prints what they would have cost.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "commands.hpp"
#include "files/excerpt.hpp"
#include "interrupt.hpp"
#include "progress.hpp"
#include "replay/read_trace.hpp"
#include "replay/replay.hpp"
#include "replay/tightest.hpp"
#include "replay/transformer.hpp"
#include "replay_options.hpp"
#include "replay_report.hpp"

namespace weir::tool {
namespace {

class ReplayRun {
 public:
  explicit ReplayRun(const ReplayCommandLine& line) : line_(line), options_(line.options) {
    options_.interrupted = [] { return was_interrupted(); };
  }

  [[nodiscard]] int run() {
    if (line_.tightest) note_interrupts();
    if (line_.files.empty()) {
      const replay::Trace trace = generate();
      return attempt([&] { run_one("a generated transformer training job", trace); });
    }
    int status = 0;
    for (const std::string& file : line_.files) {
      const int one = attempt([&] { run_one(file, replay::read_trace(file)); });
      if (was_interrupted()) return one;
      status = std::max(status, one);
    }
    return status;
  }

 private:
  /// The exit status of one trace's replay: 0, 1 after telling what went wrong, or that of a signal.
  template <class Work>
  static int attempt(const Work& work) {
    int status = 0;
    try {
      work();
    } catch (const std::system_error&) {
      throw;  // stdout is full or gone, for the other files too
    } catch (const std::exception& error) {
      fmt::print(stderr, "weir: {}\n", error.what());
      status = 1;
    }
    return was_interrupted() ? interrupted_status() : status;
  }

  /// On stderr, so that a script that reads one figure of the report is told, too.
  static void warn_of_gaps(const std::string& shown, const replay::Trace& trace) {
    for (const std::string& note : trace.notes) fmt::print(stderr, "weir: {}: {}\n", shown, note);
    if (!trace.is_cut || trace.format == replay::TraceFormat::weir_recording) return;
    fmt::print(stderr, "weir: {}: {}; copy or record it again to get the rest\n", shown,
               trace.cut_lines != 0 ? "it is cut: its last line has no end and is ignored"
                                    : "its gzip data are cut off: their complete lines are replayed");
  }

  void run_one(const std::string& name, const replay::Trace& trace) {
    const std::string shown = files::printable(name);
    warn_of_gaps(shown, trace);
    Subject subject{.file = name, .trace = trace, .options = options_};
    replay::ReplayReport report;
    try {
      Progress progress(shown);
      options_.progress = [&](std::uint64_t done, std::uint64_t all) { progress.show(done, all); };
      report = replay::replay(trace, options_);
      if (line_.tightest) {
        subject.tightest =
            replay::find_tightest(trace, options_, report.needed, [&](std::uint64_t refused, std::uint64_t fits) {
              progress.tell(
                  fmt::format("tightest: more than {}, at most {}", format_bytes(refused), format_bytes(fits)));
            });
      }
    } catch (const replay::Interrupted&) {
      throw std::runtime_error(shown + ": interrupted before the first bound was known");
    } catch (const std::exception& error) {
      throw std::runtime_error(shown + ": " + error.what());
    }
    const std::string text = line_.as_json     ? to_json(subject, report)
                             : line_.only_fits ? to_answer(subject, report)
                                               : to_text(subject, report);
    fmt::print("{}\n", text);
    if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "stdout");
  }

  [[nodiscard]] replay::Trace generate() const {
    try {
      return generate_transformer(line_.model);
    } catch (const InvalidArgument& error) {
      throw CLI::ValidationError(error.message());
    }
  }

  const ReplayCommandLine& line_;
  replay::ReplayOptions options_;
};

}  // namespace

void add_replay(CLI::App& app, int& status) {
  auto line = std::make_shared<ReplayCommandLine>();
  add_replay_options(app, line)->callback([line, &status] {
    line->check();
    status = ReplayRun(*line).run();
  });
}

}  // namespace weir::tool
