// The command line: one subcommand a file. Exit status 0 when all went well, 1
// when some input or device failed, 2 for a command line that makes no sense.
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "commands.hpp"
#include "inject.hpp"

namespace {

/// What is wrong with the command line, and how it should look.
std::string explain(const CLI::App* app, const CLI::Error& error) {
  const auto chosen = app->get_subcommands();
  const std::string command = chosen.empty() ? "weir" : "weir " + chosen.front()->get_name();
  // A command such as `balance` has commands of its own.
  const bool commands_wanted =
      chosen.empty() || (chosen.front()->get_require_subcommand_min() > 0 && chosen.front()->get_subcommands().empty());
  const auto unknown = app->remaining(true);
  const std::string problem =
      commands_wanted && !unknown.empty() ? "no command or option " + unknown.front() : error.what();
  return "weir: " + problem + "\nUsage: " + command +
         (chosen.empty() ? " replay|report|convert|devices|lidar|balance|trajectory|graph|demo" : "") + " [OPTIONS]" +
         (command == "weir replay"       ? " [FILE...]"
          : command == "weir report"     ? " FILE -o OUT.html [--json OUT.json]"
          : command == "weir convert"    ? " FILE -o OUT.weir|pickle|json|csv"
          : command == "weir lidar"      ? " IN.las... -o OUT.las"
          : command == "weir trajectory" ? " -o OUT.csv"
          : command == "weir graph"      ? " FILE -o OUT.json|csv|svg|png"
          : command == "weir balance"    ? " train|run|bench"
                                         : "") +
         "\n" + command + " --help lists the options.\n";
}

/// The words of the command line, with a size that was written as two of them made one: `--capacity 24 GiB`, as the
/// tool itself writes sizes, would otherwise be 24 bytes and a file named GiB.
std::vector<std::string> words_of(int argc, char** argv) {
  const auto number = [](const std::string& word) {
    return !word.empty() && word.find_first_not_of("0123456789.") == std::string::npos;
  };
  const auto unit = [](const std::string& word) {
    if (word.empty() || std::isalpha(static_cast<unsigned char>(word[0])) == 0) return false;
    try {
      return weir::parse_bytes("1" + word) != 0;
    } catch (const weir::InvalidArgument&) {
      return false;
    }
  };
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  for (std::size_t i = 0; i + 1 < words.size() && words[i] != "--"; ++i) {
    for (const std::string option : {"--capacity", "--fits", "--limit"}) {
      const bool apart = words[i] == option && i + 2 < words.size() && number(words[i + 1]) && unit(words[i + 2]);
      const bool joined =
          words[i].starts_with(option + "=") && number(words[i].substr(option.size() + 1)) && unit(words[i + 1]);
      if (!apart && !joined) continue;
      const std::size_t at = apart ? i + 1 : i;
      words[at] += words[at + 1];
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(at) + 1);
    }
  }
  // As CLI takes them.
  std::reverse(words.begin(), words.end());
  return words;
}

/// Output that a full disk or a closed stdout swallowed is a failure.
int after_output(int status) {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout) return status;
  if (status == 0) std::fprintf(stderr, "weir: stdout: %s\n", std::strerror(errno));
  return status == 0 ? 1 : status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("weir manages device memory; this tool shows what it would do for your program.", "weir");
  app.require_subcommand(1);
  app.set_version_flag("--version", WEIR_VERSION);
  app.failure_message(explain);
  app.parse_complete_callback(weir::tool::inject_faults);  // before the command that was chosen runs
  int status = 0;
  weir::tool::add_replay(app, status);
  weir::tool::add_convert(app, status);
  weir::tool::add_report(app, status);
  weir::tool::add_devices(app, status);
  weir::tool::add_lidar(app, status);
  weir::tool::add_balance(app, status);
  weir::tool::add_demo(app, status);
  weir::tool::add_trajectory(app, status);
  weir::tool::add_graph(app, status);
  try {
    app.parse(words_of(argc, argv));
    weir::tool::tell_missed_faults();
  } catch (const CLI::Success& success) {
    return after_output(app.exit(success));
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir: %s\n", error.what());
    weir::tool::tell_missed_faults();
    return 1;
  }
  return after_output(status);
}
