// The subcommands. Each adds itself to the command line and, when chosen, runs
// and sets the exit status.
#pragma once

namespace CLI {
class App;
}

namespace weir::tool {

void add_replay(CLI::App& app, int& status);
void add_convert(CLI::App& app, int& status);
void add_report(CLI::App& app, int& status);
void add_devices(CLI::App& app, int& status);
void add_lidar(CLI::App& app, int& status);
void add_balance(CLI::App& app, int& status);
void add_demo(CLI::App& app, int& status);
void add_trajectory(CLI::App& app, int& status);
void add_graph(CLI::App& app, int& status);

}  // namespace weir::tool
