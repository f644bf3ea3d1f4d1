// The message of the error that a call is expected to throw, for tests that
// check what it names. Used by the tests of the readers.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::replay::testing {

/// Calls `call`, which has to throw `Expected`, and returns the message; checks
/// that it is one line. Anything else is a test failure and gives an empty text.
template <class Expected = ParseError, class Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const Expected& error) {
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
    EXPECT_EQ(error.message().find('\0'), std::string::npos) << error.message();
    EXPECT_EQ(std::string_view(error.what()), error.message());
    return error.message();
  } catch (const Error& error) {
    ADD_FAILURE() << "threw another error: " << error.message();
    return {};
  }
  ADD_FAILURE() << "threw nothing";
  return {};
}

/// Whether `text` holds each of `parts`; names the missing one.
inline ::testing::AssertionResult names(std::string_view text, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) {
    if (text.find(part) == std::string_view::npos) {
      return ::testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace weir::replay::testing
