// What a pool must say of itself, kept in the plainest way: a map of the live
// blocks and sums over every step. Knows nothing of how a pool works.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <weir/pool.hpp>

namespace weir::model {

class Oracle {
 public:
  struct Live {
    std::uint64_t address = 0;
    std::uint64_t requested = 0;
    BlockHandle handle;
    std::string tag;
  };

  /// `loose_peak` bytes are what a peak may read too high.
  Oracle(std::uint64_t limit, std::uint64_t page_bytes, std::uint64_t loose_peak)
      : limit_(limit), page_bytes_(page_bytes), loose_peak_(loose_peak) {}

  /// A block was given; says what is wrong with it, or nothing.
  [[nodiscard]] std::string allocated(const Live& block, std::uint64_t alignment);
  void freed(std::uint64_t address);
  void refused() { ++refusals_; }
  void misused() { ++errors_; }
  void booked(std::int64_t bytes) { external_ += static_cast<std::uint64_t>(bytes); }

  [[nodiscard]] const std::vector<Live>& live() const { return live_; }
  [[nodiscard]] bool starts_at(std::uint64_t address) const { return places_.contains(address); }
  [[nodiscard]] std::uint64_t limit() const { return limit_; }
  [[nodiscard]] std::uint64_t external() const { return external_; }
  /// Whether a paged pool has room for so much, whatever its history: by the pages that live blocks touch.
  [[nodiscard]] bool pages_suffice(std::uint64_t bytes) const;

  /// The first difference between the statistics and what they must be; empty if none.
  [[nodiscard]] std::string compare(const Statistics& statistics) const;

 private:
  std::uint64_t limit_;
  std::uint64_t page_bytes_;
  std::uint64_t loose_peak_;
  std::vector<Live> live_;
  std::map<std::uint64_t, std::size_t> places_;   // where each live block starts, to its index in live_
  std::map<std::uint64_t, std::uint64_t> pages_;  // how many live blocks touch each page
  std::uint64_t requested_ = 0;
  std::uint64_t requested_peak_ = 0;
  std::uint64_t requested_total_ = 0;
  std::uint64_t allocated_ = 0;
  std::uint64_t allocated_peak_ = 0;
  std::uint64_t allocated_total_ = 0;
  std::uint64_t allocations_ = 0;
  std::uint64_t frees_ = 0;
  std::uint64_t refusals_ = 0;
  std::uint64_t errors_ = 0;
  std::uint64_t external_ = 0;
};

}  // namespace weir::model
