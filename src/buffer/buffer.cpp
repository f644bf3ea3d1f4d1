// The public face of a buffer: every call finds its core and checks that it is open.
#include <weir/buffer.hpp>

#include <weir/errors.hpp>

#include "buffer/buffer_core.hpp"

namespace weir {

detail::BufferCore& AnyBuffer::core() const {
  if (!core_) throw StaleHandle("this handle is empty: it refers to no buffer", {.name = "buffer"});
  core_->require_open();
  return *core_;
}

bool AnyBuffer::valid() const noexcept { return core_ && core_->open(); }
std::string_view AnyBuffer::name() const noexcept {
  return core_ ? std::string_view(core_->name()) : std::string_view();
}
ElementType AnyBuffer::type() const { return core().type(); }
std::size_t AnyBuffer::size() const { return core().size(); }
std::size_t AnyBuffer::capacity() const { return core().capacity(); }
std::size_t AnyBuffer::max_elements() const { return core().max_elements(); }
BufferStatistics AnyBuffer::statistics() const { return core().statistics(); }

bool AnyBuffer::ensure_capacity(std::size_t count, StreamId stream) { return core().ensure_capacity(count, stream); }
void AnyBuffer::resize(std::size_t count, StreamId stream) { core().resize(count, stream); }
void AnyBuffer::shrink(std::size_t count, StreamId stream) { core().shrink(count, stream); }

bool AnyBuffer::validate(std::size_t offset, std::size_t count) const noexcept {
  return valid() && core_->holds(offset, count);
}

std::uint64_t AnyBuffer::address(std::size_t offset, std::size_t count, StreamId stream) const {
  detail::BufferCore& found = core();
  found.require_window(offset, count);
  return found.give_address(stream) + offset * found.type().bytes;
}

Residency AnyBuffer::residency() const { return core().residency(); }
void AnyBuffer::end_access() const { core().end_access(); }

detail::BufferPin::BufferPin(std::shared_ptr<BufferCore> core, StreamId stream) {
  if (!core) throw StaleHandle("this handle is empty: it refers to no buffer", {.name = "buffer"});
  address_ = core->pin(stream);
  core_ = std::move(core);
}

detail::BufferPin::~BufferPin() {
  if (core_) core_->unpin();
}

void AnyBuffer::require_window(std::size_t offset, std::size_t count) const { core().require_window(offset, count); }

void AnyBuffer::require_type(const ElementType& wanted) const { core().require_type(wanted); }

void AnyBuffer::close() noexcept {
  if (core_) core_->close();
}

}  // namespace weir
