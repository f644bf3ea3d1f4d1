// SipHash-2-4 of Aumasson and Bernstein: a hash whose key a file cannot know, so that no file can be made of labels
// that all fall into one place of a table. Used by Labels.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::graph {

struct HashKey {
  std::uint64_t low = 0, high = 0;
};

/// Drawn once, at random; another in each process.
[[nodiscard]] const HashKey& key_of_process();

[[nodiscard]] std::uint64_t label_hash(std::string_view label, const HashKey& key) noexcept;

}  // namespace weir::graph
