// Every error can be caught as what it is, as weir::Error, as its one standard
// exception and as std::exception; none of these is ambiguous.
#include <weir/errors.hpp>

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace weir {
namespace {

template <class Caught, class Thrown>
bool is_caught_as(const Thrown& error) {
  try {
    throw error;  // NOLINT(misc-throw-by-value-catch-by-reference): a copy is meant
  } catch (const Caught&) {
    return true;
  } catch (...) {
    return false;
  }
}

template <class Kind>
class Errors : public testing::Test {};

template <class Thrown, class Standard, ErrorCode Code>
struct Case {
  using Type = Thrown;
  using Base = Standard;
  static constexpr ErrorCode code = Code;
};
using Cases = testing::Types<Case<OutOfMemory, std::bad_alloc, ErrorCode::out_of_memory>,
                             Case<LimitExceeded, std::bad_alloc, ErrorCode::limit_exceeded>,
                             Case<InvalidArgument, std::invalid_argument, ErrorCode::invalid_argument>,
                             Case<TypeMismatch, std::logic_error, ErrorCode::type_mismatch>,
                             Case<NotFound, std::runtime_error, ErrorCode::not_found>,
                             Case<StaleHandle, std::logic_error, ErrorCode::stale_handle>,
                             Case<Timeout, std::runtime_error, ErrorCode::timeout>,
                             Case<DeviceLost, std::runtime_error, ErrorCode::device_lost>,
                             Case<DriverError, std::runtime_error, ErrorCode::driver_error>,
                             Case<Unsupported, std::runtime_error, ErrorCode::unsupported>,
                             Case<ParseError, std::runtime_error, ErrorCode::parse_error>>;
TYPED_TEST_SUITE(Errors, Cases);

TYPED_TEST(Errors, AreCaughtByEachOfTheirTypes) {
  const typename TypeParam::Type error("what happened", {.name = "it", .bytes_asked = 7});
  EXPECT_TRUE(is_caught_as<typename TypeParam::Type>(error));
  EXPECT_TRUE(is_caught_as<Error>(error));
  EXPECT_TRUE(is_caught_as<typename TypeParam::Base>(error));
  EXPECT_TRUE(is_caught_as<std::exception>(error));
}

TYPED_TEST(Errors, KeepTheirFacts) {
  const typename TypeParam::Type error("what happened",
                                       {.name = "it", .bytes_asked = 1, .limit = 2, .free = 3, .native_code = -4});
  EXPECT_EQ(error.code(), TypeParam::code);
  EXPECT_EQ(error.message(), "what happened");
  EXPECT_STREQ(error.what(), "what happened");
  EXPECT_EQ(error.facts().name, "it");
  EXPECT_EQ(error.facts().bytes_asked, 1u);
  EXPECT_EQ(error.facts().limit, 2u);
  EXPECT_EQ(error.facts().free, 3u);
  EXPECT_EQ(error.facts().native_code, -4);
  const typename TypeParam::Type bare("bare");
  EXPECT_FALSE(bare.facts().bytes_asked || bare.facts().limit || bare.facts().free || bare.facts().native_code);
}

TEST(ErrorCodes, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (int code = 0; code <= 11; ++code) names.insert(weir::name(static_cast<ErrorCode>(code)));
  EXPECT_EQ(names.size(), 12u);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(weir::name(static_cast<ErrorCode>(99)), "unknown");
  EXPECT_EQ(weir::name(ErrorCode::stale_handle), "stale_handle");
}

}  // namespace
}  // namespace weir
