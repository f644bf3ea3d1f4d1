// The border that no exception crosses: every function of the C interface runs its
// body in guarded(), which turns what is thrown into a status and the thread's last error.
#pragma once

#include <string>

#include <weir/weir.h>
#include <weir/errors.hpp>

namespace weir::capi {

/// Keeps the exception now being handled as the thread's last error.
weir_status note_failure() noexcept;

template <class Body>
weir_status guarded(const Body& body) noexcept {
  try {
    body();
    return WEIR_OK;
  } catch (...) {
    return note_failure();
  }
}

[[noreturn]] void refuse_null(const char* function, const char* parameter);

/// Throws InvalidArgument that names the parameter.
template <class Pointer>
void require(Pointer pointer, const char* function, const char* parameter) {
  if (pointer == nullptr) refuse_null(function, parameter);
}

}  // namespace weir::capi
