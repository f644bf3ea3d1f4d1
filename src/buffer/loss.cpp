// A buffer whose device is lost: what of its contents the host has, the memory that it gets on the device that takes
// the lost one's place, and being lost until it is written whole.
#include <algorithm>
#include <cstring>
#include <utility>

#include <weir/errors.hpp>

#include "buffer/buffer_core.hpp"

namespace weir::detail {
namespace {

BufferCore::Contents copy_of(const std::byte* bytes, std::size_t count) {
  return std::make_shared<const std::vector<std::byte>>(bytes, bytes + count);
}

}  // namespace

void BufferCore::keep(Contents contents) noexcept {
  kept_bytes_ = contents ? contents->size() : 0;
  kept_ = std::move(contents);
}

void BufferCore::save_contents() {
  companion.reset();
  const bool in_pinned = host_copy_ || (on_host() && residency() == Residency::device);
  if (!in_pinned) return;
  if (kept_) {
    saved_ = kept_;  // it comes back as it was then, as all of that state do
  } else if (host_copy_) {
    const std::span<const std::byte> held = host_copy_->contents();
    saved_ = copy_of(held.data(), std::min<std::size_t>(held.size(), bytes_in_use()));
  } else {
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    saved_ = copy_of(reinterpret_cast<const std::byte*>(address_), bytes_in_use());
  }
  if (!host_copy_) {
    try {
      pool_->release(block_, stream_);
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the pool is ended next
    }
  }
  leave_device();
}

void BufferCore::leave_device() noexcept {
  companion.reset();
  block_ = {};
  address_ = 0;
  stream_ = StreamId::legacy_default;
  others_.clear();
  changed_ = {};
  behind_change_.clear();
  address_is_out_ = false;
  host_copy_.reset();
  allocated_ = 0;
  growable_bytes_ = 0;
  residency_ = saved_ ? Residency::host : Residency::lost;
}

void BufferCore::take_kept_size() noexcept {
  if (!kept_) return;
  size_ = kept_->size() / type_.bytes;
  capacity_ = std::max(capacity(), size());
}

void BufferCore::take_memory(StreamId stream) {
  const StreamId user = settled(*pool_, stream);
  const BlockHandle block = acquire(bytes_for(capacity()), user);
  try {
    if (pool_->options().zero && capacity() != 0) note_change(user);
  } catch (...) {
    changed_ = {};
    pool_->release(block, user);
    throw;
  }
  block_ = block;
  stream_ = user;
  note_place();
  residency_ = Residency::device;
}

bool BufferCore::begin_rewrite(StreamId stream, std::uint64_t offset, std::uint64_t bytes) {
  require_open();
  if (residency() != Residency::lost || offset != 0 || bytes != bytes_in_use()) return false;
  take_memory(stream);
  return true;
}

void BufferCore::lose_contents() noexcept {
  try {
    pool_->release(block_, stream_);
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the block is the pool's to report then
  }
  leave_device();
}

void BufferCore::refuse_lost() const {
  const std::string text =
      saved_ ? "buffer \"" + name_ + "\": its device was lost, and its contents wait on the host; call recover()"
             : "buffer \"" + name_ +
                   "\" was lost with its device; upload all of its elements, or free it and make it anew";
  throw DeviceLost(text, {.name = name_});
}

WrittenBuffer::WrittenBuffer(BufferCore& buffer, StreamId stream, std::uint64_t offset, std::uint64_t bytes)
    : buffer_(buffer), renewed_(buffer.begin_rewrite(stream, offset, bytes)) {
  try {
    address_ = buffer_.pin(stream);
  } catch (...) {
    if (renewed_) buffer_.lose_contents();
    throw;
  }
}

// Lost while it is pinned still: nobody spills it meanwhile.
WrittenBuffer::~WrittenBuffer() {
  if (renewed_) buffer_.lose_contents();
  buffer_.unpin();
}

}  // namespace weir::detail
