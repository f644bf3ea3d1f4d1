// Streams and events of one device. A stream is the driver's handle under an id
// of weir's own: made here, adopted from the program, or one of the two default
// streams. Events are the driver's, used again and again. Called by CudaBackend.
//
// The per-thread default stream has one handle for all threads, which means the
// calling thread's stream. Its work can be named by no other thread; but it is
// ordered with the legacy stream both ways, so that other threads use that one.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <vector>

#include "backend/cuda/context.hpp"
#include "device/backend.hpp"

namespace weir::backend::cuda {

class Streams {
 public:
  /// A stream in use: its handle stays valid for as long as this lives.
  class Handle {
   public:
    [[nodiscard]] CUstream get() const noexcept { return handle_; }
    /// Whether it is an id for a capture, whose work runs when the graph does.
    [[nodiscard]] bool of_capture() const noexcept { return of_capture_; }

   private:
    friend class Streams;
    struct Entry;
    Handle(std::shared_ptr<const Entry> entry, CUstream handle, bool of_capture)
        : entry_(std::move(entry)), handle_(handle), of_capture_(of_capture) {}
    std::shared_ptr<const Entry> entry_;
    CUstream handle_;
    bool of_capture_;
  };

  explicit Streams(const Context& context);
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams();

  [[nodiscard]] StreamId resolve(StreamId stream);
  [[nodiscard]] StreamId create();
  [[nodiscard]] StreamId adopt(CUstream handle);
  [[nodiscard]] StreamId begin_capture(StreamId stream);
  void end_capture(StreamId stream) noexcept;
  void destroy(StreamId stream) noexcept;
  /// For a per-thread stream whose thread ends: from now on all threads name its work by the legacy stream.
  void leave_thread(StreamId stream) noexcept;
  /// Drops the id of such a one, now or later, once its work is done.
  void end_after_work(StreamId stream) noexcept;
  [[nodiscard]] StreamId create_per_thread();
  /// What to queue work on. Throws InvalidArgument for a stream that does not exist or was destroyed.
  [[nodiscard]] Handle find(StreamId stream);
  [[nodiscard]] bool capturing(StreamId stream) const noexcept;

  [[nodiscard]] device::EventId record(StreamId stream);
  [[nodiscard]] bool query(device::EventId event);
  [[nodiscard]] bool wait_any(std::span<const device::EventId> events, std::chrono::nanoseconds deadline);
  [[nodiscard]] bool wait(device::EventId event, std::chrono::nanoseconds deadline) {
    return wait_any({&event, 1}, deadline);
  }
  void stream_wait(StreamId stream, device::EventId event);
  void release(device::EventId event) noexcept;

 private:
  using Entry = Handle::Entry;

  [[nodiscard]] StreamId add(std::shared_ptr<Entry> entry);
  [[nodiscard]] std::shared_ptr<Entry> find_or_null(StreamId stream) const;
  void drop_ended() noexcept;
  [[nodiscard]] CUevent take_event();
  /// While a Current stands.
  [[nodiscard]] bool is_done(device::EventId event);

  const Context& context_;
  mutable std::shared_mutex mutex_;
  std::map<StreamId, std::shared_ptr<Entry>> entries_;
  struct Ending {
    StreamId stream{};
    device::EventId last = device::EventId::none;  ///< after its work; none where the driver refused to record it yet
  };
  std::vector<Ending> ending_;
  std::mutex events_mutex_;
  std::vector<CUevent> spare_;
  std::size_t events_made_ = 0;
};

}  // namespace weir::backend::cuda
