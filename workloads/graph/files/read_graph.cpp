#include "workloads/graph/files/read_graph.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "files/gzip.hpp"
#include "files/input_file.hpp"
#include "workloads/graph/files/collector.hpp"
#include "workloads/graph/files/dot.hpp"
#include "workloads/graph/files/edge_list.hpp"
#include "workloads/graph/files/fields.hpp"
#include "workloads/graph/files/gml.hpp"
#include "workloads/graph/files/matrix_market.hpp"
#include "workloads/graph/files/text_reader.hpp"
#include "workloads/graph/files/xml_graph.hpp"

namespace weir::graph {
namespace {

constexpr std::size_t beginning_bytes = std::size_t{64} << 10;

/// A source that can be looked into before it is read.
class Beginning {
 public:
  explicit Beginning(files::Source source) : source_(std::move(source)), bytes_(beginning_bytes) {
    bytes_.resize(source_.read(bytes_));
  }
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), bytes_.size()}; }
  /// All of it, from the start. At most once.
  [[nodiscard]] files::Source whole() {
    auto kept = std::make_shared<std::vector<char>>(std::move(bytes_));
    return {[kept, at = std::size_t{0}, source = source_](std::span<char> to) mutable {
              const std::size_t count = std::min(to.size(), kept->size() - at);
              std::copy_n(kept->begin() + static_cast<std::ptrdiff_t>(at), count, to.begin());
              at += count;
              return count == to.size() ? count : count + source.read(to.subspan(count));
            },
            source_.cut};
  }

 private:
  files::Source source_;
  std::vector<char> bytes_;
};

/// Of a table that is called CSV: as the first line tells that has a mark and is no comment.
Separator separator_of_table(std::string_view beginning) {
  while (!beginning.empty()) {
    const std::size_t end = std::min(beginning.find('\n'), beginning.size() - 1) + 1;
    const std::string_view line = beginning.substr(0, end);
    beginning.remove_prefix(end);
    if (is_comment(line.substr(0, line.find_last_not_of("\r\n") + 1))) continue;
    if (line.find(',') != std::string_view::npos) return Separator::comma;
    if (line.find(';') != std::string_view::npos) return Separator::semicolon;
    if (line.find('\t') != std::string_view::npos) return Separator::tab;
  }
  return Separator::comma;
}

/// What separates the fields of a list that is to be of this format.
std::optional<Separator> separator_for(FileFormat format, std::string_view beginning) {
  switch (format) {
    case FileFormat::edges: return Separator::blanks;
    case FileFormat::tsv: return Separator::tab;
    case FileFormat::csv: return separator_of_table(beginning);
    default: return std::nullopt;
  }
}

/// Returns the format that an edge list had.
FileFormat read_format(FileFormat format, std::string_view beginning, const files::Source& source, Collector& to) {
  if (format == FileFormat::graphml || format == FileFormat::gexf) {
    read_xml_graph(source, to);
    return format;
  }
  const auto separator = separator_for(format, beginning);
  TextReader text(source);
  switch (format) {
    case FileFormat::matrix_market: read_matrix_market(text, to); break;
    case FileFormat::gml: read_gml(text, to); break;
    case FileFormat::dot: read_dot(text, to); break;
    default: {
      const Separator found = read_edge_list(text, to, separator);
      return found == Separator::blanks ? FileFormat::edges
             : found == Separator::tab  ? FileFormat::tsv
                                        : FileFormat::csv;
    }
  }
  return format;
}

GraphFile read_source(files::Source source, const ReadOptions& options, std::string_view name) {
  GraphFile read;
  Beginning start(std::move(source));
  read.packed = files::GzipReader::is_gzip(start.text());
  if (read.packed) start = Beginning(files::GzipReader::unpacked(start.whole()));
  const std::string beginning(start.text());
  const files::Source whole = start.whole();
  Collector collector(options.weights);
  try {
    read.format = options.format == FileFormat::automatic ? identify(beginning, name) : options.format;
    read.format = read_format(read.format, beginning, whole, collector);
  } catch (const ParseError& error) {
    if (!whole.is_cut()) throw;
    throw ParseError("its gzip data are cut off; copy the file again (" + error.message() + ")");
  }
  if (whole.is_cut()) throw ParseError("its gzip data are cut off; copy the file again");
  read.weighted = collector.weighted();
  read.label_hits = collector.cache().hits();
  read.label_misses = collector.cache().misses();
  read.graph = collector.finish();
  if (read.graph.nodes == 0) throw ParseError("holds no node and no edge");
  return read;
}

/// Throws what `Failure` is, with the path in front.
template <class Failure>
[[noreturn]] void refuse_file(const std::filesystem::path& path, const Failure& failure) {
  ErrorFacts facts = failure.facts();
  facts.name = path.string();
  throw Failure(files::printable(path.string()) + ": " + failure.message(), facts);
}

}  // namespace

GraphFile read_graph(const std::filesystem::path& path, const ReadOptions& options) {
  const bool standard = path == "-";
  std::error_code code;
  const auto status = std::filesystem::status(path, code);
  if (path.empty()) throw InvalidArgument("the name of the graph's file is empty", {.name = "graph"});
  if (!standard && status.type() == std::filesystem::file_type::not_found) {
    throw NotFound(files::printable(path.string()) + ": no such file", {.name = path.string()});
  }
  if (!standard && status.type() == std::filesystem::file_type::directory) {
    throw InvalidArgument(files::printable(path.string()) + ": is a folder; a graph is one file",
                          {.name = path.string()});
  }
  files::InputFile file(standard ? "/dev/stdin" : path);
  try {
    return read_source(file.source(), options, path.native());
  } catch (const ParseError& error) {
    refuse_file(path, error);
  } catch (const LimitExceeded& error) {
    refuse_file(path, error);
  } catch (const Unsupported& error) {
    refuse_file(path, error);
  }
}

GraphFile read_graph_text(std::string_view bytes, const ReadOptions& options, std::string_view name) {
  const files::Source source{[rest = bytes](std::span<char> to) mutable {
    const std::size_t count = rest.copy(to.data(), to.size());
    rest.remove_prefix(count);
    return count;
  }};
  return read_source(source, options, name);
}

}  // namespace weir::graph
