// The command line: one subcommand a file. Exit status 0 when all went well, 1
// when some input or device failed, 2 for a command line that makes no sense.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("weir manages device memory; this tool shows what it would do for your program.", "weir");
  app.require_subcommand(1);
  app.set_version_flag("--version", WEIR_VERSION);
  int status = 0;
  weir::tool::add_replay(app, status);
  weir::tool::add_devices(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir: %s\n", error.what());
    return 1;
  }
  return status;
}
