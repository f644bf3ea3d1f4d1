// Notices a stream whose operations have become persistently slower than the stream's own history. A program tells how
// much work each operation was and how long it took, by the device's time stamps or by events; nothing else is known of
// either. Used by programs that queue their own steps, which then act on it: smaller chunks, fewer streams, another
// device.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <weir/stream.hpp>

namespace weir {

class LogSink;

struct PaceOptions {
  double factor = 2;             ///< a slowdown of so many times is noticed; one of less than its root never. Above 1
  std::size_t warm_up = 3;       ///< first operations of a stream, which say nothing of the later ones
  std::size_t min_history = 12;  ///< operations after those before any is judged; 4 to `history`
  std::size_t history = 64;      ///< the latest ordinary operations, which are remembered; 4096 at most
  std::size_t min_operations = 10;  ///< fewer slow operations on end are an outlier, whatever they took; 1 or more
  LogSink* log = nullptr;           ///< told of each change, as a warning or info; where null, as WEIR_LOG says
};

/// A stream became slow, or is as fast as before.
struct PaceChange {
  StreamId stream{};
  bool slower = false;           ///< else it is as fast as before
  double factor = 1;             ///< duration ÷ what the history expects, the median of the latest operations
  std::uint64_t operation = 0;   ///< with which this was noticed, counted from 1 on each stream
  std::uint64_t since = 0;       ///< the first of those on which that rests: a little before the change, or at it
  std::size_t slow_streams = 0;  ///< of this object's streams, with this one; all of them: it is the device
  std::size_t judged_streams = 0;

  /// "stream 4 is 5.1 times slower than its own history since operation 41 (noticed at 50)"
  [[nodiscard]] std::string text() const;
};

/// Each stream is judged by itself. An operation of some work is expected to take no longer than larger ones took, and
/// a unit of it no longer than a unit of smaller ones: the median of these bounds over the 31 remembered operations
/// that are nearest in size, the latest of those that are equally near. So overheads, and sizes that differ, alarm
/// nobody.
///
/// With x = ln(duration ÷ expected) and k = ln(factor) / 2, the sum S = max(0, S + min(x − k, k)) (Page, "Continuous
/// inspection schemes", Biometrika 41, 1954; steps are clipped, as one outlier says little) is compared with
/// max(min_operations × k, ln(10^6) / θ), where θ > 0 solves mean(exp(θ · step)) = 1 over the stream's own history and
/// one operation more that was as slow as counts. By chance S passes that about once in a million operations (Wald's
/// identity; Lundberg's bound), if operations are independent; disturbances of a few operations on end come on top.
///
/// What that means: a stream that is `factor` times slower, or more, is noticed after min_operations operations where
/// it was steady, and later the more its operations vary in time and size; decision 28 has figures. One shorter
/// disturbance, a slow beginning, and a drift that takes more than `history` operations to reach `factor` are not
/// noticed. A stream that was slow from the start has no other history. Work that is not what the time grows with looks
/// like noise, or like slowness.
///
/// Thread-safe. note() costs about 4 µs and 2 KiB a stream; it calls no driver.
class Pace {
 public:
  /// Throws InvalidArgument for options out of range.
  explicit Pace(const PaceOptions& options = {});
  Pace(const Pace&) = delete;
  Pace& operator=(const Pace&) = delete;
  ~Pace();

  /// An operation of `work`, in any unit that its time grows with, took so long on the stream, without the time in
  /// which it waited for others. Tells when the stream has become slow, and when it is as fast as before: once each.
  /// Throws InvalidArgument for work that is not above 0 and a time below 0.
  std::optional<PaceChange> note(StreamId stream, double work, std::chrono::nanoseconds duration);
  /// Whether the stream is slow since a change that note() told of.
  [[nodiscard]] bool slow(StreamId stream) const;
  /// Begins anew with a stream, as after its end, or where its work has become another.
  void forget(StreamId stream);

 private:
  class Streams;
  std::unique_ptr<Streams> streams_;
};

}  // namespace weir
