#include "support/faulty_backend.hpp"

#include <algorithm>
#include <utility>

#include <weir/errors.hpp>

namespace weir::device {

FaultyBackend::FaultyBackend(std::shared_ptr<Backend> inner)
    : inner_(std::move(inner)), facts_(inner_->facts()), page_bytes_(facts_.page_bytes) {
  inner_->observe(*this);
}

FaultyBackend::~FaultyBackend() { inner_->forget(*this); }

DeviceInfo FaultyBackend::info() const {
  DeviceInfo known = inner_->info();
  known.pointers = facts_.pointers;
  const std::lock_guard lock(mutex_);
  ++free_asked_;
  if (shown_free_) known.memory_free = shown_free_;
  return known;
}

void FaultyBackend::show_free(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(mutex_);
  shown_free_ = bytes;
}

std::uint64_t FaultyBackend::free_asked() const {
  const std::lock_guard lock(mutex_);
  return free_asked_;
}

// --- Faults ---

void FaultyBackend::fail(std::uint64_t nth, Fault fault, std::optional<CallKind> only, std::uint64_t times) {
  const std::lock_guard lock(mutex_);
  countdown_ = nth;
  period_ = 0;
  repeats_ = times - 1;
  fault_ = fault;
  only_ = only;
  fired_ = false;
}

void FaultyBackend::fail_every(std::uint64_t n) {
  fail(n, Fault::driver_error);
  const std::lock_guard lock(mutex_);
  period_ = n;
}

void FaultyBackend::lose(std::uint64_t nth) {
  const std::lock_guard lock(mutex_);
  countdown_ = nth;
  period_ = 0;
  fault_.reset();
  only_.reset();
  fired_ = false;
}

void FaultyBackend::heal() {
  const std::lock_guard lock(mutex_);
  countdown_ = 0;
  period_ = 0;
  lost_ = false;
}

bool FaultyBackend::fired() const {
  const std::lock_guard lock(mutex_);
  return fired_;
}

void FaultyBackend::note(CallKind kind) noexcept { ++calls_[static_cast<std::size_t>(kind)]; }

void FaultyBackend::deny_memory(bool denied) {
  const std::lock_guard lock(mutex_);
  denied_ = denied;
}

// The door of every call that may throw: counts it, and throws where a fault is due.
void FaultyBackend::enter(CallKind kind) {
  {
    const std::lock_guard lock(mutex_);
    note(kind);
    const bool takes =
        kind == CallKind::create || kind == CallKind::allocate_segment || kind == CallKind::allocate_pinned;
    if (denied_ && takes) throw OutOfMemory("memory that is denied", {.name = "faulty"});
    const bool due = countdown_ != 0 && (!only_ || *only_ == kind) && --countdown_ == 0;
    if (!due && !lost_) return;
    if (due) {
      fired_ = true;
      lost_ = !fault_.has_value();
      const std::optional<Fault> fault = fault_;
      if (repeats_ != 0) {
        --repeats_;
        countdown_ = 1;
      } else if (period_ != 0) {
        countdown_ = period_;
        fault_ = fault == Fault::driver_error ? Fault::out_of_memory : Fault::driver_error;
      }
      if (fault == Fault::out_of_memory) throw OutOfMemory("an injected lack of memory", {.name = "faulty"});
      if (fault == Fault::driver_error)
        throw DriverError("an injected driver error", {.name = "faulty", .native_code = 1});
    }
  }
  come_to_rest();
  throw DeviceLost("an injected loss of the device", {.name = "faulty"});
}

// On a lost device nothing runs any more, so that its caller may free what queued work uses.
void FaultyBackend::come_to_rest() {
  std::vector<StreamId> streams;
  {
    const std::lock_guard lock(mutex_);
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const StreamId stream : streams) {
    const EventId last = inner_->record(stream);
    static_cast<void>(inner_->wait(last, std::chrono::seconds(10)));
    inner_->release(last);
  }
}

// --- The books ---

std::uint64_t FaultyBackend::calls(CallKind kind) const {
  const std::lock_guard lock(mutex_);
  return calls_[static_cast<std::size_t>(kind)];
}

FaultyBackend::Balance FaultyBackend::balance() const {
  const std::lock_guard lock(mutex_);
  Balance all;
  all.ranges = ranges_.size();
  for (const auto& [handle, each] : handles_) {
    all.pages += each.pages;
    all.mapped_pages += each.address != 0 ? each.pages : 0;
  }
  all.segments = segments_.size();
  for (const auto& [address, bytes] : segments_) all.segment_bytes += bytes;
  for (const auto& [address, bytes] : pinned_) all.pinned_bytes += bytes;
  all.events = events_.size();
  return all;
}

std::string FaultyBackend::breach() const {
  const std::lock_guard lock(mutex_);
  return breach_;
}

void FaultyBackend::expect(bool holds, const char* rule) noexcept {
  if (!holds && breach_.empty()) breach_ = rule;
}

// --- Segments ---

Address FaultyBackend::allocate_segment(std::uint64_t bytes) {
  enter(CallKind::allocate_segment);
  const Address address = inner_->allocate_segment(bytes);
  const std::lock_guard lock(mutex_);
  segments_.emplace(address, bytes);
  return address;
}

Address FaultyBackend::allocate_pinned(std::uint64_t bytes) {
  enter(CallKind::allocate_pinned);
  const Address address = inner_->allocate_pinned(bytes);
  const std::lock_guard lock(mutex_);
  pinned_.emplace(address, bytes);
  return address;
}
void FaultyBackend::free_pinned(Address address, std::uint64_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    note(CallKind::free_pinned);
    const auto found = pinned_.find(address);
    expect(found != pinned_.end() && found->second == bytes, "free_pinned: not pinned memory");
    pinned_.erase(address);
  }
  inner_->free_pinned(address, bytes);
}
void FaultyBackend::free_segment(Address address, std::uint64_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    note(CallKind::free_segment);
    const auto found = segments_.find(address);
    expect(found != segments_.end() && found->second == bytes, "free_segment: not a segment");
    segments_.erase(address);
  }
  inner_->free_segment(address, bytes);
}

// --- Streams and events ---

StreamId FaultyBackend::create_stream() {
  enter(CallKind::create_stream);
  const StreamId stream = inner_->create_stream();
  const std::lock_guard lock(mutex_);
  streams_.insert(stream);
  return stream;
}

void FaultyBackend::destroy_stream(StreamId stream) noexcept {
  {
    const std::lock_guard lock(mutex_);
    note(CallKind::destroy_stream);
    streams_.erase(stream);
  }
  inner_->destroy_stream(stream);
}

StreamId FaultyBackend::adopt_stream(std::uint64_t native) {
  enter(CallKind::create_stream);
  const StreamId stream = inner_->adopt_stream(native);
  const std::lock_guard lock(mutex_);
  streams_.insert(stream);
  return stream;
}

// --- Data ---

void FaultyBackend::fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) {
  enter(CallKind::fill);
  inner_->fill(stream, address, value, bytes);
}

void FaultyBackend::upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) {
  enter(CallKind::upload);
  note_copy(stream);
  inner_->upload(stream, to, from, bytes);
}
void FaultyBackend::download(StreamId stream, void* to, Address from, std::uint64_t bytes) {
  enter(CallKind::download);
  note_copy(stream);
  inner_->download(stream, to, from, bytes);
}
void FaultyBackend::write(StreamId stream, Address to, std::span<const std::byte> bytes) {
  enter(CallKind::write);
  note_copy(stream);
  {
    const std::lock_guard lock(mutex_);
    expect(bytes.size() <= max_written, "write: more bytes than it takes");
  }
  inner_->write(stream, to, bytes);
}
void FaultyBackend::copy(StreamId stream, Address to, Address from, std::uint64_t bytes) {
  enter(CallKind::copy);
  note_copy(stream);
  inner_->copy(stream, to, from, bytes);
}

// Two devices under test are of one kind below.
bool FaultyBackend::copy_from(StreamId stream, Address to, Backend& source, Address from, std::uint64_t bytes) {
  enter(CallKind::copy_from);
  auto* faulty = dynamic_cast<FaultyBackend*>(&source);
  return inner_->copy_from(stream, to, faulty == nullptr ? source : *faulty->inner_, from, bytes);
}

void FaultyBackend::run(StreamId stream, std::function<void()> work) {
  enter(CallKind::run);
  inner_->run(stream, std::move(work));
}

}  // namespace weir::device
