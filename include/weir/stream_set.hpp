// A few streams of one device under names: one for each kind of work of a program,
// say, or a handful to spread work over in turn. Made whole, and fixed from then on.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <weir/device.hpp>
#include <weir/stream.hpp>

namespace weir {

/// Thread-safe. Its streams live as long as it does, or longer where copies of them do.
class StreamSet {
 public:
  /// One stream a name. Throws InvalidArgument for no names, an empty one, or one that is there twice.
  StreamSet(Device device, std::vector<std::string> names);
  /// `count` streams, named "0", "1" and so on. Throws InvalidArgument for none.
  StreamSet(Device device, std::size_t count);

  [[nodiscard]] std::size_t size() const noexcept { return streams_.size(); }
  /// In order; by index they name the streams.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  /// Throws NotFound, which lists the names there are.
  [[nodiscard]] const Stream& at(std::string_view name) const;
  /// Throws InvalidArgument, which lists the names there are, for an index past the last.
  [[nodiscard]] const Stream& operator[](std::size_t index) const;
  /// The streams in turn, from the first on, counted over all threads. Lock-free.
  [[nodiscard]] const Stream& next() noexcept;

  /// Waits, with one deadline for all, until what was queued on each stream before the call is done. Throws Timeout,
  /// which names the streams that are not done; their work goes on, and may be waited for again.
  void synchronize_all(std::chrono::nanoseconds deadline = std::chrono::seconds(10)) const;

 private:
  [[nodiscard]] std::string list() const;

  const Device device_;
  const std::vector<std::string> names_;
  std::vector<Stream> streams_;
  std::atomic<std::size_t> next_{0};
};

}  // namespace weir
