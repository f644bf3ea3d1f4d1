#include "workloads/graph/files/format.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"

namespace weir::graph {
namespace {

using namespace std::string_view_literals;

struct Named {
  FileFormat format;
  std::string_view name;
};
constexpr std::array names{
    Named{FileFormat::edges, "edges"},       Named{FileFormat::csv, "csv"}, Named{FileFormat::tsv, "tsv"},
    Named{FileFormat::matrix_market, "mtx"}, Named{FileFormat::gml, "gml"}, Named{FileFormat::graphml, "graphml"},
    Named{FileFormat::gexf, "gexf"},         Named{FileFormat::dot, "dot"}, Named{FileFormat::automatic, "auto"}};
constexpr std::array suffixes{
    Named{FileFormat::csv, ".csv"}, Named{FileFormat::tsv, ".tsv"},         Named{FileFormat::matrix_market, ".mtx"},
    Named{FileFormat::gml, ".gml"}, Named{FileFormat::graphml, ".graphml"}, Named{FileFormat::gexf, ".gexf"},
    Named{FileFormat::dot, ".dot"}, Named{FileFormat::dot, ".gv"},          Named{FileFormat::graphml, ".xml"}};

struct Signature {
  std::string_view start, kind;
};
constexpr std::array others{Signature{"\x1f\x8b"sv, "gzip data within gzip data"},
                            Signature{"PK\x03\x04"sv, "a zip archive; unpack it first"},
                            Signature{"BZh"sv, "bzip2 data; unpack it first"},
                            Signature{"\xfd"
                                      "7zXZ"sv,
                                      "xz data; unpack it first"},
                            Signature{"\x28\xb5\x2f\xfd"sv, "zstd data; unpack it first"},
                            Signature{"\xff\xfe"sv, "UTF-16 text; save it as UTF-8"},
                            Signature{"\xfe\xff"sv, "UTF-16 text; save it as UTF-8"},
                            Signature{"version https://git-lfs"sv, "a Git LFS pointer; fetch it with git lfs pull"},
                            Signature{"\x7f"
                                      "ELF"sv,
                                      "a program"},
                            Signature{"%PDF"sv, "a PDF"},
                            Signature{"\x89PNG"sv, "a picture"},
                            Signature{"*"sv, "a file of Pajek; save it as GraphML or GEXF"},
                            Signature{"{"sv, "JSON or the like"},
                            Signature{"["sv, "JSON or the like"}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool has_suffix(std::string_view path, std::string_view suffix) {
  return path.size() > suffix.size() && std::ranges::equal(path.substr(path.size() - suffix.size()), suffix, {}, lower);
}

/// Without blanks and comments in front, of lines or, as in DOT, of any length.
std::string_view behind_comments(std::string_view text) {
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
    if (text.starts_with('#') || text.starts_with("//")) {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else if (text.starts_with("/*")) {
      const std::size_t end = text.find("*/", 2);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    } else {
      return text;
    }
  }
}

/// Takes the next word, in small letters; empty where there is none.
std::string take_word(std::string_view& text) {
  text = behind_comments(text);
  std::string word;
  while (!text.empty() && ((lower(text[0]) >= 'a' && lower(text[0]) <= 'z') || text[0] == '_')) {
    word += lower(text[0]);
    text.remove_prefix(1);
  }
  return word;
}

/// DOT and GML begin with words of their own.
std::optional<FileFormat> format_of_words(std::string_view text, std::string_view path) {
  std::string word = take_word(text);
  if (word == "strict") word = take_word(text);
  text = behind_comments(text);
  if (word == "graph" && text.starts_with('[')) return FileFormat::gml;
  if (word == "graph" || word == "digraph") {
    // A name may stand before the brace.
    const std::size_t brace = text.find_first_of("{\n");
    if (brace != std::string_view::npos && behind_comments(text.substr(brace)).starts_with('{')) return FileFormat::dot;
  }
  const bool heads_gml = word == "creator" || word == "version" || word == "comment" || word == "graph";
  if (heads_gml && has_suffix(path, ".gml")) return FileFormat::gml;
  if (word == "creator" && text.find("graph") != std::string_view::npos && text.starts_with('"'))
    return FileFormat::gml;
  return std::nullopt;
}

/// Whether the text is of DIMACS, whose lines begin with letters and would look like edges.
bool is_dimacs(std::string_view text) {
  return std::ranges::any_of(std::array{"p edge "sv, "p col "sv, "p sp "sv}, [&](std::string_view problem) {
    return text.starts_with(problem) || text.find('\n' + std::string(problem)) != std::string_view::npos;
  });
}

}  // namespace

std::string_view name(FileFormat format) noexcept { return std::ranges::find(names, format, &Named::format)->name; }

std::string format_names() {
  std::string all;
  for (const Named& each : names) {
    if (each.format != FileFormat::automatic) all.append(all.empty() ? "" : ", ").append(each.name);
  }
  return all;
}

FileFormat parse_format(std::string_view name) {
  const auto found = std::ranges::find(names, name, &Named::name);
  if (found != names.end()) return found->format;
  throw InvalidArgument("no format " + files::excerpt(name) + "; there are " + format_names(), {.name = "format"});
}

FileFormat identify(std::string_view beginning, std::string_view path) {
  if (has_suffix(path, ".gz")) path.remove_suffix(3);
  std::string_view text = beginning;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::string_view content = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  constexpr std::string_view banner = "%%matrixmarket";
  if (std::ranges::equal(content.substr(0, banner.size()), banner, {}, lower)) return FileFormat::matrix_market;
  if (content.starts_with('<')) return has_suffix(path, ".gexf") ? FileFormat::gexf : FileFormat::graphml;
  if (const auto found = format_of_words(content, path)) return *found;
  for (const Named& each : suffixes) {
    if (has_suffix(path, each.name)) return each.format;
  }
  const auto refuse_kind = [](std::string_view kind) {
    throw ParseError("is " + std::string(kind) + "; graphs are read of edge lists, MatrixMarket, GML, GraphML, GEXF " +
                     "and DOT, packed by gzip or not");
  };
  for (const Signature& other : others) {
    if (content.starts_with(other.start)) refuse_kind(other.kind);
  }
  if (has_suffix(path, ".graph") || has_suffix(path, ".metis")) {
    refuse_kind("by its name a file of METIS, which lists neighbours (if it is an edge list, say --format edges)");
  }
  if (has_suffix(path, "adjlist")) {
    refuse_kind("by its name a list of neighbours (if it is an edge list, say --format edges)");
  }
  if (is_dimacs(content)) refuse_kind("a file of DIMACS; leave only the numbers of its edges");
  return FileFormat::automatic;
}

}  // namespace weir::graph
