#include "buffer/manager_link.hpp"

#include <utility>

#include <weir/bytes.hpp>

namespace weir::detail {

ManagerLink::ManagerLink(std::string manager, LogSink* log, std::shared_ptr<track::EventTap> events)
    : manager_(std::move(manager)),
      log_(log),
      level_(log == nullptr ? LogLevel::error : log->level()),
      events_(std::move(events)) {}

void ManagerLink::note(const Error& error) noexcept {
  if (!open()) return;
  events_->note({.bytes = error.facts().bytes_asked.value_or(0), .kind = track::EventKind::refuse});
  const bool memory = error.code() == ErrorCode::limit_exceeded || error.code() == ErrorCode::out_of_memory;
  (memory ? refusals_ : errors_).fetch_add(1, std::memory_order_relaxed);
  if (!wants(LogLevel::warning)) return;
  log_->write({.level = LogLevel::warning,
               .event = LogEvent::refuse,
               .pool = manager_,
               .text = error.message(),
               .bytes = error.facts().bytes_asked.value_or(0)});
}

void ManagerLink::resized(const std::string& buffer, std::uint64_t before, std::uint64_t after, Change change,
                          std::uint64_t address, StreamId stream) const noexcept {
  if (!wants(LogLevel::debug)) return;
  const char* const how =
      change == Change::in_place ? ", in place" : (change == Change::by_copy ? ", by a copy" : ", by remapping");
  const std::string text =
      "buffer \"" + buffer + "\" was resized from " + format_bytes(before) + " to " + format_bytes(after) + how;
  log_->write({.level = LogLevel::debug,
               .event = LogEvent::resize,
               .pool = manager_,
               .text = text,
               .bytes = after,
               .address = address,
               .stream = static_cast<std::uint32_t>(stream),
               .buffer = buffer,
               .bytes_before = before});
}

void ManagerLink::spilled(const std::string& buffer, Tag tag, std::uint64_t bytes, bool back) const noexcept {
  events_->note({.bytes = bytes,
                 .tag = static_cast<std::uint32_t>(tag),
                 .kind = back ? track::EventKind::restore : track::EventKind::spill});
  if (!wants(LogLevel::info)) return;
  const std::string text = "buffer \"" + buffer + (back ? "\" came back to the device" : "\" was spilled to the host");
  log_->write({.level = LogLevel::info,
               .event = LogEvent::spill,
               .pool = manager_,
               .text = text,
               .bytes = bytes,
               .buffer = buffer});
}

}  // namespace weir::detail
