// The history of one stream's operations, and what it says of the next one. Holds numbers only; include/weir/pace.hpp
// has the formulas. Called by Pace, under its lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include <weir/pace.hpp>

namespace weir::device {

class PaceHistory {
 public:
  explicit PaceHistory(const PaceOptions& options);

  /// Where the operation changed what is thought of the stream; its stream and counts of streams are left open.
  std::optional<PaceChange> note(double work, double seconds);
  [[nodiscard]] bool slow() const noexcept { return slow_; }
  [[nodiscard]] bool judged() const noexcept { return known_.size() >= min_history_; }

 private:
  struct Done {
    double work = 0, seconds = 0;
    double excess = 0;  ///< ln(seconds ÷ expected) when it was noted
  };
  /// What the nearest operations in size say that `work` takes, in seconds: at most, or by the unit.
  enum class Rule : std::uint8_t { at_most, by_unit };
  [[nodiscard]] double expected(double work, Rule rule) const;
  [[nodiscard]] double step(double excess) const noexcept;
  [[nodiscard]] double threshold() const;
  [[nodiscard]] std::optional<PaceChange> judge(double work, double seconds);
  [[nodiscard]] std::optional<PaceChange> look_for_recovery(double work, double seconds);
  [[nodiscard]] PaceChange change(bool slower) const;
  void remember(const Done& done);
  void remember_suspects();

  const std::size_t warm_up_, min_history_, history_, min_operations_;
  const double drift_;            // k
  std::uint64_t operations_ = 0;  // all
  std::deque<Done> known_;        // ordinary ones, the latest last
  std::vector<Done> suspects_;    // since the sum left 0
  double sum_ = 0;                // S; while the stream is slow, of how fast it is
  std::uint64_t since_ = 0;       // the first of the suspects
  bool slow_ = false;
};

}  // namespace weir::device
