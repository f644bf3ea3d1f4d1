#include "workloads/graph/files/labels.hpp"

#include <algorithm>
#include <functional>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

std::string_view Labels::label(std::uint32_t node) const noexcept {
  const std::uint32_t start = node == 0 ? 0 : ends_[node - 1];
  return std::string_view(text_).substr(start, ends_[node] - start);
}

std::uint32_t Labels::node(std::string_view label, std::size_t line) {
  const std::uint64_t hash = std::hash<std::string_view>()(label);
  if (const auto known = cache_.find(label, hash)) return *known;
  const std::uint32_t node = find_or_make(label, hash, line);
  cache_.insert(label, hash, node);
  return node;
}

std::uint32_t Labels::find_or_make(std::string_view label, std::uint64_t hash, std::size_t line) {
  if (2 * ends_.size() >= table_.size()) enlarge();
  const auto upper = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = upper & mask;
  for (; table_[slot] != none; slot = (slot + 1) & mask) {
    const std::uint32_t node = table_[slot];
    if (hashes_[node] == upper && this->label(node) == label) return node;
  }
  check(label, line);
  const std::uint32_t made = count();
  table_[slot] = made;
  text_ += label;
  ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  hashes_.push_back(upper);
  return made;
}

void Labels::check(std::string_view label, std::size_t line) const {
  if (label.empty()) refuse(line, "a node has no name");
  if (label.size() > max_label) {
    refuse(line, "the name " + files::excerpt(label) + " has " + std::to_string(label.size()) + " bytes; at most " +
                     std::to_string(max_label) + " are allowed");
  }
  if (count() == max_nodes) {
    throw LimitExceeded("line " + std::to_string(line) + ": more than " + std::to_string(max_nodes) +
                            " different nodes; no larger graph is laid out",
                        {.name = "nodes", .limit = max_nodes});
  }
  if (text_.size() + label.size() > max_bytes) {
    throw LimitExceeded("line " + std::to_string(line) + ": the names of the nodes have more than " +
                            std::to_string(max_bytes >> 20) + " MiB; give the nodes numbers",
                        {.name = "labels", .limit = max_bytes});
  }
}

void Labels::enlarge() {
  table_.assign(std::max<std::size_t>(1'024, 2 * table_.size()), none);
  const std::size_t mask = table_.size() - 1;
  for (std::uint32_t node = 0; node < count(); ++node) {
    std::size_t slot = hashes_[node] & mask;
    while (table_[slot] != none) slot = (slot + 1) & mask;
    table_[slot] = node;
  }
}

}  // namespace weir::graph
