#include "workloads/graph/files/collector.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <weir/errors.hpp>

#include "compute/range.hpp"
#include "files/characters.hpp"
#include "files/excerpt.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

bool to_number(std::string_view text, double& number) noexcept {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

std::uint32_t Collector::node(std::string_view label, std::size_t line) {
  const std::uint32_t node = labels_.node(label, line);
  if (node == named_at_.size()) {
    named_at_.push_back(
        static_cast<std::uint32_t>(std::min<std::size_t>(line, std::numeric_limits<std::uint32_t>::max())));
  }
  return node;
}

std::uint32_t Collector::listed_node(std::string_view label, std::string_view title, std::size_t line) {
  const std::uint32_t before = labels_.count(), node = this->node(label, line);
  if (node < before && named_at_[node] == 0) refuse(line, "the node " + files::excerpt(label) + " is there twice");
  named_at_[node] = 0;
  set_title(node, title, line);
  return node;
}

void Collector::set_title(std::uint32_t node, std::string_view title, std::size_t line) {
  if (title.empty()) return;
  if (!files::is_utf8(title)) refuse_encoding(title, line);
  title_bytes_ += title.size();
  if (title.size() > Labels::max_label || title_bytes_ > Labels::max_bytes) {
    refuse(line, "the label " + files::excerpt(title) + " has " + std::to_string(title.size()) + " bytes; at most " +
                     std::to_string(Labels::max_label) + " are allowed, and " +
                     std::to_string(Labels::max_bytes >> 20) + " MiB in all");
  }
  if (titles_.size() <= node) titles_.resize(std::size_t{node} + 1);
  titles_[node] = title;
}

void Collector::number_nodes(std::uint64_t count, std::size_t line) {
  if (count > max_nodes) {
    throw LimitExceeded("line " + std::to_string(line) + ": " + std::to_string(count) + " nodes; at most " +
                            std::to_string(max_nodes) + " are laid out",
                        {.name = "nodes", .limit = max_nodes});
  }
  numbered_ = static_cast<std::uint32_t>(count);
}

double Collector::weight_of(std::string_view text, std::size_t line) {
  if (!with_weights_) return 1;
  double weight = 0;
  if (!to_number(text, weight)) {
    refuse(line, "the weight is " + files::excerpt(text) +
                     ", which is no number; or read it without weights "
                     "(--weights off)");
  }
  check_weight(weight, text, line);
  return weight;
}

void Collector::check_weight(double weight, std::string_view text, std::size_t line) const {
  if (weight >= double{GraphBuilder::min_weight} && weight <= double{GraphBuilder::max_weight}) return;
  refuse(line, "the weight is " + files::excerpt(text) + ", and has to be from " +
                   compute::shortest(double{GraphBuilder::min_weight}) + " to " +
                   compute::shortest(double{GraphBuilder::max_weight}) +
                   "; or read it without weights (--weights off)");
}

void Collector::edge(std::uint32_t source, std::uint32_t target, double weight, std::size_t line) {
  weighted_ = weighted_ || weight != 1;
  try {
    builder_.add(source, target, static_cast<float>(weight));
  } catch (const LimitExceeded& error) {
    throw LimitExceeded("line " + std::to_string(line) + ": " + error.message(), error.facts());
  }
}

void Collector::edge(std::string_view source, std::string_view target, double weight, std::size_t line) {
  const std::uint32_t from = node(source, line);
  edge(from, node(target, line), weight, line);
}

void Collector::require_listed() const {
  const auto unknown = std::ranges::find_if(named_at_, [](std::uint32_t line) { return line != 0; });
  if (unknown == named_at_.end()) return;
  const auto node = static_cast<std::uint32_t>(unknown - named_at_.begin());
  refuse(*unknown,
         "an edge has the node " + files::excerpt(labels_.label(node)) + ", which is not among the nodes of the file");
}

Graph Collector::finish() {
  const std::uint32_t nodes = std::max(numbered_, labels_.count());
  Graph graph = builder_.finish(nodes);
  graph.labels.reserve(nodes);
  for (std::uint32_t i = 0; i < labels_.count(); ++i) graph.labels.emplace_back(labels_.label(i));
  for (std::uint32_t i = labels_.count(); i < nodes; ++i) graph.labels.push_back(std::to_string(i + 1));
  if (!titles_.empty()) {
    titles_.resize(nodes);
    graph.titles = std::move(titles_);
  }
  return graph;
}

}  // namespace weir::graph
