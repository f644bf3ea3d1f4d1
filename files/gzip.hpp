// Unpacks gzip data a buffer at a time, so that a file is read as it lies on disk. Bounded: a small file that unpacks
// to more than any that is worked on is an error, and not the end of this machine's memory. Called by readers of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "files/source.hpp"

namespace weir::files {

class GzipReader {
 public:
  /// What is unpacked at most; the largest traces known are a hundredth of it, and ten million named edges half. Bytes.
  static constexpr std::uint64_t max_bytes = std::uint64_t{1} << 30;

  explicit GzipReader(Source source);

  /// Fills the span, or what of it there still is; members one behind the other are one file, zeros
  /// behind one are passed over. Of data that are cut off
  /// gives all that can be unpacked. Throws ParseError where the data are damaged or more than max_bytes; and what the
  /// source throws.
  [[nodiscard]] std::size_t read(std::span<char> to);
  /// Whether the data ended inside a member: for after the end. Data that are cut between two members do not tell.
  [[nodiscard]] bool is_cut() const noexcept { return cut_; }

  /// What a source of gzip data holds.
  [[nodiscard]] static Source unpacked(Source packed);

  [[nodiscard]] static bool is_gzip(std::string_view beginning) noexcept { return beginning.starts_with("\x1f\x8b"); }

 private:
  struct Inflater;
  struct Close {
    void operator()(Inflater* inflater) const noexcept;
  };

  bool more_input();

  Source source_;
  std::vector<char> input_;
  std::unique_ptr<Inflater, Close> inflater_;
  std::uint64_t unpacked_ = 0;
  bool ended_ = false;  // behind a whole member
  bool cut_ = false;
};

}  // namespace weir::files
