#include "workloads/graph/files/xml_graph.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "files/excerpt.hpp"
#include "workloads/graph/files/fields.hpp"
#include "workloads/graph/files/text_reader.hpp"
#include "workloads/graph/files/xml_parser.hpp"

namespace weir::graph {
namespace {

std::string lower(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(),
                         [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return small;
}

/// Without blanks and line ends around it.
std::string_view stripped(std::string_view text) {
  const std::size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  text.remove_prefix(start);
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

class XmlGraph : public XmlSink {
 public:
  explicit XmlGraph(Collector& to) : to_(to) {}

  void begin(std::string_view name, const XmlAttributes& attributes, std::size_t line) override {
    if (depth_++ == 0) {
      if (name != "graphml" && name != "gexf") {
        refuse(line, "the root of the XML is " + files::excerpt(name) + "; it has to be graphml or gexf");
      }
      gexf_ = name == "gexf";
      return;
    }
    if (name == "graph" && depth_ == 2) {
      if (graph_) refuse(line, "a second graph; a file with one is read");
      graph_ = true;
    }
    if (!graph_) {
      if (!gexf_) begin_key(name, attributes);
    } else if (name == "node") {
      begin_node(attributes, line);
    } else if (name == "edge") {
      begin_edge(attributes, line);
    } else if (name == "hyperedge") {
      refuse(line, "a hyperedge; edges have two nodes");
    } else if (!gexf_) {
      begin_data(name, attributes);
    }
  }

  void end(std::string_view name, std::size_t line) override {
    --depth_;
    if (graph_ && name == "node" && !nodes_.empty()) {
      nodes_.pop_back();
    } else if (graph_ && name == "edge" && edge_) {
      const double weight = edge_->weight ? to_.weight_of(*edge_->weight, line) : 1;
      to_.edge(edge_->source, edge_->target, weight, edge_->line);
      edge_.reset();
    } else if (wanted_ && depth_ + 1 == wanted_depth_) {
      take_text(line);
    }
  }

  void text(std::string_view part, std::size_t line) override {
    if (!wanted_) return;
    text_ += part;
    if (text_.size() > max_text) refuse(line, "a text has more than " + std::to_string(max_text) + " bytes");
  }

  void finish(std::size_t line) const {
    if (!graph_) refuse(line, "there is no graph in the file");
  }

 private:
  static constexpr std::size_t max_text = std::size_t{64} << 10;
  struct OpenEdge {
    std::string source, target;
    std::optional<std::string> weight;
    std::size_t line = 0;
  };
  enum class Wanted : std::uint8_t { default_weight, weight, title };

  /// GraphML's declarations of what data mean.
  void begin_key(std::string_view name, const XmlAttributes& attributes) {
    if (name == "key") {
      const std::string called = lower(attributes.find("attr.name").value_or(std::string_view()));
      const std::string_view of = attributes.find("for").value_or("all"), id = attributes.find("id").value_or("");
      key_is_weight_ = called == "weight" && (of == "edge" || of == "all");
      if (key_is_weight_) weight_key_ = id;
      if ((called == "label" || called == "name") && (of == "node" || of == "all") && title_key_.empty())
        title_key_ = id;
    } else if (name == "default" && key_is_weight_) {
      want(Wanted::default_weight);
    }
  }

  void begin_node(const XmlAttributes& attributes, std::size_t line) {
    const auto id = attributes.find("id");
    if (!id) refuse(line, "a node has no id");
    const std::string_view title = gexf_ ? attributes.find("label").value_or("") : std::string_view();
    nodes_.push_back(to_.listed_node(*id, title, line));
  }

  void begin_edge(const XmlAttributes& attributes, std::size_t line) {
    const auto source = attributes.find("source"), target = attributes.find("target");
    if (!source || !target) refuse(line, std::string("an edge has no ") + (source ? "target" : "source"));
    if (edge_) refuse(line, "an edge within an edge");
    edge_ = OpenEdge{std::string(*source), std::string(*target), default_weight_, line};
    const auto weight = gexf_ ? attributes.find("weight") : std::nullopt;
    if (weight && !weight->empty()) edge_->weight = std::string(*weight);
  }

  void begin_data(std::string_view name, const XmlAttributes& attributes) {
    const std::string_view key = attributes.find("key").value_or("");
    if (name == "data" && edge_ && !weight_key_.empty() && key == weight_key_) {
      want(Wanted::weight);
    } else if (name == "data" && !edge_ && !nodes_.empty() && !title_key_.empty() && key == title_key_) {
      want(Wanted::title);
    } else if (name == "NodeLabel" && !edge_ && !nodes_.empty()) {
      want(Wanted::title);
    }
  }

  void want(Wanted what) {
    wanted_ = what;
    wanted_depth_ = depth_;
    text_.clear();
  }

  void take_text(std::size_t line) {
    const std::string_view said = stripped(text_);
    if (said.empty()) {  // as if it were not there
    } else if (*wanted_ == Wanted::default_weight) {
      default_weight_ = std::string(said);
    } else if (*wanted_ == Wanted::weight && edge_) {
      edge_->weight = std::string(said);
    } else if (*wanted_ == Wanted::title && !nodes_.empty()) {
      to_.set_title(nodes_.back(), said, line);
    }
    wanted_.reset();
  }

  Collector& to_;
  bool gexf_ = false, graph_ = false, key_is_weight_ = false;
  std::size_t depth_ = 0;
  std::string weight_key_, title_key_;
  std::optional<std::string> default_weight_;
  std::vector<std::uint32_t> nodes_;  // that are open
  std::optional<OpenEdge> edge_;
  std::optional<Wanted> wanted_;  // text that is being read
  std::size_t wanted_depth_ = 0;
  std::string text_;
};

}  // namespace

void read_xml_graph(const files::Source& source, Collector& to) {
  XmlGraph graph(to);
  parse_xml(source, graph);
  graph.finish(1);
  to.require_listed();
}

}  // namespace weir::graph
