#include "files/chart.hpp"

#include <cairo-svg.h>
#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>

#include <weir/errors.hpp>

namespace weir::files {
namespace {

constexpr double left_margin = 78, right_margin = 24, top_margin = 38, bottom_margin = 50;
constexpr double small_text = 12, title_text = 14;
constexpr Colour ink{0.15, 0.15, 0.15}, grid{0.88, 0.88, 0.88};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void add(double value) noexcept {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Something that an axis can show, whatever was added.
  void settle() noexcept {
    if (!(low <= high)) low = 0, high = 1;
    if (high - low < 1e-12 * std::max({std::abs(low), std::abs(high), 1e-12})) low -= 0.5, high += 0.5;
  }
  [[nodiscard]] double size() const noexcept { return high - low; }
};

/// 1, 2 or 5 times a power of ten, such that a range has about `wanted` of them.
double tick_step(const Range& range, double wanted) {
  const double raw = range.size() / wanted;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double part = raw / power;
  return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

std::string tick_text(double value, double step) {
  std::array<char, 32> text{};
  if (std::abs(value) < step * 1e-9) value = 0;
  if (std::abs(value) >= 1e6 || (step < 1e-4 && value != 0)) {
    std::snprintf(text.data(), text.size(), "%.3g", value);
  } else {
    const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
    std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  }
  return text.data();
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

class Painter {
 public:
  explicit Painter(cairo_t* cairo) : cairo_(cairo) {
    cairo_select_font_face(cairo_, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  }

  void colour(const Colour& c, double opacity = 1) { cairo_set_source_rgba(cairo_, c.red, c.green, c.blue, opacity); }
  /// `across` of its width lies left of x: 0, 0.5 or 1.
  void text(const std::string& words, double x, double y, double size, double across) {
    cairo_set_font_size(cairo_, size);
    cairo_text_extents_t extents{};
    cairo_text_extents(cairo_, words.c_str(), &extents);
    cairo_move_to(cairo_, x - across * extents.x_advance, y);
    cairo_show_text(cairo_, words.c_str());
  }
  double width_of(const std::string& words, double size) {
    cairo_set_font_size(cairo_, size);
    cairo_text_extents_t extents{};
    cairo_text_extents(cairo_, words.c_str(), &extents);
    return extents.x_advance;
  }
  void line(double x0, double y0, double x1, double y1, double width) {
    cairo_set_line_width(cairo_, width);
    cairo_move_to(cairo_, x0, y0);
    cairo_line_to(cairo_, x1, y1);
    cairo_stroke(cairo_);
  }
  void fill(double x, double y, double width, double height) {
    cairo_rectangle(cairo_, x, y, width, height);
    cairo_fill(cairo_);
  }
  [[nodiscard]] cairo_t* cairo() const noexcept { return cairo_; }

 private:
  cairo_t* cairo_;
};

/// One panel in its place.
class Frame {
 public:
  Frame(const ChartPanel& panel, double width, double top, double height)
      : panel_(panel),
        left_(left_margin),
        right_(width - right_margin),
        top_(top + top_margin),
        bottom_(top + height - bottom_margin) {
    for (const ChartLine& line : panel.lines) {
      for (std::size_t i = 0; i < line.x.size(); ++i) {
        if (!std::isfinite(line.x[i]) || !std::isfinite(line.y[i])) continue;
        x_.add(line.x[i]);
        y_.add(line.y[i]);
      }
    }
    if (panel.from_zero) y_.add(0);
    x_.settle();
    y_.settle();
    y_.high += 0.05 * y_.size();
    if (!panel.from_zero) y_.low -= 0.05 * y_.size();
    if (panel.equal_scales) equalize();
  }

  void paint(Painter& painter) const {
    painter.colour(ink);
    painter.text(panel_.title, left_, top_ - 16, title_text, 0);
    paint_axes(painter);
    cairo_t* const cairo = painter.cairo();
    cairo_save(cairo);
    cairo_rectangle(cairo, left_, top_, right_ - left_, bottom_ - top_);
    cairo_clip(cairo);
    for (const ChartLine& line : panel_.lines) paint_line(painter, line);
    cairo_restore(cairo);
    if (panel_.scale) {
      paint_scale(painter, *panel_.scale);
    } else {
      paint_legend(painter);
    }
  }

 private:
  [[nodiscard]] double at_x(double x) const { return left_ + (x - x_.low) / x_.size() * (right_ - left_); }
  [[nodiscard]] double at_y(double y) const { return bottom_ - (y - y_.low) / y_.size() * (bottom_ - top_); }

  /// Widens the range of the axis that has more pixels a unit.
  void equalize() {
    const double across = (right_ - left_) / x_.size(), up = (bottom_ - top_) / y_.size();
    if (across > up) {
      x_.high = x_.low + (right_ - left_) / up;
    } else {
      y_.high = y_.low + (bottom_ - top_) / across;
    }
  }

  void paint_axes(Painter& painter) const {
    const double x_step = tick_step(x_, 8), y_step = tick_step(y_, 5);
    for (double x = std::ceil(x_.low / x_step) * x_step; x <= x_.high + x_step * 1e-9; x += x_step) {
      painter.colour(grid);
      painter.line(at_x(x), top_, at_x(x), bottom_, 1);
      painter.colour(ink);
      painter.text(tick_text(x, x_step), at_x(x), bottom_ + 17, small_text, 0.5);
    }
    for (double y = std::ceil(y_.low / y_step) * y_step; y <= y_.high + y_step * 1e-9; y += y_step) {
      painter.colour(grid);
      painter.line(left_, at_y(y), right_, at_y(y), 1);
      painter.colour(ink);
      painter.text(tick_text(y, y_step), left_ - 8, at_y(y) + 4, small_text, 1);
    }
    painter.line(left_, bottom_, right_, bottom_, 1);
    painter.line(left_, top_, left_, bottom_, 1);
    painter.text(panel_.x_label, (left_ + right_) / 2, bottom_ + 38, small_text, 0.5);
    cairo_save(painter.cairo());
    cairo_translate(painter.cairo(), 20, (top_ + bottom_) / 2);
    cairo_rotate(painter.cairo(), -1.5707963267948966);
    painter.text(panel_.y_label, 0, 0, small_text, 0.5);
    cairo_restore(painter.cairo());
  }

  void paint_line(Painter& painter, const ChartLine& line) const {
    cairo_t* const cairo = painter.cairo();
    painter.colour(line.colour, line.opacity);
    cairo_set_line_width(cairo, line.width);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    bool drawing = false;
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      if (!std::isfinite(line.x[i]) || !std::isfinite(line.y[i])) {
        drawing = false;
        continue;
      }
      if (drawing) {
        cairo_line_to(cairo, at_x(line.x[i]), at_y(line.y[i]));
      } else {
        cairo_move_to(cairo, at_x(line.x[i]), at_y(line.y[i]));
      }
      drawing = true;
    }
    cairo_stroke(cairo);
  }

  /// From the right, in the line of the title.
  void paint_legend(Painter& painter) const {
    double x = right_;
    for (auto line = panel_.lines.rbegin(); line != panel_.lines.rend(); ++line) {
      if (line->name.empty()) continue;
      x -= painter.width_of(line->name, small_text);
      painter.colour(ink);
      painter.text(line->name, x, top_ - 16, small_text, 0);
      painter.colour(line->colour);
      painter.line(x - 28, top_ - 20, x - 8, top_ - 20, 3);
      x -= 44;
    }
  }

  void paint_scale(Painter& painter, const ChartScale& scale) const {
    constexpr int steps = 128;
    constexpr double width = 220, height = 9;
    const std::string low = number_text(scale.low), high = number_text(scale.high) + " " + scale.unit;
    const double end = right_ - painter.width_of(high, small_text) - 8, start = end - width;
    for (int i = 0; i < steps; ++i) {
      painter.colour(scale_colour((i + 0.5) / steps));
      painter.fill(start + i * width / steps, top_ - 25, width / steps + 0.5, height);
    }
    painter.colour(ink);
    painter.text(high, right_, top_ - 16, small_text, 1);
    painter.text(scale.name + "  " + low, start - 8, top_ - 16, small_text, 1);
  }

  const ChartPanel& panel_;
  const double left_, right_, top_, bottom_;
  Range x_, y_;
};

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;

[[noreturn]] void refuse(cairo_status_t status) {
  throw DriverError(std::string("a chart cannot be drawn: ") + cairo_status_to_string(status),
                    {.name = "cairo", .native_code = static_cast<int>(status)});
}
void require(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS) refuse(status);
}

cairo_status_t append(void* text, const unsigned char* bytes, unsigned int count) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

void paint(cairo_surface_t* surface, const std::vector<ChartPanel>& panels, int width, int panel_height) {
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> cairo(cairo_create(surface), cairo_destroy);
  Painter painter(cairo.get());
  painter.colour({1, 1, 1});
  cairo_paint(cairo.get());
  double top = 0;
  for (const ChartPanel& panel : panels) {
    Frame(panel, width, top, panel_height).paint(painter);
    top += panel_height;
  }
  require(cairo_status(cairo.get()));
}

}  // namespace

Colour chart_colour(std::size_t index) noexcept {
  constexpr std::array<Colour, 7> all{{{0.00, 0.45, 0.70},
                                       {0.84, 0.37, 0.00},
                                       {0.00, 0.62, 0.45},
                                       {0.80, 0.47, 0.65},
                                       {0.90, 0.62, 0.00},
                                       {0.34, 0.71, 0.91},
                                       {0.35, 0.35, 0.35}}};
  return all[index % all.size()];
}

Colour scale_colour(double part) noexcept {
  constexpr std::array<Colour, 6> stops{{{0.267, 0.005, 0.329},
                                         {0.254, 0.265, 0.530},
                                         {0.164, 0.471, 0.558},
                                         {0.135, 0.659, 0.518},
                                         {0.478, 0.821, 0.318},
                                         {0.993, 0.906, 0.144}}};
  const double at = std::clamp(part, 0.0, 1.0) * (stops.size() - 1);
  const std::size_t below = std::min<std::size_t>(static_cast<std::size_t>(at), stops.size() - 2);
  const double rest = at - static_cast<double>(below);
  const auto mix = [&](double Colour::*one) {
    return stops[below].*one + rest * (stops[below + 1].*one - stops[below].*one);
  };
  return {mix(&Colour::red), mix(&Colour::green), mix(&Colour::blue)};
}

Chart::Chart(std::vector<ChartPanel> panels, int width, int panel_height)
    : panels_(std::move(panels)), width_(width), panel_height_(panel_height) {
  const auto fits = [](int pixels) { return pixels >= 200 && pixels <= 8'192; };
  if (!fits(width) || !fits(panel_height) || panels_.empty() ||
      panels_.size() * static_cast<std::size_t>(panel_height) > 32'768) {
    throw InvalidArgument("a chart of " + std::to_string(width) + " by " + std::to_string(panels_.size()) + " times " +
                              std::to_string(panel_height) + " pixels; each is 200 to 8192, and all panels 32768 high",
                          {.name = "chart"});
  }
}

std::string Chart::png() const {
  const int height = panel_height_ * static_cast<int>(panels_.size());
  const Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width_, height), cairo_surface_destroy);
  require(cairo_surface_status(surface.get()));
  paint(surface.get(), panels_, width_, panel_height_);
  std::string bytes;
  require(cairo_surface_write_to_png_stream(surface.get(), append, &bytes));
  return bytes;
}

std::string Chart::svg() const {
  std::string bytes;
  const double height = panel_height_ * static_cast<double>(panels_.size());
  const Surface surface(cairo_svg_surface_create_for_stream(append, &bytes, width_, height), cairo_surface_destroy);
  require(cairo_surface_status(surface.get()));
  paint(surface.get(), panels_, width_, panel_height_);
  cairo_surface_finish(surface.get());
  require(cairo_surface_status(surface.get()));
  return bytes;
}

}  // namespace weir::files
