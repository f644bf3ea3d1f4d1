// What is told where memory is refused: who asked for what, who has it, and what can be done.
#include <algorithm>
#include <string>

#include <weir/bytes.hpp>
#include <weir/errors.hpp>

#include "pool/implementation.hpp"

namespace weir {

using pool::Request;

namespace {

// Of what holds the memory, so many blocks are named.
constexpr std::size_t named_holders = 10;

}  // namespace

void Pool::Implementation::note_refusal(const Request& request, std::string_view text) noexcept {
  ++refusals_;
  journal_.note(LogLevel::warning, LogEvent::refuse, text, request.bytes, 0, request.stream);
}

void Pool::Implementation::throw_as_refusal(const Request& request) {
  try {
    throw;
  } catch (const OutOfMemory& error) {
    const OutOfMemory whose = named(error, options_.name);
    note_refusal(request, whose.message());
    throw whose;
  } catch (const Error& error) {
    note_refusal(request, error.message());
    throw;
  }
}

void Pool::Implementation::refuse_alignment(const Request& request) const {
  throw InvalidArgument("pool \"" + options_.name + "\": an alignment of " + std::to_string(request.options.alignment) +
                            " is not a power of two up to " + format_bytes(info_.page_bytes),
                        {.name = options_.name, .bytes_asked = request.bytes, .limit = info_.page_bytes});
}

void Pool::Implementation::refuse_size(const Request& request) {
  const bool by_limit = max_bytes_ == space_.store().limit();
  const std::string text = "pool \"" + options_.name + "\": request of " + format_bytes(request.bytes) + " exceeds " +
                           (by_limit ? "the limit of " : "the largest block of any pool, ") + format_bytes(max_bytes_) +
                           (by_limit ? "; ask for less, or raise the limit" : "; ask for less");
  const ErrorFacts facts{.name = options_.name, .bytes_asked = request.bytes, .limit = max_bytes_};
  note_refusal(request, text);
  if (options_.limit) throw LimitExceeded(text, facts);
  throw OutOfMemory(text, facts);
}

// What looked like a lack of memory may be that the device is gone, so that nothing came free.
void Pool::Implementation::require_device() {
  if (!journal_.saw_loss()) return;
  try {
    backend_.release(backend_.record(StreamId::legacy_default));
  } catch (const DeviceLost& error) {
    throw DeviceLost("pool \"" + options_.name + "\": " + error.message(), {.name = options_.name});
  } catch (const Error&) {  // NOLINT(bugprone-empty-catch): it is there
  }
}

void Pool::Implementation::refuse(const Request& request) {
  try {
    require_device();
  } catch (const DeviceLost&) {
    throw_as_refusal(request);
  }
  if (request.bytes > max_bytes_) refuse_size(request);
  const pool::PageStore& store = space_.store();
  const std::uint64_t taken = store.reserved() + store.external();
  const std::uint64_t left = store.limit() - std::min(store.limit(), taken);
  const std::uint64_t unit = space_.unit_bytes();
  const std::uint64_t free = left / unit * unit;
  const bool by_limit = free < request.bytes;
  std::string text = "pool \"" + options_.name + "\": cannot allocate " + format_bytes(request.bytes) + ": " +
                     format_bytes(taken) + " of the limit of " + format_bytes(store.limit()) + " are in use";
  if (store.external() != 0) text += ", " + format_bytes(store.external()) + " of these by other libraries";
  if (free != left && by_limit) {
    text += "; the device gives memory in units of " + format_bytes(unit) + ", and the limit leaves space for " +
            std::to_string(free / unit) + " more";
  }
  if (!by_limit) text += what_device_says(left);
  std::vector<LiveBlock> holders = live_blocks();
  holders.resize(std::min(holders.size(), named_holders));
  if (!holders.empty()) text += "; largest blocks:";
  for (const LiveBlock& holder : holders) {
    text += " " + format_bytes(holder.requested) + (holder.tag.empty() ? "" : " (" + holder.tag + ")") +
            (&holder == &holders.back() ? "" : ",");
  }
  text += pressure_->remarks() + "; free memory, trim other pools, or raise the limit";
  const ErrorFacts facts{.name = options_.name, .bytes_asked = request.bytes, .limit = store.limit(), .free = free};
  note_refusal(request, text);
  if (options_.limit && by_limit) throw LimitExceeded(text, facts);
  throw OutOfMemory(text, facts);
}

std::string Pool::Implementation::what_device_says(std::uint64_t left) const {
  std::string text = "; " + format_bytes(left) + " of the limit are unused, but the device has no more memory";
  try {
    const DeviceInfo now = backend_.info();
    if (now.memory_free) text += ": " + format_bytes(*now.memory_free) + " are free";
    if (now.memory_free && now.memory_total) text += " of " + format_bytes(*now.memory_total);
  } catch (const Error&) {  // a device that cannot even tell
  }
  text += "; other pools and other programs may hold the rest";
  const std::string reason = space_.store().last_refusal();
  return reason.empty() ? text : text + " (" + reason + ")";
}

}  // namespace weir
