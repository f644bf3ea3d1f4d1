// Line charts as PNG and SVG: panels one below the other, each with axes, a title and a legend. Drawn by cairo, which
// the build may lack: then there is no chart. Used by the workloads' pictures.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace weir::files {

struct Colour {
  double red = 0, green = 0, blue = 0;  ///< 0 to 1
};
/// Colours that are told apart also by the colour-blind (Okabe and Ito), again and again.
[[nodiscard]] Colour chart_colour(std::size_t index) noexcept;

/// From violet by green to yellow for 0 to 1; lightness rises all along (after Matplotlib's viridis).
[[nodiscard]] Colour scale_colour(double part) noexcept;

struct ChartLine {
  std::string name = {};     ///< in the legend; empty for none
  std::vector<double> x, y;  ///< of one length; points that are not finite are gaps
  Colour colour = {};
  double width = 1.5;  ///< pixels
  double opacity = 1;
};

/// What scale_colour()'s colours stand for, in the legend.
struct ChartScale {
  std::string name, unit;
  double low = 0, high = 1;
};

struct ChartPanel {
  std::string title, x_label, y_label;
  std::vector<ChartLine> lines;
  std::optional<ChartScale> scale = {};
  bool equal_scales = false;  ///< as many pixels a unit across as up: for shapes in space
  bool from_zero = false;     ///< the y axis starts at 0
};

class Chart {
 public:
  /// Of `width` pixels, and `panel_height` for each panel; 200 to 8,192 each, and 32,768 in all.
  explicit Chart(std::vector<ChartPanel> panels, int width = 1000, int panel_height = 320);

  /// The file's bytes. Throws DriverError with cairo's reason.
  [[nodiscard]] std::string png() const;
  [[nodiscard]] std::string svg() const;

 private:
  std::vector<ChartPanel> panels_;
  int width_, panel_height_;
};

}  // namespace weir::files
