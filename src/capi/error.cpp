#include "capi/error.hpp"

#include <pthread.h>

#include <array>
#include <exception>
#include <new>
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

// Made at a thread's first error: a library that is loaded late has little space for variables of this kind. What it
// points to ends after all thread_local objects, whose destructors may still call, and is made anew if they do later.
thread_local constinit LastError* this_threads_error = nullptr;

pthread_key_t key_of_last() noexcept {
  static const pthread_key_t key = [] {
    pthread_key_t made{};
    pthread_key_create(&made, [](void* mine) {
      delete static_cast<LastError*>(mine);
      this_threads_error = nullptr;
    });
    return made;
  }();
  return key;
}

/// A fresh error that refers to the thread's texts; null if the host has no memory for them.
LastError* renew() noexcept {
  if (this_threads_error == nullptr) {
    this_threads_error = new (std::nothrow) LastError;
    if (this_threads_error == nullptr) return nullptr;
    pthread_setspecific(key_of_last(), this_threads_error);
  }
  this_threads_error->error = {};
  this_threads_error->error.struct_size = sizeof this_threads_error->error;
  this_threads_error->error.message = this_threads_error->message.data();
  this_threads_error->error.name = this_threads_error->name.data();
  return this_threads_error;
}

// For lack of memory for the texts: an error of each code, shared by all threads.
thread_local constinit const weir_error* bare = nullptr;

const weir_error* bare_error(weir_status code) noexcept {
  constexpr int first = WEIR_UNEXPECTED;
  static const auto errors = [] {
    std::array<weir_error, 32> all{};
    for (int each = 0; each < static_cast<int>(all.size()); ++each) {
      weir_error& error = all[static_cast<std::size_t>(each)];
      error.struct_size = sizeof error;
      error.code = static_cast<weir_status>(first + each);
      error.message = error.code == WEIR_OK ? "" : "the host had no memory for the text of this error";
      error.name = "";
    }
    return all;
  }();
  return &errors.at(static_cast<std::size_t>(code - first));
}

template <class Number>
void set_fact(std::uint8_t& has, Number& to, const std::optional<Number>& from) {
  has = from.has_value() ? 1 : 0;
  to = from.value_or(0);
}

weir_status note(weir_status code, std::string_view message, const ErrorFacts& facts = {}) noexcept {
  LastError* const mine = renew();
  bare = mine == nullptr ? bare_error(code) : nullptr;
  if (mine == nullptr) return code;
  mine->error.code = code;
  mine->message.set(message);
  mine->name.set(facts.name);
  set_fact(mine->error.has_bytes_asked, mine->error.bytes_asked, facts.bytes_asked);
  set_fact(mine->error.has_limit, mine->error.limit, facts.limit);
  set_fact(mine->error.has_free, mine->error.free, facts.free);
  set_fact(mine->error.has_native_code, mine->error.native_code, facts.native_code);
  return code;
}

}  // namespace

weir_status note_failure() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return note(static_cast<weir_status>(error.code()), error.message(), error.facts());
  } catch (const std::bad_alloc&) {
    return note(WEIR_OUT_OF_MEMORY, "the host has no memory left for weir's own records");
  } catch (const std::system_error& error) {
    return note(WEIR_DRIVER_ERROR, error.what(), {.name = {}, .native_code = error.code().value()});
  } catch (const std::exception& error) {
    return note(WEIR_UNEXPECTED, error.what());
  } catch (...) {
    return note(WEIR_UNEXPECTED, "an exception was thrown that is not a std::exception");
  }
}

void refuse_null(const char* function, const char* parameter) {
  throw InvalidArgument(std::string(function) + ": " + parameter + " is NULL", {.name = parameter});
}

}  // namespace weir::capi

const weir_error* weir_last_error() {
  using namespace weir::capi;
  if (bare != nullptr) return bare;
  return this_threads_error != nullptr ? &this_threads_error->error : bare_error(WEIR_OK);
}
