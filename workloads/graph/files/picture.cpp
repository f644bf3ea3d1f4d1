#include "workloads/graph/files/picture.hpp"

#include <cairo.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numbers>

#include <weir/errors.hpp>

#include "files/chart.hpp"
#include "workloads/graph/files/drawing.hpp"
#include "workloads/graph/files/shading.hpp"

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

std::uint32_t byte_of(double paper_tone, double line_tone, double shown) {
  return static_cast<std::uint32_t>(std::lround(255 * (line_tone + (paper_tone - line_tone) * shown)));
}

/// All pixels: the paper, and the edges one by one, so that it is darker where they cross.
void draw_edges(cairo_surface_t* surface, const Graph& graph, const Drawing& drawing) {
  const auto width = static_cast<std::size_t>(cairo_image_surface_get_width(surface));
  const auto height = static_cast<std::size_t>(cairo_image_surface_get_height(surface));
  Shading shading(width, height);
  for (const Edge& edge : graph.edges) {
    shading.add(drawing.points[edge.source], drawing.points[edge.target], drawing.line_width, drawing.line_opacity);
  }
  cairo_surface_flush(surface);
  unsigned char* const bytes = cairo_image_surface_get_data(surface);
  const auto stride = static_cast<std::size_t>(cairo_image_surface_get_stride(surface));
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const double shown = double{shading.paper(x, y)};
      const std::uint32_t pixel = byte_of(paper.red, line.red, shown) << 16U |
                                  byte_of(paper.green, line.green, shown) << 8U | byte_of(paper.blue, line.blue, shown);
      std::memcpy(bytes + y * stride + 4 * x, &pixel, sizeof pixel);
    }
  }
  cairo_surface_mark_dirty(surface);
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
  draw_edges(surface.get(), graph, drawing);
  const std::unique_ptr<cairo_t, decltype(&cairo_destroy)> cairo(cairo_create(surface.get()), &cairo_destroy);
  draw_nodes(cairo.get(), drawing);
  require(cairo_status(cairo.get()));
  std::string bytes;
  require(cairo_surface_write_to_png_stream(surface.get(), append, &bytes));
  return bytes;
}

}  // namespace weir::graph
