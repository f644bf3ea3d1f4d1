#include "capi/error.hpp"

#include <exception>
#include <optional>
#include <string_view>
#include <system_error>

#include "capi/text.hpp"

namespace weir::capi {
namespace {

struct LastError {
  weir_error error;
  Text<1024> message;
  Text<256> name;
};

// Trivial to destroy, so that a call from another thread_local's destructor still finds it.
thread_local constinit LastError last{};

/// A fresh error that refers to the thread's texts.
weir_error& renew() noexcept {
  last.error = {};
  last.error.struct_size = sizeof last.error;
  last.error.message = last.message.data();
  last.error.name = last.name.data();
  return last.error;
}

template <class Number>
void set_fact(std::uint8_t& has, Number& to, const std::optional<Number>& from) {
  has = from.has_value() ? 1 : 0;
  to = from.value_or(0);
}

weir_status note(weir_status code, std::string_view message, const ErrorFacts* facts = nullptr) noexcept {
  renew().code = code;
  last.message.set(message);
  last.name.set(facts == nullptr ? std::string_view{} : facts->name);
  if (facts == nullptr) return code;
  set_fact(last.error.has_bytes_asked, last.error.bytes_asked, facts->bytes_asked);
  set_fact(last.error.has_limit, last.error.limit, facts->limit);
  set_fact(last.error.has_free, last.error.free, facts->free);
  set_fact(last.error.has_native_code, last.error.native_code, facts->native_code);
  return code;
}

weir_status note_system_error(const std::system_error& error) noexcept {
  static_cast<void>(note(WEIR_DRIVER_ERROR, error.what()));
  last.error.has_native_code = 1;
  last.error.native_code = error.code().value();
  return WEIR_DRIVER_ERROR;
}

}  // namespace

weir_status note_failure() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return note(static_cast<weir_status>(error.code()), error.message(), &error.facts());
  } catch (const std::bad_alloc&) {
    return note(WEIR_OUT_OF_MEMORY, "the host has no memory left for weir's own records");
  } catch (const std::system_error& error) {
    return note_system_error(error);
  } catch (const std::exception& error) {
    return note(WEIR_UNEXPECTED, error.what());
  } catch (...) {
    return note(WEIR_UNEXPECTED, "something was thrown that is no std::exception");
  }
}

void refuse_null(const char* function, const char* parameter) {
  throw InvalidArgument(std::string(function) + ": " + parameter + " is NULL", {.name = parameter});
}

}  // namespace weir::capi

const weir_error* weir_last_error() {
  weir_error& error = weir::capi::last.error;
  return error.message == nullptr ? &weir::capi::renew() : &error;
}
