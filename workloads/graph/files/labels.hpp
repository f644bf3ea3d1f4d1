// The labels of a file's nodes: a node is made when its label is seen first, so that a label may be any text or number,
// and "1 4294967295" makes two nodes. Bounded: max_nodes labels of max_label bytes, max_bytes in all. Lookups go
// through a LabelCache. Used by Collector.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/graph/files/label_cache.hpp"

namespace weir::graph {

/// Throws ParseError: layouts are written as UTF-8, in which two names that are none could become one.
[[noreturn]] void refuse_encoding(std::string_view text, std::size_t line);

class Labels {
 public:
  static constexpr std::size_t max_label = 1'024;                   ///< bytes
  static constexpr std::size_t max_bytes = std::size_t{256} << 20;  ///< of all labels

  /// The label's node. `line` is for errors: throws ParseError for a label that is empty, too long or no UTF-8,
  /// LimitExceeded for more labels or bytes than there may be.
  std::uint32_t node(std::string_view label, std::size_t line);

  [[nodiscard]] std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(ends_.size()); }
  [[nodiscard]] std::string_view label(std::uint32_t node) const noexcept;
  [[nodiscard]] const LabelCache& cache() const noexcept { return cache_; }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  std::uint32_t find_or_make(std::string_view label, std::uint64_t hash, std::size_t line);
  void check(std::string_view label, std::size_t line) const;
  void enlarge();

  struct Slot {
    std::uint32_t node = none, hash = 0;  // the upper half
  };

  LabelCache cache_;
  std::string text_;                 // of all labels, one behind the other
  std::vector<std::uint32_t> ends_;  // in text_, of each node's label
  std::vector<Slot> table_;          // in open addressing; at most half full
};

}  // namespace weir::graph
