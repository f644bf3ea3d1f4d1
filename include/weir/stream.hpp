// Streams: ordered queues of device work, named by ids of weir's own. An id is
// never reused, while drivers do reuse their handles. Pools key everything by id.
#pragma once

#include <cstdint>
#include <memory>

namespace weir {

/// Names a stream. Ids are never used twice in a program.
enum class StreamId : std::uint32_t {
  legacy_default = 0,      ///< the device's default stream, shared by all threads
  per_thread_default = 1,  ///< the calling thread's own default stream, where the device has one
};

class Device;

/// A stream that the program made. Copies share it; the last one to go retires
/// it from every pool of its device and destroys it. Thread-safe.
class Stream {
 public:
  [[nodiscard]] StreamId id() const noexcept;
  operator StreamId() const noexcept { return id(); }  // NOLINT(google-explicit-constructor): a stream is its id

 private:
  friend class Device;
  struct State;
  explicit Stream(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace weir
