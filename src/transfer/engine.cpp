// Uploads and downloads: in place, straight from pinned memory, by the driver's own
// way for few bytes, and through two staging blocks in rotation.
#include "transfer/engine.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "core/pointer.hpp"

namespace weir {

bool Transfer::done() const {
  if (!state_) return true;
  const bool done = state_->event->done();
  if (done) state_->note_end();
  return done;
}

void Transfer::wait(std::chrono::nanoseconds deadline) const {
  if (!state_) return;
  const core::Deadline end(deadline);
  if (state_->book->wait(*state_->event, end)) return state_->note_end();
  throw Timeout(detail::Task{state_->verb, state_->buffer}.text() + ", " + format_bytes(state_->bytes) +
                    ", is not done after " + end.text() + "; it goes on, and you can wait for it again",
                {.name = state_->buffer, .bytes_asked = state_->bytes, .limit = end.milliseconds()});
}

namespace detail {
namespace {

using core::pointer;

}  // namespace

/// Pinned memory that one transfer stages through; put aside at its end if a copy still uses it.
class TransferEngine::StagingBlock {
 public:
  StagingBlock(TransferEngine& engine, std::uint64_t bytes) : engine_(engine), bytes_(engine.allocate_pinned(bytes)) {}
  StagingBlock(const StagingBlock&) = delete;
  StagingBlock& operator=(const StagingBlock&) = delete;
  ~StagingBlock() { engine_.put_aside(bytes_, std::move(in_flight_)); }

  [[nodiscard]] std::byte* data() const noexcept { return bytes_.data(); }
  /// Waits until the copy that uses it is done.
  void await(core::Deadline deadline, const Task& task, std::uint64_t done) {
    if (!copying_) return;
    engine_.await(*copying_, deadline, task, done);
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
  device::Fence in_flight_;
  device::SharedEvent copying_;
};

device::SharedEvent TransferEngine::record(StreamId stream) const {
  return std::make_shared<const device::Event>(backend(), stream);
}

void TransferEngine::await(const device::Event& event, core::Deadline deadline, const Task& task, std::uint64_t done) {
  if (book_->wait(event, deadline)) return;
  throw Timeout(task.text() + " did not end within " + deadline.text() + ", with " + format_bytes(done) + " of " +
                    format_bytes(task.bytes) + " " + task.part +
                    "; the queued part goes on, and its staging memory is free when that is done",
                {.name = task.name(), .bytes_asked = task.bytes, .limit = deadline.milliseconds(), .bytes_done = done});
}

void TransferEngine::require_time(core::Deadline deadline, const Task& task) {
  if (!deadline.passed()) return;
  ++book_->timeouts;
  throw Timeout(task.text() + " was not started: its deadline of " + deadline.text() + " had passed; 0 B of " +
                    format_bytes(task.bytes) + " are done; set a longer deadline (default 10 s)",
                {.name = task.name(), .bytes_asked = task.bytes, .limit = deadline.milliseconds(), .bytes_done = 0});
}

Transfer TransferEngine::ticket(const Begun& begun, const Task& task) const {
  return Transfer(std::make_shared<TransferState>(record(begun.stream), task, book_, begun));
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

TransferStatistics TransferEngine::statistics_with(const Statistics& pinned) const {
  TransferStatistics all;
  all.uploads = uploads_;
  all.downloads = downloads_;
  all.asynchronous = asynchronous_;
  all.bytes_uploaded = bytes_uploaded_;
  all.bytes_downloaded = bytes_downloaded_;
  all.bytes_staged = bytes_staged_;
  all.spilled = spilled_;
  all.spills = spills_;
  all.bytes_spilled = bytes_spilled_;
  all.bytes_returned = bytes_returned_;
  all.timeouts = book_->timeouts;
  all.pinned = pinned;
  all.transfer_time = std::chrono::nanoseconds(book_->transfer_time.load(std::memory_order_relaxed));
  all.transfer_latency = book_->transfers.summary();
  all.wait_latency = book_->waits.summary();
  return all;
}

// --- Up ---

void TransferEngine::upload(BufferCore& buffer, std::uint64_t offset, std::span<const std::byte> data, StreamId stream,
                            core::Deadline deadline) {
  if (data.empty()) return;
  const Moment began = now();
  const Task task{"upload to", buffer.name(), data.size(), "queued"};
  require_time(deadline, task);
  WrittenBuffer written(buffer, stream, offset, data.size());
  const Begun begun = book_->begin(began, track::EventWay::upload, data.size(), stream);
  write(buffer, written.address() + offset, data, stream, deadline, task);
  written.keep();
  note(buffer, true, data.size(), false);
  book_->end(begun);
}

void TransferEngine::write(const BufferCore& buffer, std::uint64_t address, std::span<const std::byte> data,
                           StreamId stream, core::Deadline deadline, const Task& task) {
  if (in_place(buffer)) {
    await(*record(stream), deadline, task, 0);
    std::memcpy(pointer(address), data.data(), data.size());
  } else if (is_pinned(data.data(), data.size())) {
    backend()->upload(stream, address, data.data(), data.size());
    note_pinned_use(data.data(), stream);
    await(*record(stream), deadline, task, data.size());
  } else if (data.size() <= options_.staging_threshold) {
    backend()->write(stream, address, data);
    await(*record(stream), deadline, task, data.size());
  } else {
    upload_staged(address, data, stream, deadline, task);
  }
}

// While one staging block is copied to the device, the host fills the other.
void TransferEngine::upload_staged(std::uint64_t address, std::span<const std::byte> data, StreamId stream,
                                   core::Deadline deadline, const Task& task) {
  const std::uint64_t most = std::min<std::uint64_t>(options_.staging_block_bytes, data.size());
  StagingBlock one(*this, most);
  StagingBlock other(*this, most);
  StagingBlock* block = &one;
  for (std::uint64_t done = 0; done < data.size();) {
    const std::uint64_t bytes = std::min<std::uint64_t>(most, data.size() - done);
    block->await(deadline, task, done);
    std::memcpy(block->data(), data.data() + done, bytes);
    backend()->upload(stream, address + done, block->data(), bytes);
    block->used(stream);
    bytes_staged_ += bytes;
    done += bytes;
    block = block == &one ? &other : &one;
  }
  one.await(deadline, task, data.size());
  other.await(deadline, task, data.size());
}

Transfer TransferEngine::start_upload(BufferCore& buffer, std::uint64_t offset, std::span<const std::byte> data,
                                      StreamId stream, core::Deadline deadline) {
  if (data.empty()) return {};
  if (in_place(buffer)) {
    upload(buffer, offset, data, stream, deadline);
    return {};
  }
  const Moment began = now();
  WrittenBuffer written(buffer, stream, offset, data.size());
  const std::uint64_t address = written.address() + offset;
  const Begun begun = book_->begin(began, track::EventWay::upload, data.size(), stream);
  if (is_pinned(data.data(), data.size())) {
    backend()->upload(stream, address, data.data(), data.size());
    note_pinned_use(data.data(), stream);
  } else if (data.size() <= options_.staging_threshold) {
    backend()->write(stream, address, data);
  } else {
    StagingBlock staged(*this, data.size());
    std::memcpy(staged.data(), data.data(), data.size());
    backend()->upload(stream, address, staged.data(), data.size());
    staged.used(stream);
    bytes_staged_ += data.size();
  }
  written.keep();
  note(buffer, true, data.size(), true);
  return ticket(begun, {"upload to", buffer.name(), data.size()});
}

// --- Down ---

void TransferEngine::download(BufferCore& buffer, std::uint64_t offset, std::span<std::byte> data, StreamId stream,
                              core::Deadline deadline) {
  if (data.empty()) return;
  const Moment began = now();
  const Task task{"download of", buffer.name(), data.size(), "arrived"};
  require_time(deadline, task);
  const PinnedBuffer pinned(buffer, stream);
  const std::uint64_t address = pinned.address() + offset;
  const Begun begun = book_->begin(began, track::EventWay::download, data.size(), stream);
  read(buffer, address, data, stream, deadline, task);
  note(buffer, false, data.size(), false);
  book_->end(begun);
}

void TransferEngine::read(const BufferCore& buffer, std::uint64_t address, std::span<std::byte> data, StreamId stream,
                          core::Deadline deadline, const Task& task) {
  if (in_place(buffer)) {
    await(*record(stream), deadline, task, 0);
    std::memcpy(data.data(), pointer(address), data.size());
  } else if (is_pinned(data.data(), data.size())) {
    backend()->download(stream, data.data(), address, data.size());
    note_pinned_use(data.data(), stream);
    await(*record(stream), deadline, task, 0);
  } else {
    download_staged(address, data, stream, deadline, task);
  }
}

// While the host empties one staging block, the device fills the other.
void TransferEngine::download_staged(std::uint64_t address, std::span<std::byte> data, StreamId stream,
                                     core::Deadline deadline, const Task& task) {
  const std::uint64_t most = std::min<std::uint64_t>(options_.staging_block_bytes, data.size());
  StagingBlock one(*this, most);
  StagingBlock other(*this, most);
  const std::array<StagingBlock*, 2> blocks{&one, &other};
  const std::uint64_t count = (data.size() + most - 1) / most;
  const auto bytes_of = [&](std::uint64_t index) { return std::min(most, data.size() - index * most); };
  for (std::uint64_t index = 0; index <= count; ++index) {
    if (index < count) {
      StagingBlock& block = *blocks[index % 2];
      backend()->download(stream, block.data(), address + index * most, bytes_of(index));
      block.used(stream);
    }
    if (index == 0) continue;
    StagingBlock& last = *blocks[(index - 1) % 2];
    last.await(deadline, task, (index - 1) * most);
    std::memcpy(data.data() + (index - 1) * most, last.data(), bytes_of(index - 1));
    bytes_staged_ += bytes_of(index - 1);
  }
}

Transfer TransferEngine::start_read(BufferCore& buffer, std::uint64_t offset, std::span<std::byte> into,
                                    StreamId stream) {
  if (into.empty()) return {};
  const Moment began = now();
  const PinnedBuffer pinned(buffer, stream);
  const Endpoint from{pinned.address() + offset, buffer.on_host()};
  const Endpoint to{reinterpret_cast<std::uint64_t>(into.data()), true};
  const Task task{"download of", buffer.name(), into.size()};
  const Begun begun = book_->begin(began, track::EventWay::download, into.size(), stream);
  queue_copy(to, from, into.size(), stream, core::Deadline(default_deadline), task);
  note_pinned_use(into.data(), stream);
  note(buffer, false, into.size(), true);
  return ticket(begun, task);
}

void TransferEngine::queue_copy(Endpoint to, Endpoint from, std::uint64_t bytes, StreamId stream,
                                core::Deadline deadline, const Task& task) {
  if (to.on_host && from.on_host) {
    await(*record(stream), deadline, task, 0);
    std::memcpy(pointer(to.address), pointer(from.address), bytes);
  } else if (to.on_host) {
    backend()->download(stream, pointer(to.address), from.address, bytes);
  } else if (from.on_host) {
    backend()->upload(stream, to.address, pointer(from.address), bytes);
  } else {
    backend()->copy(stream, to.address, from.address, bytes);
  }
}

}  // namespace detail
}  // namespace weir
