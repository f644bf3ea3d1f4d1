#include "workloads/balance/learning/curves.hpp"

#include <algorithm>

#include "files/chart.hpp"

namespace weir::balance {
namespace {

/// A value of each episode over the steps at its end.
template <class Value>
files::ChartLine line_of(const Curve& curve, const files::Colour& colour, const Value& value) {
  files::ChartLine line{.name = {}, .x = {}, .y = {}, .colour = colour, .width = 1.4, .opacity = 0.85};
  double steps = 0;
  for (const Episode& episode : curve.episodes) {
    steps += episode.steps;
    line.x.push_back(steps);
    line.y.push_back(value(episode));
  }
  return line;
}

}  // namespace

std::string learning_curves(const std::vector<Curve>& curves, const std::string& title, PictureKind kind) {
  const auto solved = std::count_if(curves.begin(), curves.end(), [](const Curve& each) { return each.solved; });
  files::ChartPanel reward{.title = title + ": reward of an episode; " + std::to_string(solved) + " of " +
                                    std::to_string(curves.size()) + " solved",
                           .x_label = "steps of the robot",
                           .y_label = "reward",
                           .lines = {}};
  files::ChartPanel length{.title = "length of an episode",
                           .x_label = "steps of the robot",
                           .y_label = "steps",
                           .lines = {},
                           .from_zero = true};
  files::ChartPanel loss{.title = "loss at the end of an episode",
                         .x_label = "steps of the robot",
                         .y_label = "Huber's loss",
                         .lines = {},
                         .from_zero = true};
  files::ChartPanel memory{.title = "device memory in use at the end of an episode",
                           .x_label = "steps of the robot",
                           .y_label = "KiB",
                           .lines = {},
                           .from_zero = true};
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const files::Colour colour = files::chart_colour(i);
    const Curve& curve = curves[i];
    reward.lines.push_back(line_of(curve, colour, [](const Episode& e) { return double{e.reward}; }));
    if (curves.size() <= 8) reward.lines.back().name = "seed " + std::to_string(curve.seed);
    length.lines.push_back(line_of(curve, colour, [](const Episode& e) { return double(e.steps); }));
    loss.lines.push_back(line_of(curve, colour, [](const Episode& e) { return double{e.loss}; }));
    memory.lines.push_back(
        line_of(curve, colour, [](const Episode& e) { return static_cast<double>(e.bytes) / 1024; }));
  }
  const files::Chart chart({reward, length, loss, memory}, 1000, 260);
  return kind == PictureKind::png ? chart.png() : chart.svg();
}

}  // namespace weir::balance
