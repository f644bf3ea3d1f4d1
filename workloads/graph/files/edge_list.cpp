#include "workloads/graph/files/edge_list.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "files/excerpt.hpp"

namespace weir::graph {
namespace {

using namespace std::string_view_literals;

// Words that are hardly names of nodes.
constexpr std::array source_names{"source"sv, "from"sv,     "src"sv,        "node1"sv, "node_1"sv,
                                  "node 1"sv, "fromnode"sv, "fromnodeid"sv, "id1"sv,   "id_1"sv};
constexpr std::array target_names{"target"sv, "to"sv,     "dst"sv,      "node2"sv, "node_2"sv,
                                  "node 2"sv, "tonode"sv, "tonodeid"sv, "id2"sv,   "id_2"sv};
constexpr std::array weight_names{"weight"sv, "w"sv, "value"sv};

/// The first column of such a name, in whatever case.
std::optional<std::size_t> find_column(const Fields& header, std::span<const std::string_view> names) {
  const auto lower = [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); };
  for (std::size_t i = 0; i < header.size(); ++i) {
    std::string name(header[i]);
    std::ranges::transform(name, name.begin(), lower);
    if (std::ranges::find(names, name) != names.end()) return i;
  }
  return std::nullopt;
}

bool is_number(std::string_view text) {
  double number = 0;
  return to_number(text, number);
}

class EdgeList {
 public:
  static constexpr unsigned max_headings = 10;

  EdgeList(TextReader& text, Collector& to, std::optional<Separator> separator)
      : text_(text), to_(to), separator_(separator) {}

  [[nodiscard]] Separator separator() const noexcept { return separator_.value_or(Separator::blanks); }

  void read() {
    bool more = next();
    if (more) more = named_columns() ? next() : take_first();
    for (; more; more = next()) take();
  }

 private:
  /// Takes a first line that names no columns, unless the next tells that it is a header. Whether there is a next,
  /// whose fields are there then.
  bool take_first() {
    if (fields_.size() < 2) return true;  // it is refused as any such line
    const bool words = !is_number(fields_[0]) && !is_number(fields_[1]);
    const std::string source(fields_[0]), target(fields_[1]);
    const std::size_t line = text_.line();
    find_weight();
    const double first_weight = weight(line);
    const bool more = next();
    const bool header = words && more && fields_.size() >= 2 && is_number(fields_[0]) && is_number(fields_[1]);
    if (header) {
      weight_.reset();
      find_weight();
    } else {
      to_.edge(source, target, first_weight, line);
    }
    return more;
  }

  /// The fields of the next line that has some.
  bool next() {
    std::string_view line;
    while (text_.next_line(line)) {
      if (is_comment(line)) continue;
      fields_.split(line, separator_ ? *separator_ : separator_of(line), text_.line());
      if (fields_.size() == 1 && headings_ < max_headings) {
        ++headings_;
        continue;
      }
      if (!separator_) separator_ = separator_of(line);
      headings_ = max_headings;
      return true;
    }
    return false;
  }

  /// Whether the first line names columns.
  bool named_columns() {
    const auto source = find_column(fields_, source_names), target = find_column(fields_, target_names);
    if (!source || !target) return false;
    source_ = *source;
    target_ = *target;
    weight_ = find_column(fields_, weight_names);
    return true;
  }

  /// Whether the third field of a list without names is a weight.
  void find_weight() {
    if (fields_.size() > 2 && (is_number(fields_[2]) || fields_[2].starts_with('{'))) weight_ = 2;
  }

  double weight(std::size_t line) {
    if (!weight_ || *weight_ >= fields_.size() || fields_[*weight_].empty()) return 1;
    std::string_view text = fields_[*weight_];
    if (!text.starts_with('{')) return to_.weight_of(text, line);
    const std::size_t key = std::min(text.find("'weight':"), text.find("\"weight\":"));
    if (key == std::string_view::npos) return 1;
    text.remove_prefix(key + "'weight':"sv.size());
    return to_.weight_of(trimmed(text.substr(0, text.find_first_of(",}"))), line);
  }

  void take() {
    const std::size_t line = text_.line();
    if (fields_.size() <= std::max(source_, target_)) {
      refuse(line, "has " + std::to_string(fields_.size()) + (fields_.size() == 1 ? " field" : " fields") +
                       ", the first is " + files::excerpt(fields_[0]) + "; the two nodes of an edge are fields " +
                       std::to_string(source_ + 1) + " and " + std::to_string(target_ + 1));
    }
    to_.edge(fields_[source_], fields_[target_], weight(line), line);
  }

  TextReader& text_;
  Collector& to_;
  std::optional<Separator> separator_;
  Fields fields_;
  std::size_t source_ = 0, target_ = 1;
  std::optional<std::size_t> weight_;
  unsigned headings_ = 0;  // lines before the first edge
};

}  // namespace

Separator read_edge_list(TextReader& text, Collector& to, std::optional<Separator> separator) {
  EdgeList list(text, to, separator);
  list.read();
  return list.separator();
}

}  // namespace weir::graph
