#include "figures.hpp"

#include <fmt/format.h>

namespace bench {
namespace {

bool passed(const Figure& figure, const Spread& value) {
  return figure.bar == Figure::Bar::at_most ? value.median <= figure.limit : value.median >= figure.limit;
}

std::string wanted(const Figure& figure) {
  return fmt::format("{} {}", figure.bar == Figure::Bar::at_most ? "<=" : ">=", figure.limit);
}

}  // namespace

std::string figures_text(const std::vector<Figure>& figures) {
  std::string text = fmt::format("{:<78} {:>9} {:>9} {:>9}  {}\n", "figure", "median", "low", "high", "wanted");
  for (const Figure& figure : figures) {
    const Spread value = spread(figure.values);
    text += fmt::format("{:<78} {:>9.2f} {:>9.2f} {:>9.2f}", figure.what, value.median, value.low, value.high);
    if (figure.bar != Figure::Bar::none) {
      text += fmt::format("  {:<10} {}", wanted(figure), passed(figure, value) ? "PASS" : "MISS");
    }
    text += '\n';
  }
  return text;
}

nlohmann::ordered_json figures_json(const std::vector<Figure>& figures) {
  auto rows = nlohmann::ordered_json::array();
  for (const Figure& figure : figures) {
    const Spread value = spread(figure.values);
    nlohmann::ordered_json row = {
        {"measure", figure.what}, {"median", value.median}, {"low", value.low}, {"high", value.high}};
    if (figure.bar != Figure::Bar::none) {
      row["wanted"] = figure.limit;
      row["passed"] = passed(figure, value);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace bench
