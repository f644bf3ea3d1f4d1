// The border: every kind of failure becomes its status, on the thread where it
// happened, and no exception passes.
#include <weir/weir.hpp>
#ifdef WEIR_ABI_VERSION
#error "weir.hpp includes the C interface"
#endif
#include <weir/weir.h>

#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capi/error.hpp"
#include "capi/text.hpp"

namespace weir::capi {
namespace {

using testing::HasSubstr;

template <class Thrown>
weir_status status_of(const Thrown& thrown) {
  return guarded([&] { throw Thrown(thrown); });
}

TEST(CErrors, StatusesAreErrorCodes) {
  EXPECT_EQ(status_of(OutOfMemory("")), WEIR_OUT_OF_MEMORY);
  EXPECT_EQ(status_of(LimitExceeded("")), WEIR_LIMIT_EXCEEDED);
  EXPECT_EQ(status_of(InvalidArgument("")), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(status_of(TypeMismatch("")), WEIR_TYPE_MISMATCH);
  EXPECT_EQ(status_of(NotFound("")), WEIR_NOT_FOUND);
  EXPECT_EQ(status_of(StaleHandle("")), WEIR_STALE_HANDLE);
  EXPECT_EQ(status_of(Timeout("")), WEIR_TIMEOUT);
  EXPECT_EQ(status_of(DeviceLost("")), WEIR_DEVICE_LOST);
  EXPECT_EQ(status_of(DriverError("")), WEIR_DRIVER_ERROR);
  EXPECT_EQ(status_of(Unsupported("")), WEIR_UNSUPPORTED);
  EXPECT_EQ(status_of(ParseError("")), WEIR_PARSE_ERROR);
  EXPECT_EQ(guarded([] {}), WEIR_OK);
}

// Each code has its C++ name; a value past the last has none, so one that is added is noticed.
TEST(CErrors, StatusesHaveTheNamesOfErrorCodes) {
  for (weir_status status = WEIR_OK; status <= WEIR_PARSE_ERROR; ++status) {
    EXPECT_EQ(weir_status_name(status), weir::name(static_cast<ErrorCode>(status)));
  }
  EXPECT_EQ(weir::name(static_cast<ErrorCode>(WEIR_PARSE_ERROR + 1)), "unknown");
  EXPECT_STREQ(weir_status_name(WEIR_PARSE_ERROR + 1), "unknown");
  EXPECT_STREQ(weir_status_name(WEIR_UNEXPECTED), "unexpected");
  EXPECT_STREQ(weir_status_name(INT32_MIN), "unknown");
}

TEST(CErrors, LogValuesHaveTheNamesOfTheCppOnes) {
  for (std::int32_t event = WEIR_EVENT_ALLOCATE; event <= WEIR_EVENT_RECORD; ++event) {
    EXPECT_EQ(weir_log_event_name(event), weir::name(static_cast<LogEvent>(event)));
  }
  for (std::int32_t level = WEIR_LOG_DEBUG; level <= WEIR_LOG_ERROR; ++level) {
    EXPECT_EQ(weir_log_level_name(level), weir::name(static_cast<LogLevel>(level)));
  }
  EXPECT_EQ(weir::name(static_cast<LogEvent>(WEIR_EVENT_RECORD + 1)), "unknown");
  EXPECT_STREQ(weir_log_event_name(256), "unknown");
  EXPECT_STREQ(weir_log_level_name(-1), "unknown");
}

TEST(CErrors, FactsAreKept) {
  EXPECT_EQ(
      status_of(DriverError("it failed", {.name = "call", .bytes_asked = 1, .limit = 2, .free = 3, .native_code = -4})),
      WEIR_DRIVER_ERROR);
  const weir_error& error = *weir_last_error();
  EXPECT_EQ(error.struct_size, sizeof(weir_error));
  EXPECT_EQ(error.code, WEIR_DRIVER_ERROR);
  EXPECT_STREQ(error.message, "it failed");
  EXPECT_STREQ(error.name, "call");
  EXPECT_TRUE(error.has_bytes_asked && error.has_limit && error.has_free && error.has_native_code);
  EXPECT_EQ(error.bytes_asked, 1u);
  EXPECT_EQ(error.limit, 2u);
  EXPECT_EQ(error.free, 3u);
  EXPECT_EQ(error.native_code, -4);

  EXPECT_EQ(status_of(NotFound("no facts")), WEIR_NOT_FOUND);
  EXPECT_STREQ(error.name, "");
  EXPECT_FALSE(error.has_bytes_asked || error.has_limit || error.has_free || error.has_native_code);
  EXPECT_EQ(error.bytes_asked + error.limit + error.free, 0u);
}

TEST(CErrors, WhatIsNotWeirsOwnIsCaughtToo) {
  EXPECT_EQ(status_of(std::bad_alloc()), WEIR_OUT_OF_MEMORY);
  EXPECT_THAT(weir_last_error()->message, HasSubstr("host"));
  EXPECT_EQ(status_of(std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again))),
            WEIR_DRIVER_ERROR);
  EXPECT_TRUE(weir_last_error()->has_native_code);
  EXPECT_EQ(weir_last_error()->native_code, EAGAIN);
  EXPECT_EQ(status_of(std::out_of_range("beyond")), WEIR_UNEXPECTED);
  EXPECT_STREQ(weir_last_error()->message, "beyond");
  EXPECT_FALSE(weir_last_error()->has_native_code);
  EXPECT_EQ(status_of(7), WEIR_UNEXPECTED);
}

TEST(CErrors, EachThreadHasItsOwn) {
  EXPECT_EQ(status_of(Timeout("here")), WEIR_TIMEOUT);
  const weir_error* const here = weir_last_error();
  std::thread([&] {
    EXPECT_NE(weir_last_error(), here);
    EXPECT_EQ(weir_last_error()->code, WEIR_OK);
    EXPECT_STREQ(weir_last_error()->message, "");
    EXPECT_EQ(status_of(NotFound("there")), WEIR_NOT_FOUND);
    EXPECT_STREQ(weir_last_error()->message, "there");
  }).join();
  EXPECT_EQ(weir_last_error(), here);
  EXPECT_EQ(here->code, WEIR_TIMEOUT);
  EXPECT_STREQ(here->message, "here");
}

TEST(CErrors, LongTextsAreCut) {
  EXPECT_EQ(status_of(NotFound(std::string(5000, 'x'), {.name = std::string(5000, 'y')})), WEIR_NOT_FOUND);
  EXPECT_EQ(std::string(weir_last_error()->message), std::string(1023, 'x'));
  EXPECT_EQ(std::string(weir_last_error()->name), std::string(255, 'y'));
}

TEST(CErrors, TextsAreCutBetweenCharacters) {
  Text<5> text;
  const std::vector<std::pair<std::string, std::string>> cases = {{"", ""},
                                                                  {"abcd", "abcd"},
                                                                  {"abcde", "abcd"},
                                                                  {"abc\u00e9", "abc"},
                                                                  {"ab\u00e9", "ab\u00e9"},
                                                                  {"a\u20ac", "a\u20ac"},
                                                                  {"ab\u20acc", "ab"},
                                                                  {"\u00e9\u00e9\u00e9", "\u00e9\u00e9"},
                                                                  {"\x80\x80\x80\x80\x80\x80", ""}};
  for (const auto& [given, cut] : cases) {
    text.set(given);
    EXPECT_EQ(text.data(), cut) << given;
  }
}

}  // namespace
}  // namespace weir::capi
