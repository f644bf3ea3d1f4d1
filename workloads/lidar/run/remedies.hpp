// What a run does about a device that became slow: it tries one thing after the other, and keeps what helped. Decides
// by numbers alone; the pipeline does what it says. One thread notes what chunks took while another asks what is due.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <weir/pace.hpp>

namespace weir::lidar {

/// In the order in which they are tried, each once a run.
enum class Remedy : std::uint8_t {
  smaller_chunks,  ///< of half the points
  fewer_streams,   ///< all on one new stream, a chunk after the other
  next_device,     ///< the rest of the run on another device
};
inline constexpr std::size_t remedy_count = 3;
[[nodiscard]] std::string_view name(Remedy remedy) noexcept;

/// A remedy that was tried.
struct Attempt {
  Remedy remedy = Remedy::smaller_chunks;
  std::size_t chunk = 0;             ///< the first that it was for
  double before = 0;                 ///< seconds a point
  std::optional<double> after = {};  ///< none: the run ended before that was known
  bool possible = true, kept = false;
};

/// How steady the device was.
struct PaceReport {
  std::vector<PaceChange> changes;
  std::vector<Attempt> attempts;
};

class Remedies {
 public:
  /// What there is to do before the next chunk is begun.
  struct Order {
    Remedy remedy = Remedy::smaller_chunks;
    bool undo = false;
  };
  /// What is watched of a chunk, each on a stream of its own.
  enum class Stage : std::uint8_t { kernels, uploads };
  /// A stage of a chunk.
  struct Chunk {
    Stage stage = Stage::kernels;
    std::size_t number = 0;
    std::size_t points = 0;  ///< without the halo
    double work = 0;         ///< what its time grows with, in any unit
    std::chrono::nanoseconds duration{};
  };
  /// A device is slow for a run when it takes so many times as long as it did. More than Pace's own default: what
  /// chunks hold differs, and a host has other users.
  static constexpr double factor = 3;
  /// Chunks by which a remedy is judged, and what part of the time they must need.
  static constexpr std::size_t trial = 6;
  static constexpr double helped = 0.8;

  /// The streams of the stages, by which they are named in what is told.
  Remedies(StreamId kernels, StreamId uploads) : streams_{kernels, uploads}, pace_({.factor = factor}) {}

  /// Gives what a user should know, one line, or nothing. A stage is judged by itself; what is tried is judged by the
  /// stage that was slow.
  std::string note(const Chunk& chunk);
  /// An order, which then counts as taken; done() must follow.
  [[nodiscard]] std::optional<Order> due();
  /// The order was carried out, for chunks from this number on, or could not be.
  void done(bool possible, std::size_t chunk);
  /// The device is another one, with other streams: it has no history yet.
  void begin_device(StreamId kernels, StreamId uploads);
  [[nodiscard]] PaceReport report() const;

 private:
  void try_next();
  [[nodiscard]] std::string judge();

  static constexpr std::size_t stages = 2;

  mutable std::mutex mutex_;
  std::array<StreamId, stages> streams_;
  Pace pace_;
  PaceReport report_;
  std::array<std::deque<double>, stages> recent_;  // seconds a point, of the last chunks
  Stage watched_ = Stage::kernels;                 // the one that was slow
  std::vector<double> measured_;                   // the same, of the attempt that is on
  double usual_ = 0;                               // the same, before the device was slow
  double before_ = 0;                              // the same, before the attempt
  std::size_t next_ = 0;                           // remedies tried
  std::size_t from_ = 0;                           // the attempt's first chunk
  bool trying_ = false;
  std::optional<Order> order_, taken_;
};

}  // namespace weir::lidar
