// The log: weir writes nothing by itself; a program that wants to hear passes a
// sink. Each record is structured, so a sink needs no parsing. With no sink the
// cost is one test of a flag that the hot path makes anyway.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

enum class LogEvent : std::uint8_t {
  allocate,  ///< a block was handed out of the arena
  reuse,     ///< a block was handed out of a thread cache
  free,      ///< a block came back
  grow,      ///< pages or a segment were taken from the driver
  recycle,   ///< free pages moved to where they were needed
  trim,      ///< memory went back to the driver
  fallback,  ///< a slower way was taken; `text` says which and why
  refuse,    ///< a request failed; nothing changed
  leak,      ///< a live block in a destroyed pool
  misuse,    ///< a double free or foreign pointer noticed too late to throw
  resize,    ///< a buffer's capacity changed; `buffer` and `bytes_before` say which and from what
  unusual,   ///< a request past what is usual was served; `text` says which
  spill,     ///< a buffer's contents moved to the host, or back; `text` says which way
  recover,   ///< a lost device was opened again, or none could be; or a buffer's contents were lost with it
  slow,      ///< a stream became slower than its own history, or is as fast as before; `text` says which
  record,    ///< a recording ended early; `text` says why
};

[[nodiscard]] std::string_view name(LogLevel level) noexcept;
[[nodiscard]] std::string_view name(LogEvent event) noexcept;

struct LogRecord {
  LogLevel level = LogLevel::info;
  LogEvent event = LogEvent::allocate;
  std::string_view pool;           ///< the pool's name
  std::string_view text;           ///< more, where there is more to say
  std::uint64_t bytes = 0;         ///< requested bytes, or bytes of pages
  std::uint64_t address = 0;       ///< device address, 0 where it does not apply
  std::uint32_t stream = 0;        ///< stream id
  std::string_view buffer = {};    ///< the buffer's name, of a `resize`
  std::uint64_t bytes_before = 0;  ///< its capacity until then, of a `resize`
};

/// Receives records. Called on the thread of the operation, with no lock of
/// weir's held, so it may itself allocate and free; must be thread-safe and must not throw.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// Records below this level are not made. Read once, when the pool is created.
  [[nodiscard]] virtual LogLevel level() const noexcept { return LogLevel::info; }
  virtual void write(const LogRecord& record) noexcept = 0;
};

}  // namespace weir
