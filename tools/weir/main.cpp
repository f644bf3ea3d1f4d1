// The command line: one subcommand a file. Exit status 0 when all went well, 1
// when some input or device failed, 2 for a command line that makes no sense.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace {

/// What is wrong with the command line, and how it should look.
std::string explain(const CLI::App* app, const CLI::Error& error) {
  const auto chosen = app->get_subcommands();
  const std::string command = chosen.empty() ? "weir" : "weir " + chosen.front()->get_name();
  const auto unknown = app->remaining();
  const std::string problem =
      chosen.empty() && !unknown.empty() ? "no command or option " + unknown.front() : error.what();
  return "weir: " + problem + "\nUsage: " + command + (chosen.empty() ? " replay|devices|lidar" : "") + " [OPTIONS]" +
         (command == "weir replay"  ? " [FILE...]"
          : command == "weir lidar" ? " IN.las... -o OUT.las"
                                    : "") +
         "\n" + command + " --help lists the options.\n";
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
  int status = 0;
  weir::tool::add_replay(app, status);
  weir::tool::add_devices(app, status);
  weir::tool::add_lidar(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return after_output(app.exit(success));
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir: %s\n", error.what());
    return 1;
  }
  return after_output(status);
}
