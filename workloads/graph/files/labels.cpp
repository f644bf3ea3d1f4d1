#include "workloads/graph/files/labels.hpp"

#include <algorithm>
#include <utility>

#include <weir/errors.hpp>

#include "files/characters.hpp"
#include "files/excerpt.hpp"
#include "workloads/graph/edges/graph.hpp"
#include "workloads/graph/files/label_hash.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

std::string_view Labels::label(std::uint32_t node) const noexcept {
  const std::uint32_t start = node == 0 ? 0 : ends_[node - 1];
  return std::string_view(text_).substr(start, ends_[node] - start);
}

std::uint32_t Labels::node(std::string_view label, std::size_t line) {
  const std::uint64_t hash = label_hash(label, key_of_process());
  const auto matches = [&](std::uint32_t node) { return this->label(node) == label; };
  if (const auto known = cache_.find(hash, matches)) return *known;
  const std::uint32_t node = find_or_make(label, hash, line);
  cache_.insert(hash, node);
  return node;
}

std::uint32_t Labels::find_or_make(std::string_view label, std::uint64_t hash, std::size_t line) {
  if (2 * ends_.size() >= table_.size()) enlarge();
  const auto upper = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = table_.size() - 1;
  std::size_t at = upper & mask;
  for (; table_[at].node != none; at = (at + 1) & mask) {
    if (table_[at].hash == upper && this->label(table_[at].node) == label) return table_[at].node;
  }
  check(label, line);
  table_[at] = {count(), upper};
  text_ += label;
  ends_.push_back(static_cast<std::uint32_t>(text_.size()));
  return table_[at].node;
}

void Labels::check(std::string_view label, std::size_t line) const {
  if (label.empty()) refuse(line, "a node has no name");
  if (label.size() > max_label) {
    refuse(line, "the name " + files::excerpt(label) + " has " + std::to_string(label.size()) + " bytes; at most " +
                     std::to_string(max_label) + " are allowed");
  }
  if (!files::is_utf8(label)) refuse_encoding(label, line);
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

void refuse_encoding(std::string_view text, std::size_t line) {
  refuse(line, "the name " + files::excerpt(text) +
                   " is no UTF-8; save the file as UTF-8, for example by iconv -f latin1 -t utf-8");
}

void Labels::enlarge() {
  std::vector<Slot> larger(std::max<std::size_t>(1'024, 2 * table_.size()));
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : table_) {
    if (slot.node == none) continue;
    std::size_t at = slot.hash & mask;
    while (larger[at].node != none) at = (at + 1) & mask;
    larger[at] = slot;
  }
  table_ = std::move(larger);
}

}  // namespace weir::graph
