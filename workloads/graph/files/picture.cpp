#include "workloads/graph/files/picture.hpp"

#include <cairo.h>

#include <memory>
#include <numbers>

#include <weir/errors.hpp>

#include "files/chart.hpp"
#include "workloads/graph/files/drawing.hpp"

namespace weir::graph {
namespace {

constexpr files::Colour paper{1, 1, 1}, line{0.33, 0.36, 0.48};

void require(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  throw DriverError(std::string("a picture cannot be drawn: ") + cairo_status_to_string(status),
                    {.name = "cairo", .native_code = static_cast<int>(status)});
}

cairo_status_t append(void* bytes, const unsigned char* data, unsigned length) {
  static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

/// One by one, so that lines that cross are darker there.
void draw_edges(cairo_t* cairo, const Graph& graph, const Drawing& drawing) {
  cairo_set_line_width(cairo, drawing.line_width);
  cairo_set_source_rgba(cairo, line.red, line.green, line.blue, drawing.line_opacity);
  for (const Edge& edge : graph.edges) {
    const auto &from = drawing.points[edge.source], &to = drawing.points[edge.target];
    cairo_move_to(cairo, double{from.x}, double{from.y});
    cairo_line_to(cairo, double{to.x}, double{to.y});
    cairo_stroke(cairo);
  }
}

void draw_nodes(cairo_t* cairo, const Drawing& drawing) {
  for (const std::uint32_t node : drawing.order) {
    const files::Colour colour = files::scale_colour(0.9 * double{drawing.tone[node]});
    cairo_set_source_rgba(cairo, colour.red, colour.green, colour.blue, 0.95);
    cairo_arc(cairo, double{drawing.points[node].x}, double{drawing.points[node].y}, drawing.radius_of(node), 0,
              2 * std::numbers::pi);
    cairo_fill(cairo);
  }
}

}  // namespace

std::string png_of(const Graph& graph, std::span<const Position> positions) {
  const Drawing drawing = drawing_of(graph, positions);
  const std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface(
      cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(drawing.width), static_cast<int>(drawing.height)),
      &cairo_surface_destroy);
  require(cairo_surface_status(surface.get()));
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> cairo(cairo_create(surface.get()), &cairo_destroy);
  cairo_set_source_rgb(cairo.get(), paper.red, paper.green, paper.blue);
  cairo_paint(cairo.get());
  draw_edges(cairo.get(), graph, drawing);
  draw_nodes(cairo.get(), drawing);
  require(cairo_status(cairo.get()));
  std::string bytes;
  require(cairo_surface_write_to_png_stream(surface.get(), append, &bytes));
  return bytes;
}

}  // namespace weir::graph
