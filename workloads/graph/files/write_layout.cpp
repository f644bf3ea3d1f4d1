#include "workloads/graph/files/write_layout.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include <weir/errors.hpp>

#include "files/characters.hpp"
#include "workloads/graph/files/drawing.hpp"
#ifdef WEIR_HAS_CHARTS
#include "workloads/graph/files/picture.hpp"
#endif

namespace weir::graph {
namespace {

using namespace std::string_view_literals;

constexpr std::array endings{std::pair{LayoutFormat::json, ".json"sv}, std::pair{LayoutFormat::csv, ".csv"sv},
                             std::pair{LayoutFormat::svg, ".svg"sv}, std::pair{LayoutFormat::png, ".png"sv}};

/// Text on its way to a file, in parts.
class Text {
 public:
  explicit Text(files::OutputFile& file) : file_(file) { text_.reserve(part_bytes + 4'096); }
  Text& operator<<(std::string_view text) {
    text_ += text;
    if (text_.size() >= part_bytes) flush();
    return *this;
  }
  /// As few digits as bring back the number; null where it is none.
  Text& number(float value) {
    if (!std::isfinite(value)) return *this << "null";
    std::array<char, 32> digits{};
    return *this << std::string_view(digits.data(), std::to_chars(digits.data(), digits.data() + 32, value).ptr);
  }
  /// Of a picture: to the hundredth of a pixel.
  Text& pixels(double value) {
    std::array<char, 64> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + 64, value, std::chars_format::fixed, 2).ptr;
    return *this << std::string_view(digits.data(), end);
  }
  void flush() {
    file_.write(text_);
    text_.clear();
  }

 private:
  static constexpr std::size_t part_bytes = std::size_t{1} << 20;
  files::OutputFile& file_;
  std::string text_;
};

/// UTF-8 without control characters, escaped as a format has it; what is no UTF-8 is replaced.
template <class Escape>
std::string escaped(std::string_view text, Escape escape) {
  std::string plain;
  while (!text.empty()) {
    const std::size_t bytes = files::character_bytes(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(bytes, 1));
    text.remove_prefix(character.size());
    if (bytes == 1) {
      escape(plain, character[0]);
    } else {
      plain += bytes == 0 ? "\xef\xbf\xbd" : character;
    }
  }
  return plain;
}

std::string json_text(std::string_view text) {
  return '"' +
         escaped(text,
                 [](std::string& to, char c) {
                   constexpr std::string_view digits = "0123456789abcdef";
                   const auto code = static_cast<unsigned char>(c);
                   if (c == '"' || c == '\\') {
                     (to += '\\') += c;
                   } else if (code < 0x20 || code == 0x7f) {
                     (to += "\\u00") += {digits[code >> 4U], digits[code & 15U]};
                   } else {
                     to += c;
                   }
                 }) +
         '"';
}

std::string xml_text(std::string_view text) {
  std::string plain = escaped(text, [](std::string& to, char c) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    to += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : control ? " " : std::string(1, c);
  });
  for (const std::string_view forbidden : {"\xef\xbf\xbe"sv, "\xef\xbf\xbf"sv}) {  // U+FFFE and U+FFFF
    for (std::size_t at = plain.find(forbidden); at != std::string::npos; at = plain.find(forbidden, at)) {
      plain.replace(at, forbidden.size(), "\xef\xbf\xbd");
    }
  }
  return plain;
}

std::string csv_text(std::string_view bytes) {
  std::string text = escaped(bytes, [](std::string& to, char c) { to += c; });
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

std::string id_of(const Graph& graph, std::uint32_t node) {
  return graph.labels.empty() ? std::to_string(node) : graph.labels[node];
}

std::string shown(const Graph& graph, std::uint32_t node) {
  const bool titled = !graph.titles.empty() && !graph.titles[node].empty();
  return titled ? graph.titles[node] : id_of(graph, node);
}

void write_json(Text& to, const Graph& graph, std::span<const Position> positions, std::string_view report) {
  while (report.ends_with('\n')) report.remove_suffix(1);
  const auto id = [&](std::uint32_t node) {
    return graph.labels.empty() ? std::to_string(node) : json_text(graph.labels[node]);
  };
  to << "{\"directed\": false, \"multigraph\": false,\n\"graph\": " << (report.empty() ? "{}" : report)
     << ",\n\"nodes\": [";
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    to << (node == 0 ? "\n" : ",\n") << "{\"id\": " << id(node) << ", \"label\": " << json_text(shown(graph, node));
    (to << ", \"x\": ").number(positions[node].x);
    (to << ", \"y\": ").number(positions[node].y);
    (to << ", \"z\": ").number(positions[node].z) << "}";
  }
  to << "],\n\"edges\": [";
  for (std::size_t i = 0; i < graph.edges.size(); ++i) {
    const Edge& edge = graph.edges[i];
    to << (i == 0 ? "\n" : ",\n") << "{\"source\": " << id(edge.source) << ", \"target\": " << id(edge.target);
    (to << ", \"weight\": ").number(edge.weight) << "}";
  }
  to << "]}\n";
}

void write_csv(Text& to, const Graph& graph, std::span<const Position> positions) {
  to << "node,label,x,y,z\n";
  for (std::uint32_t node = 0; node < graph.nodes; ++node) {
    to << csv_text(id_of(graph, node)) << "," << csv_text(shown(graph, node));
    (to << ",").number(positions[node].x);
    (to << ",").number(positions[node].y);
    (to << ",").number(positions[node].z) << "\n";
  }
}

void write_svg(Text& to, const Graph& graph, std::span<const Position> positions) {
  const Drawing drawing = drawing_of(graph, positions);
  (to << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ").pixels(drawing.width) << " ";
  to.pixels(drawing.height) << "\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  (to << "<g stroke=\"#555c7a\" stroke-width=\"").pixels(drawing.line_width) << "\" stroke-opacity=\"";
  to.pixels(std::max(drawing.line_opacity, 0.04)) << "\">\n";  // of eight bits, fainter lines would add nothing
  for (const Edge& edge : graph.edges) {
    const auto &from = drawing.points[edge.source], &end = drawing.points[edge.target];
    (to << "<path d=\"M").pixels(double{from.x}) << " ";
    (to.pixels(double{from.y}) << "L").pixels(double{end.x}) << " ";
    to.pixels(double{end.y}) << "\"/>\n";
  }
  to << "</g>\n<g fill=\"#33507f\">\n";
  for (const std::uint32_t node : drawing.order) {
    (to << "<circle cx=\"").pixels(double{drawing.points[node].x}) << "\" cy=\"";
    (to.pixels(double{drawing.points[node].y}) << "\" r=\"").pixels(drawing.radius_of(node))
        << "\"><title>" << xml_text(shown(graph, node)) << "</title></circle>\n";
  }
  to << "</g>\n</svg>\n";
}

}  // namespace

LayoutFormat layout_format(std::string_view path) {
  const std::string_view name = path.substr(path.find_last_of('/') + 1);
  const std::size_t dot = name.find_last_of('.');
  if (path == "-" || dot == std::string_view::npos || dot == 0) return LayoutFormat::json;
  std::string suffix(name.substr(dot));
  std::ranges::transform(suffix, suffix.begin(),
                         [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  const auto found = std::ranges::find(endings, suffix, [](const auto& each) { return each.second; });
  if (found == endings.end()) {
    throw InvalidArgument(
        std::string(path) + ": a layout is written as .json, .csv, .svg or .png, and not as " + suffix,
        {.name = std::string(path)});
  }
#ifndef WEIR_HAS_CHARTS
  if (found->first == LayoutFormat::png) {
    throw InvalidArgument(std::string(path) + ": this build has no cairo to draw PNG; write .svg",
                          {.name = std::string(path)});
  }
#endif
  return found->first;
}

void write_layout(files::OutputFile& file, LayoutFormat format, const Graph& graph, std::span<const Position> positions,
                  std::string_view report) {
  if (positions.size() != graph.nodes) {
    throw InvalidArgument("layout: " + std::to_string(positions.size()) + " positions of " +
                              std::to_string(graph.nodes) + " nodes; there has to be one a node",
                          {.name = "positions", .limit = graph.nodes});
  }
  Text text(file);
  switch (format) {
    case LayoutFormat::json: write_json(text, graph, positions, report); break;
    case LayoutFormat::csv: write_csv(text, graph, positions); break;
    case LayoutFormat::svg: write_svg(text, graph, positions); break;
    case LayoutFormat::png:
#ifdef WEIR_HAS_CHARTS
      text << png_of(graph, positions);
#endif
      break;
  }
  text.flush();
}

}  // namespace weir::graph
