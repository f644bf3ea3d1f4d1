// The last labels that were looked up, with their nodes: at most 1,000, the one unused for longest goes first. Files
// list the edges of a node one behind the other and name few nodes again and again, so that most lookups end here, in
// some tens of KiB that stay near the processor, and not in the table of all labels, which is as large as the file has
// nodes. Hits and misses are counted. Used by Labels.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::graph {

class LabelCache {
 public:
  static constexpr std::uint32_t max_entries = 1'000;

  LabelCache();

  /// The label's node, if it is here; it is the last that was used then. `hash` is the label's.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view label, std::uint64_t hash) noexcept;
  /// Takes what find() did not find, in the place of the oldest where all are taken.
  void insert(std::string_view label, std::uint64_t hash, std::uint32_t node);

  [[nodiscard]] std::uint64_t hits() const noexcept { return hits_; }
  [[nodiscard]] std::uint64_t misses() const noexcept { return misses_; }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0}, buckets = 2'048;
  struct Entry {
    std::string label;
    std::uint64_t hash = 0;
    std::uint32_t node = 0;
    std::uint32_t newer = none, older = none;  // in the order of use
    std::uint32_t next = none;                 // of the same bucket
  };

  [[nodiscard]] static std::uint32_t bucket(std::uint64_t hash) noexcept { return hash % buckets; }
  void unlink(std::uint32_t entry) noexcept;
  void make_newest(std::uint32_t entry) noexcept;
  void leave_bucket(std::uint32_t entry) noexcept;

  std::vector<Entry> entries_;
  std::array<std::uint32_t, buckets> first_;
  std::uint32_t newest_ = none, oldest_ = none;
  std::uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace weir::graph
