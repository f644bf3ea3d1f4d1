#include "faults/forwarding_backend.hpp"

#include <utility>

#include <weir/errors.hpp>

namespace weir::faults {

ForwardingBackend::ForwardingBackend(std::shared_ptr<Backend> inner) : inner_(std::move(inner)) {
  if (!inner_) throw InvalidArgument("ForwardingBackend: no backend was given to stand before", {.name = "backend"});
  inner_->observe(*this);
}

ForwardingBackend::~ForwardingBackend() { inner_->forget(*this); }

// --- Memory ---

auto ForwardingBackend::reserve(std::uint64_t bytes) -> Address {
  before({CallKind::reserve});
  return inner_->reserve(bytes);
}
void ForwardingBackend::unreserve(Address address, std::uint64_t bytes) noexcept {
  before_giving_back(CallKind::unreserve);
  inner_->unreserve(address, bytes);
}
void ForwardingBackend::create(std::span<Extent> extents) {
  before({CallKind::create});
  inner_->create(extents);
}
void ForwardingBackend::destroy(std::span<const Extent> extents) noexcept {
  before_giving_back(CallKind::destroy);
  inner_->destroy(extents);
}
void ForwardingBackend::map(Address address, std::span<const Extent> extents) {
  before({CallKind::map});
  inner_->map(address, extents);
}
void ForwardingBackend::unmap(Address address, std::span<const Extent> extents) {
  before({CallKind::unmap});
  inner_->unmap(address, extents);
}
auto ForwardingBackend::allocate_segment(std::uint64_t bytes) -> Address {
  before({CallKind::allocate_segment});
  return inner_->allocate_segment(bytes);
}
void ForwardingBackend::free_segment(Address address, std::uint64_t bytes) noexcept {
  before_giving_back(CallKind::free_segment);
  inner_->free_segment(address, bytes);
}
auto ForwardingBackend::allocate_pinned(std::uint64_t bytes) -> Address {
  before({CallKind::allocate_pinned});
  return inner_->allocate_pinned(bytes);
}
void ForwardingBackend::free_pinned(Address address, std::uint64_t bytes) noexcept {
  before_giving_back(CallKind::free_pinned);
  inner_->free_pinned(address, bytes);
}

// --- Streams and events ---

StreamId ForwardingBackend::create_stream() {
  before({CallKind::create_stream});
  return inner_->create_stream();
}
StreamId ForwardingBackend::adopt_stream(std::uint64_t native) {
  before({CallKind::create_stream});
  return inner_->adopt_stream(native);
}
void ForwardingBackend::destroy_stream(StreamId stream) noexcept {
  before_giving_back(CallKind::destroy_stream);
  inner_->destroy_stream(stream);
}
auto ForwardingBackend::record(StreamId stream) -> EventId {
  before({CallKind::record, stream});
  return inner_->record(stream);
}
bool ForwardingBackend::query(EventId event) {
  before({CallKind::query});
  return inner_->query(event);
}
bool ForwardingBackend::wait_any(std::span<const EventId> events, std::chrono::nanoseconds deadline) {
  before({CallKind::wait});
  return inner_->wait_any(events, deadline);
}
void ForwardingBackend::stream_wait(StreamId stream, EventId event) {
  before({CallKind::stream_wait, stream});
  inner_->stream_wait(stream, event);
}
void ForwardingBackend::release(EventId event) noexcept {
  before_giving_back(CallKind::release);
  inner_->release(event);
}
std::uint64_t ForwardingBackend::native_stream(StreamId stream) {
  before({CallKind::foreign_work, stream});
  return inner_->native_stream(stream);
}
void ForwardingBackend::before_foreign_work(StreamId stream) {
  before({CallKind::foreign_work, stream});
  inner_->before_foreign_work(stream);
}

// --- Data ---

void ForwardingBackend::fill(StreamId stream, Address address, std::uint8_t value, std::uint64_t bytes) {
  before({CallKind::fill, stream});
  inner_->fill(stream, address, value, bytes);
}
void ForwardingBackend::copy(StreamId stream, Address to, Address from, std::uint64_t bytes) {
  before({CallKind::copy, stream});
  inner_->copy(stream, to, from, bytes);
}
void ForwardingBackend::upload(StreamId stream, Address to, const void* from, std::uint64_t bytes) {
  before({CallKind::upload, stream});
  inner_->upload(stream, to, from, bytes);
}
void ForwardingBackend::download(StreamId stream, void* to, Address from, std::uint64_t bytes) {
  before({CallKind::download, stream});
  inner_->download(stream, to, from, bytes);
}
void ForwardingBackend::write(StreamId stream, Address to, std::span<const std::byte> bytes) {
  before({CallKind::write, stream});
  inner_->write(stream, to, bytes);
}
bool ForwardingBackend::copy_from(StreamId stream, Address to, Backend& source, Address from, std::uint64_t bytes) {
  before({CallKind::copy_from, stream});
  return inner_->copy_from(stream, to, source, from, bytes);
}
void ForwardingBackend::run(StreamId stream, std::function<void()> work) {
  before({CallKind::run, stream});
  inner_->run(stream, std::move(work));
}

}  // namespace weir::faults
