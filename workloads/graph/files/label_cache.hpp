// The last labels that were looked up, as their hashes, with their nodes: at most 1,000; the one that was not used for
// longest makes room. Files list the edges of a node one behind the other and name few nodes again and again, so that
// many lookups end here, in 28 KiB, and not in the table of all labels, which may have a million. A miss costs about
// what a hit saves, so the time is the same without it; its counts tell how a file's lines are ordered. Used by Labels.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace weir::graph {

class LabelCache {
 public:
  static constexpr std::uint32_t max_entries = 1'000;

  LabelCache() { first_.fill(none); }

  /// The node with a label of this hash for which `matches(node)` holds, as two labels may have one hash. It is the
  /// last that was used then.
  template <class Matches>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, Matches matches) {
    for (std::uint32_t i = first_[bucket(hash)]; i != none; i = entries_[i].next) {
      if (entries_[i].hash != hash || !matches(entries_[i].node)) continue;
      ++hits_;
      use(i);
      return entries_[i].node;
    }
    ++misses_;
    return std::nullopt;
  }
  /// Takes what find() did not find, in the place of the oldest where all are taken.
  void insert(std::uint64_t hash, std::uint32_t node) noexcept;

  [[nodiscard]] std::uint64_t hits() const noexcept { return hits_; }
  [[nodiscard]] std::uint64_t misses() const noexcept { return misses_; }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0}, buckets = 1'024;
  struct Entry {
    std::uint64_t hash;
    std::uint32_t node;
    std::uint32_t newer, older;  // in the order of use
    std::uint32_t next;          // of the same bucket
  };

  [[nodiscard]] static std::uint32_t bucket(std::uint64_t hash) noexcept { return hash % buckets; }
  void use(std::uint32_t entry) noexcept {
    if (entry == newest_) return;
    unlink(entry);
    make_newest(entry);
  }
  void unlink(std::uint32_t entry) noexcept;
  void make_newest(std::uint32_t entry) noexcept;
  void leave_bucket(std::uint32_t entry) noexcept;

  std::array<Entry, max_entries> entries_{};
  std::array<std::uint32_t, buckets> first_;
  std::uint32_t count_ = 0, newest_ = none, oldest_ = none;
  std::uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace weir::graph
