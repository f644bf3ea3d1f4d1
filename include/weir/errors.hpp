// Errors: every failure weir reports is one of the types below, each derived
// from weir::Error and from exactly one standard exception, so that
// `catch (const weir::Error&)`, `catch (const std::exception&)` and, for
// out-of-memory, `catch (const std::bad_alloc&)` all work.
// Every failure that weir reports is one of these. Two others may leave it: std::bad_alloc, where the
// host has no memory for weir's own records, and std::logic_error, which names a fault in weir itself:
// Pool::verify throws it, and backends that check how they are called. What a function passed to
// Device::run throws ends the program.
#pragma once

#include <cstdint>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weir {

/// What went wrong, as a stable integer; the C interface returns the same values.
enum class ErrorCode : std::int32_t {
  ok = 0,
  out_of_memory = 1,
  limit_exceeded = 2,
  invalid_argument = 3,
  type_mismatch = 4,
  not_found = 5,
  stale_handle = 6,
  timeout = 7,
  device_lost = 8,
  driver_error = 9,
  unsupported = 10,
  parse_error = 11,
};

/// The name of a code as it is written in this header, e.g. "out_of_memory".
[[nodiscard]] std::string_view name(ErrorCode code) noexcept;

/// The facts behind an error. A field that does not apply, or is not known, is empty.
struct ErrorFacts {
  std::string name = {};                          ///< the buffer, file, option or call concerned
  std::optional<std::uint64_t> bytes_asked = {};  ///< bytes
  std::optional<std::uint64_t> limit = {};        ///< bytes, or the bound that was passed; of a Timeout, milliseconds
  std::optional<std::uint64_t> free = {};         ///< bytes free when the request was refused
  std::optional<std::int64_t> native_code = {};   ///< the driver's or the system's own code
  std::optional<std::uint64_t> bytes_done = {};   ///< of bytes_asked, where a transfer passed its deadline
};

/// The common base of all errors. Not itself a std::exception: each concrete
/// type adds the one standard base that fits it.
class Error {
 public:
  virtual ~Error() = default;
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const ErrorFacts& facts() const noexcept { return facts_; }
  /// One line: what failed, the numbers, and what to do about it.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  /// The same, as the standard exceptions give it.
  [[nodiscard]] virtual const char* what() const noexcept = 0;

 protected:
  Error(ErrorCode code, std::string message, ErrorFacts facts)
      : code_(code), message_(std::move(message)), facts_(std::move(facts)) {}
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
  ErrorFacts facts_;
};

namespace detail {
/// An error with its code and the standard exception it also is.
template <ErrorCode Code, class Standard>
class ErrorOf : public Standard, public Error {
 public:
  explicit ErrorOf(const std::string& message, ErrorFacts facts = {})
      : Standard(message), Error(Code, message, std::move(facts)) {}
  [[nodiscard]] const char* what() const noexcept override { return this->message().c_str(); }
};

/// std::bad_alloc carries no text of its own, so it is given one here.
class BadAllocation : public std::bad_alloc {
 public:
  explicit BadAllocation(const std::string&) {}
};
}  // namespace detail

/// No memory left on the device, after everything reclaimable was reclaimed.
class OutOfMemory : public detail::ErrorOf<ErrorCode::out_of_memory, detail::BadAllocation> {
 public:
  using ErrorOf::ErrorOf;
};
/// A limit set by the program (on a pool, a manager or a buffer) refused the request.
class LimitExceeded : public detail::ErrorOf<ErrorCode::limit_exceeded, detail::BadAllocation> {
 public:
  using ErrorOf::ErrorOf;
};
/// An argument outside its documented range; also double frees and foreign pointers.
class InvalidArgument : public detail::ErrorOf<ErrorCode::invalid_argument, std::invalid_argument> {
 public:
  using ErrorOf::ErrorOf;
};
/// A typed access with another type than the buffer's.
class TypeMismatch : public detail::ErrorOf<ErrorCode::type_mismatch, std::logic_error> {
 public:
  using ErrorOf::ErrorOf;
};
/// No buffer, device or file of that name.
class NotFound : public detail::ErrorOf<ErrorCode::not_found, std::runtime_error> {
 public:
  using ErrorOf::ErrorOf;
};
/// A handle whose block has been freed, or whose pool is gone.
class StaleHandle : public detail::ErrorOf<ErrorCode::stale_handle, std::logic_error> {
 public:
  using ErrorOf::ErrorOf;
};
/// A wait passed its deadline; what was waited for goes on. Or something was to be started with a deadline that had
/// passed already, zero or less: then nothing was.
class Timeout : public detail::ErrorOf<ErrorCode::timeout, std::runtime_error> {
 public:
  using ErrorOf::ErrorOf;
};
/// The device no longer answers; its memory is gone.
class DeviceLost : public detail::ErrorOf<ErrorCode::device_lost, std::runtime_error> {
 public:
  using ErrorOf::ErrorOf;
};
/// A driver or system call failed; facts().native_code is its code.
class DriverError : public detail::ErrorOf<ErrorCode::driver_error, std::runtime_error> {
 public:
  using ErrorOf::ErrorOf;
};
/// The device or this build cannot do what was asked; or it is more than one pool follows (streams, threads); or the
/// object was made before fork(), and this is the child.
class Unsupported : public detail::ErrorOf<ErrorCode::unsupported, std::runtime_error> {
 public:
  using ErrorOf::ErrorOf;
};
/// A file or text that does not follow its format.
class ParseError : public detail::ErrorOf<ErrorCode::parse_error, std::runtime_error> {
 public:
  using ErrorOf::ErrorOf;
};

}  // namespace weir
