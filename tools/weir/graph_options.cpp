#include "graph_options.hpp"

#include <limits>

namespace weir::tool {

graph::ReadOptions GraphCommandLine::reading() const {
  return {.format = graph::parse_format(format), .weights = weights == "on"};
}

graph::RunSettings GraphCommandLine::settings() const {
  graph::RunSettings made;
  made.law = law == "fr"    ? graph::LawKind::fruchterman_reingold
             : law == "fa2" ? graph::LawKind::force_atlas_2
                            : graph::LawKind::springs;
  made.dimensions = dimensions;
  made.max_steps = steps;
  made.max_seconds = seconds > 0 ? seconds : std::numeric_limits<double>::infinity();
  if (theta > 0) made.theta = theta;
  made.exact = exact;
  made.threads = threads;
  made.kernels = kernels;
  made.frames = frames == "none"     ? graph::FrameMode::none
                : frames == "sync"   ? graph::FrameMode::sync
                : frames == "latest" ? graph::FrameMode::latest
                                     : graph::FrameMode::every;
  made.seed = seed;
  made.coarsen = coarsen == "on";
  return made;
}

CLI::App* add_graph_options(CLI::App& app, const std::shared_ptr<GraphCommandLine>& line) {
  auto* command = app.add_subcommand("graph", "Lay a graph out by forces, for programs or as a picture");
  GraphCommandLine& a = *line;
  const CLI::IsMember on_off({"on", "off"});
  const CLI::Validator positive(
      [](std::string& text) {
        double number = 0;
        const bool holds = CLI::detail::lexical_cast(text, number) && number > 0;  // nan is not
        return holds ? std::string() : text + " is no number above 0";
      },
      "POSITIVE");
  command
      ->add_option("file", a.input,
                   "The graph: an edge list, MatrixMarket, GML, GraphML, GEXF or DOT, packed by gzip or not; - is the "
                   "standard input")
      ->required();
  command
      ->add_option(
          "-o,--output", a.outputs,
          "The file to write: .json, .csv, .svg or .png; several are allowed. - is JSON on the standard output")
      ->required()
      ->allow_extra_args(false);
  command->add_option("--format", a.format, "Of the graph: " + graph::format_names() + " (default: as it looks)");
  command->add_option("--weights", a.weights, "off: each edge has weight 1, whatever the file says")->check(on_off);
  command->add_option("--law", a.law, "fr: Fruchterman-Reingold, fa2: ForceAtlas2, app: springs of a length")
      ->check(CLI::IsMember({"fr", "fa2", "app"}))
      ->capture_default_str();
  command->add_option("--dimensions", a.dimensions, "2 or 3")->check(CLI::Range(2, 3))->capture_default_str();
  command->add_option("--steps", a.steps, "Steps at most (default: until it is settled)")->check(CLI::PositiveNumber);
  command->add_option("--seconds", a.seconds, "Seconds at most")->check(positive);
  auto* theta =
      command
          ->add_option(
              "--theta", a.theta,
              "How roughly far nodes push, 0.1 to 2: less is slower and exacter (default: 1.2 above 8,192 nodes, "
              "below them every pair by itself)")
          ->check(positive);
  command->add_flag("--exact", a.exact, "Every node pushes every other by itself, whatever the size")->excludes(theta);
  command->add_option("--coarsen", a.coarsen, "off: start with the graph itself, not with coarser ones")->check(on_off);
  command->add_option("--seed", a.seed, "Of the first positions")
      ->check(CLI::NonNegativeNumber)  // or -1 would be the largest
      ->capture_default_str();
  command
      ->add_option("--frames", a.frames,
                   "Positions that are downloaded while steps compute: none, sync (each step waits), latest (some may "
                   "be skipped) or every")
      ->check(CLI::IsMember({"none", "sync", "latest", "every"}))
      ->capture_default_str();
  command->add_option("--device", a.device,
                      "Where to compute: host, vulkan or cuda (default: the best that is not emulated)");
  command->add_option("--kernels", a.kernels, "Kernels of the host: x86-64, x86-64-v3, x86-64-v4 (default: the best)");
  command->add_option("--threads", a.threads, "Threads of the host (default: one for each core)")
      ->check(CLI::Range(1, 1024));
  command->add_option("--limit", a.limit, "Limit of device memory, e.g. 64MiB");
  command->add_option("--pool", a.pool, "off: each buffer is a driver allocation of its own")
      ->check(on_off)
      ->capture_default_str();
  command->add_flag("--json", a.json, "Print one JSON object on stdout");
  return command;
}

}  // namespace weir::tool
