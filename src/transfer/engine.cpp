// Uploads and downloads: in place, straight from pinned memory, by the driver's own
// way for few bytes, and through two pieces of staging memory in turn.
#include "transfer/engine.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <weir/errors.hpp>

namespace weir {

bool Transfer::done() const {
  if (!state_) return true;
  const bool done = state_->event->done();
  if (done) state_->note_end();
  return done;
}

void Transfer::wait(std::chrono::nanoseconds deadline) const {
  if (!state_) return;
  if (state_->book->wait(*state_->event, core::Deadline(deadline))) return state_->note_end();
  const std::string text = detail::Task{state_->verb, state_->buffer}.text();
  throw Timeout(text + " is not done after " +
                    std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(deadline).count()) +
                    " ms; it goes on, and can be waited for again",
                {.name = state_->buffer});
}

namespace detail {

/// A piece of staging memory of one transfer, put aside at its end if a copy still uses it.
class TransferEngine::Piece {
 public:
  Piece(TransferEngine& engine, std::uint64_t bytes) : engine_(engine), bytes_(engine.allocate_pinned(bytes)) {}
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  ~Piece() { engine_.put_aside(bytes_, std::move(in_flight_)); }

  [[nodiscard]] std::byte* data() const noexcept { return bytes_.data(); }
  /// Waits until the copy that uses it is done.
  void await(core::Deadline deadline, const Task& task) {
    if (!copying_) return;
    engine_.await(*copying_, deadline, task);
    copying_.reset();
    in_flight_ = {};
  }
  /// A copy that uses it was queued on `stream`.
  void used(StreamId stream) {
    copying_ = in_flight_.add(engine_.backend(), stream);
    if (!copying_) copying_ = engine_.record(stream);
  }

 private:
  TransferEngine& engine_;
  std::span<std::byte> bytes_;
  InFlight in_flight_;
  SharedEvent copying_;
};

SharedEvent TransferEngine::record(StreamId stream) const {
  return std::make_shared<const device::Event>(backend(), stream);
}

void TransferEngine::await(const device::Event& event, core::Deadline deadline, const Task& task) {
  if (book_->wait(event, deadline)) return;
  throw Timeout(
      task.text() + " did not end in time; what was queued of it goes on, and its staging memory comes back then",
      {.name = std::string(task.buffer)});
}

Transfer TransferEngine::ticket(StreamId stream, const Task& task, Moment began) const {
  return Transfer(std::make_shared<TransferState>(record(stream), task, book_, began));
}

void TransferEngine::note(BufferCore& buffer, bool up, std::uint64_t bytes, bool asynchronous) noexcept {
  if (up) {
    buffer.note_upload(bytes);
    ++uploads_;
    bytes_uploaded_ += bytes;
  } else {
    buffer.note_download(bytes);
    ++downloads_;
    bytes_downloaded_ += bytes;
  }
  if (asynchronous) ++asynchronous_;
}

TransferStatistics TransferEngine::statistics() const {
  TransferStatistics all;
  all.uploads = uploads_;
  all.downloads = downloads_;
  all.asynchronous = asynchronous_;
  all.bytes_uploaded = bytes_uploaded_;
  all.bytes_downloaded = bytes_downloaded_;
  all.bytes_staged = bytes_staged_;
  all.timeouts = book_->timeouts;
  all.pinned = pinned_->statistics();
  all.transfer_latency = book_->transfers.summary();
  all.wait_latency = book_->waits.summary();
  return all;
}

// --- Up ---

void TransferEngine::upload(BufferCore& buffer, std::uint64_t offset, std::span<const std::byte> data, StreamId stream,
                            core::Deadline deadline) {
  if (data.empty()) return;
  const Moment began = now();
  const std::uint64_t address = buffer.access(stream) + offset;
  const Task task{"upload to", buffer.name()};
  if (in_place_) {
    await(*record(stream), deadline, task);
    std::memcpy(reinterpret_cast<void*>(address), data.data(), data.size());  // NOLINT(performance-no-int-to-ptr)
  } else if (is_pinned(data.data(), data.size())) {
    backend()->upload(stream, address, data.data(), data.size());
    note_pinned_use(data.data(), stream);
    await(*record(stream), deadline, task);
  } else if (data.size() <= options_.staging_threshold) {
    backend()->write(stream, address, data);
    await(*record(stream), deadline, task);
  } else {
    upload_in_pieces(address, data, stream, deadline, task);
  }
  note(buffer, true, data.size(), false);
  note_end(began);
}

// While one piece is copied to the device, the host fills the other.
void TransferEngine::upload_in_pieces(std::uint64_t address, std::span<const std::byte> data, StreamId stream,
                                      core::Deadline deadline, const Task& task) {
  const std::uint64_t most = std::min<std::uint64_t>(options_.piece_bytes, data.size());
  Piece one(*this, most);
  Piece other(*this, most);
  Piece* piece = &one;
  for (std::uint64_t done = 0; done < data.size();) {
    const std::uint64_t bytes = std::min<std::uint64_t>(most, data.size() - done);
    piece->await(deadline, task);
    std::memcpy(piece->data(), data.data() + done, bytes);
    backend()->upload(stream, address + done, piece->data(), bytes);
    piece->used(stream);
    bytes_staged_ += bytes;
    done += bytes;
    piece = piece == &one ? &other : &one;
  }
  one.await(deadline, task);
  other.await(deadline, task);
}

Transfer TransferEngine::start_upload(BufferCore& buffer, std::uint64_t offset, std::span<const std::byte> data,
                                      StreamId stream, core::Deadline deadline) {
  if (data.empty()) return {};
  if (in_place_) {
    upload(buffer, offset, data, stream, deadline);
    return {};
  }
  const Moment began = now();
  const std::uint64_t address = buffer.access(stream) + offset;
  if (is_pinned(data.data(), data.size())) {
    backend()->upload(stream, address, data.data(), data.size());
    note_pinned_use(data.data(), stream);
  } else if (data.size() <= options_.staging_threshold) {
    backend()->write(stream, address, data);
  } else {
    Piece staged(*this, data.size());
    std::memcpy(staged.data(), data.data(), data.size());
    backend()->upload(stream, address, staged.data(), data.size());
    staged.used(stream);
    bytes_staged_ += data.size();
  }
  note(buffer, true, data.size(), true);
  return ticket(stream, {"upload to", buffer.name()}, began);
}

// --- Down ---

void TransferEngine::download(BufferCore& buffer, std::uint64_t offset, std::span<std::byte> data, StreamId stream,
                              core::Deadline deadline) {
  if (data.empty()) return;
  const Moment began = now();
  const std::uint64_t address = buffer.access(stream) + offset;
  const Task task{"download of", buffer.name()};
  if (in_place_) {
    await(*record(stream), deadline, task);
    std::memcpy(data.data(), reinterpret_cast<const void*>(address), data.size());  // NOLINT(performance-no-int-to-ptr)
  } else if (is_pinned(data.data(), data.size())) {
    backend()->download(stream, data.data(), address, data.size());
    note_pinned_use(data.data(), stream);
    await(*record(stream), deadline, task);
  } else {
    download_in_pieces(address, data, stream, deadline, task);
  }
  note(buffer, false, data.size(), false);
  note_end(began);
}

// While the host empties one piece, the device fills the other.
void TransferEngine::download_in_pieces(std::uint64_t address, std::span<std::byte> data, StreamId stream,
                                        core::Deadline deadline, const Task& task) {
  const std::uint64_t most = std::min<std::uint64_t>(options_.piece_bytes, data.size());
  Piece one(*this, most);
  Piece other(*this, most);
  const std::array<Piece*, 2> pieces{&one, &other};
  const std::uint64_t count = (data.size() + most - 1) / most;
  const auto bytes_of = [&](std::uint64_t index) { return std::min(most, data.size() - index * most); };
  for (std::uint64_t index = 0; index <= count; ++index) {
    if (index < count) {
      Piece& piece = *pieces[index % 2];
      backend()->download(stream, piece.data(), address + index * most, bytes_of(index));
      piece.used(stream);
    }
    if (index == 0) continue;
    Piece& last = *pieces[(index - 1) % 2];
    last.await(deadline, task);
    std::memcpy(data.data() + (index - 1) * most, last.data(), bytes_of(index - 1));
    bytes_staged_ += bytes_of(index - 1);
  }
}

Transfer TransferEngine::start_read(BufferCore& buffer, std::uint64_t offset, std::span<std::byte> into,
                                    StreamId stream) {
  if (into.empty()) return {};
  const Moment began = now();
  const std::uint64_t address = buffer.access(stream) + offset;
  backend()->download(stream, into.data(), address, into.size());
  note_pinned_use(into.data(), stream);
  note(buffer, false, into.size(), true);
  return ticket(stream, {"download of", buffer.name()}, began);
}

}  // namespace detail
}  // namespace weir
