// What a manager's buffers must be, kept in the plainest way: a vector of bytes for
// each, of which some are unknown, and the rules of capacity written down once
// more. Knows nothing of how a manager works.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include <weir/buffer_options.hpp>

namespace weir::model {

struct Element {
  std::array<std::uint8_t, 12> bytes;
};
inline constexpr std::size_t element_bytes = sizeof(Element);

/// Elements, of which each byte is known or not.
struct Contents {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> known;

  [[nodiscard]] std::size_t size() const { return bytes.size() / element_bytes; }
  /// New elements are unknown.
  void resize(std::size_t count) {
    bytes.resize(count * element_bytes);
    known.resize(count * element_bytes);
  }
  void write(std::size_t offset, std::span<const Element> data) {
    if (data.empty()) return;
    std::memcpy(bytes.data() + offset * element_bytes, data.data(), data.size_bytes());
    std::memset(known.data() + offset * element_bytes, 1, data.size_bytes());
  }
  void forget(std::size_t offset, std::size_t count) {
    if (count != 0) std::memset(known.data() + offset * element_bytes, 0, count * element_bytes);
  }
  [[nodiscard]] Contents window(std::size_t offset, std::size_t count) const {
    const auto part = [&](const std::vector<std::uint8_t>& all) {
      const auto start = all.begin() + static_cast<std::ptrdiff_t>(offset * element_bytes);
      return std::vector<std::uint8_t>(start, start + static_cast<std::ptrdiff_t>(count * element_bytes));
    };
    return {part(bytes), part(known)};
  }
  /// The first known byte that is another one in `found`, in words; empty if there is none.
  [[nodiscard]] std::string difference(std::span<const Element> found) const {
    if (found.size() != size()) return std::to_string(found.size()) + " elements, not " + std::to_string(size());
    if (found.empty() || std::memcmp(found.data(), bytes.data(), bytes.size()) == 0) return {};
    const auto* const is = reinterpret_cast<const std::uint8_t*>(found.data());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (known[i] == 0 || is[i] == bytes[i]) continue;
      return "byte " + std::to_string(i) + " of " + std::to_string(bytes.size()) + " is " + std::to_string(is[i]) +
             ", not " + std::to_string(bytes[i]);
    }
    return {};
  }
};

/// One buffer's size, capacity and contents.
class BufferOracle {
 public:
  BufferOracle(std::size_t count, const BufferOptions& options)
      : growth_(options.growth),
        max_(options.max_bytes / element_bytes),
        capacity_(std::max(count, std::min(options.min_elements, max_))) {
    contents.resize(count);
  }

  [[nodiscard]] std::size_t size() const { return contents.size(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] std::size_t most() const { return max_; }
  /// Its capacity after one that has room for `count`.
  [[nodiscard]] std::size_t capacity_for(std::size_t count) const {
    if (count <= capacity_) return capacity_;
    const double grown = std::floor(static_cast<double>(capacity_) * growth_);
    const std::size_t more = grown >= static_cast<double>(max_) ? max_ : static_cast<std::size_t>(grown);
    return std::max(more, count);
  }
  void ensure(std::size_t count) { capacity_ = capacity_for(count); }
  void resize(std::size_t count) {
    ensure(count);
    contents.resize(count);
  }
  void shrink(std::size_t count) { capacity_ = std::min(capacity_, std::max({count, size(), std::size_t{1}})); }

  Contents contents;

 private:
  double growth_;
  std::size_t max_;
  std::size_t capacity_;
};

}  // namespace weir::model
