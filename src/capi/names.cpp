// Versions and the names of values, for C; and the proof that those values are the C++ ones.
#include <weir/weir.h>
#include <weir/device.hpp>
#include <weir/errors.hpp>
#include <weir/log.hpp>
#include <weir/pool.hpp>

namespace weir {
namespace {

template <class Enumeration>
constexpr bool equal(int value, Enumeration enumerator) {
  return value == static_cast<int>(enumerator);
}

static_assert(sizeof(weir_status) == sizeof(ErrorCode));
static_assert(equal(WEIR_OK, ErrorCode::ok));
static_assert(equal(WEIR_OUT_OF_MEMORY, ErrorCode::out_of_memory));
static_assert(equal(WEIR_LIMIT_EXCEEDED, ErrorCode::limit_exceeded));
static_assert(equal(WEIR_INVALID_ARGUMENT, ErrorCode::invalid_argument));
static_assert(equal(WEIR_TYPE_MISMATCH, ErrorCode::type_mismatch));
static_assert(equal(WEIR_NOT_FOUND, ErrorCode::not_found));
static_assert(equal(WEIR_STALE_HANDLE, ErrorCode::stale_handle));
static_assert(equal(WEIR_TIMEOUT, ErrorCode::timeout));
static_assert(equal(WEIR_DEVICE_LOST, ErrorCode::device_lost));
static_assert(equal(WEIR_DRIVER_ERROR, ErrorCode::driver_error));
static_assert(equal(WEIR_UNSUPPORTED, ErrorCode::unsupported));
static_assert(equal(WEIR_PARSE_ERROR, ErrorCode::parse_error));

static_assert(equal(WEIR_POOL_AUTOMATIC, PoolMode::automatic));
static_assert(equal(WEIR_POOL_PAGES, PoolMode::pages));
static_assert(equal(WEIR_POOL_SEGMENTS, PoolMode::segments));
static_assert(equal(WEIR_POOL_OFF, PoolMode::off));

static_assert(equal(WEIR_LOG_DEBUG, LogLevel::debug));
static_assert(equal(WEIR_LOG_INFO, LogLevel::info));
static_assert(equal(WEIR_LOG_WARNING, LogLevel::warning));
static_assert(equal(WEIR_LOG_ERROR, LogLevel::error));

static_assert(equal(WEIR_EVENT_ALLOCATE, LogEvent::allocate));
static_assert(equal(WEIR_EVENT_REUSE, LogEvent::reuse));
static_assert(equal(WEIR_EVENT_FREE, LogEvent::free));
static_assert(equal(WEIR_EVENT_GROW, LogEvent::grow));
static_assert(equal(WEIR_EVENT_RECYCLE, LogEvent::recycle));
static_assert(equal(WEIR_EVENT_TRIM, LogEvent::trim));
static_assert(equal(WEIR_EVENT_FALLBACK, LogEvent::fallback));
static_assert(equal(WEIR_EVENT_REFUSE, LogEvent::refuse));
static_assert(equal(WEIR_EVENT_LEAK, LogEvent::leak));
static_assert(equal(WEIR_EVENT_MISUSE, LogEvent::misuse));
static_assert(equal(WEIR_EVENT_RESIZE, LogEvent::resize));
static_assert(equal(WEIR_EVENT_UNUSUAL, LogEvent::unusual));
static_assert(equal(WEIR_EVENT_SPILL, LogEvent::spill));
static_assert(equal(WEIR_EVENT_RECOVER, LogEvent::recover));
static_assert(equal(WEIR_EVENT_SLOW, LogEvent::slow));
static_assert(equal(WEIR_EVENT_RECORD, LogEvent::record));

static_assert(equal(WEIR_STREAM_LEGACY_DEFAULT, StreamId::legacy_default));
static_assert(equal(WEIR_STREAM_PER_THREAD_DEFAULT, StreamId::per_thread_default));
static_assert(equal(WEIR_TAG_NONE, Tag::none));
static_assert(WEIR_GRANULE == Pool::granule);

// The names are literals, which end with a zero byte. A value that the enumeration's type cannot hold has none.
template <class Enumeration>
const char* name_of(std::int32_t value, Enumeration last) {
  if (value < 0 || value > static_cast<std::int32_t>(last)) return "unknown";
  return name(static_cast<Enumeration>(value)).data();
}

}  // namespace
}  // namespace weir

uint32_t weir_abi_version() { return WEIR_ABI_VERSION; }
const char* weir_version_string() { return WEIR_VERSION; }

const char* weir_status_name(weir_status status) {
  if (status == WEIR_UNEXPECTED) return "unexpected";
  return weir::name_of(status, weir::ErrorCode::parse_error);
}
const char* weir_log_level_name(int32_t level) { return weir::name_of(level, weir::LogLevel::error); }
const char* weir_log_event_name(int32_t event) { return weir::name_of(event, weir::LogEvent::record); }
