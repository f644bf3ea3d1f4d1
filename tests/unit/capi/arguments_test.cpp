// Arguments that C cannot keep out: NULL pointers, values past an enumeration, and
// structs of older and newer programs. Each refusal names what was wrong.
#include <weir/weir.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using testing::HasSubstr;
constexpr weir_stream_id stream = WEIR_STREAM_LEGACY_DEFAULT;

void expect_refused(const char* name, const std::function<weir_status()>& call) {
  SCOPED_TRACE(name);
  EXPECT_EQ(call(), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(weir_last_error()->code, WEIR_INVALID_ARGUMENT);
  EXPECT_STREQ(weir_last_error()->name, name);
  EXPECT_THAT(weir_last_error()->message, HasSubstr(name));
}

class CArguments : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(weir_device_open(nullptr, &device_), WEIR_OK);
    ASSERT_EQ(weir_pool_create(device_, nullptr, &pool_), WEIR_OK);
  }
  void TearDown() override {
    weir_pool_destroy(pool_);
    weir_device_close(device_);
  }
  weir_device* device_ = nullptr;
  weir_pool* pool_ = nullptr;
};

TEST_F(CArguments, NullPointersAreNamed) {
  void* block = pool_;
  weir_stream_id id = 0;
  weir_tag tag = 0;
  uint64_t number = 0;
  weir_device_info info{};
  info.struct_size = sizeof info;
  weir_statistics statistics{};
  statistics.struct_size = sizeof statistics;
  weir_stream* made = nullptr;
  weir_pool* other = pool_;
  expect_refused("visitor", [] { return weir_visit_devices(nullptr, nullptr); });
  expect_refused("options", [] { return weir_device_options_init(nullptr, 100); });
  expect_refused("out", [] { return weir_device_open(nullptr, nullptr); });
  expect_refused("device", [&] { return weir_device_get_info(nullptr, &info); });
  expect_refused("info", [&] { return weir_device_get_info(device_, nullptr); });
  expect_refused("device", [] { return weir_device_synchronize(nullptr, stream, 0); });
  expect_refused("device", [] {
    return weir_device_run(
        nullptr, stream, [](void*) {}, nullptr);
  });
  expect_refused("work", [&] { return weir_device_run(device_, stream, nullptr, nullptr); });
  expect_refused("device", [&] { return weir_stream_create(nullptr, &made); });
  expect_refused("out", [&] { return weir_stream_create(device_, nullptr); });
  expect_refused("stream", [&] { return weir_stream_get_id(nullptr, &id); });
  expect_refused("stream", [] { return weir_stream_synchronize(nullptr, 0); });
  expect_refused("options", [] { return weir_pool_options_init(nullptr, 100); });
  expect_refused("device", [&] { return weir_pool_create(nullptr, nullptr, &other); });
  EXPECT_EQ(other, nullptr);
  expect_refused("out", [&] { return weir_pool_create(device_, nullptr, nullptr); });
  expect_refused("pool", [&] { return weir_allocate(nullptr, 1, 0, stream, &block); });
  EXPECT_EQ(block, nullptr);
  expect_refused("out", [&] { return weir_allocate(pool_, 1, 0, stream, nullptr); });
  expect_refused("pool", [&] { return weir_allocate_tagged(nullptr, 1, 0, stream, 0, nullptr, 0, &block); });
  expect_refused("out", [&] { return weir_allocate_tagged(pool_, 1, 0, stream, 0, nullptr, 0, nullptr); });
  expect_refused("pool", [] { return weir_deallocate(nullptr, nullptr, stream); });
  expect_refused("pool", [] { return weir_used_on(nullptr, nullptr, stream); });
  expect_refused("pool", [] { return weir_retire(nullptr, stream); });
  expect_refused("pool", [&] { return weir_make_tag(nullptr, "a", &tag); });
  expect_refused("name", [&] { return weir_make_tag(pool_, nullptr, &tag); });
  expect_refused("out", [&] { return weir_make_tag(pool_, "a", nullptr); });
  expect_refused("pool", [&] { return weir_trim(nullptr, 0, &number); });
  expect_refused("pool", [&] { return weir_map_ahead(nullptr, 1, 0); });
  expect_refused("pool", [] { return weir_maintain(nullptr); });
  expect_refused("pool", [&] { return weir_get_statistics(nullptr, &statistics); });
  expect_refused("statistics", [&] { return weir_get_statistics(pool_, nullptr); });
  expect_refused("pool", [&] { return weir_check_leaks(nullptr, &number, &number); });
  expect_refused("blocks", [&] { return weir_check_leaks(pool_, nullptr, &number); });
  expect_refused("bytes", [&] { return weir_check_leaks(pool_, &number, nullptr); });
  expect_refused("pool", [] { return weir_visit_live_blocks(nullptr, nullptr, nullptr); });
  expect_refused("visitor", [&] { return weir_visit_live_blocks(pool_, nullptr, nullptr); });
}

TEST_F(CArguments, ValuesPastAnEnumerationAreRefused) {
  weir_pool* other = pool_;
  weir_pool_options options;
  for (const int32_t value : {-1, 4, 256, INT32_MAX}) {
    ASSERT_EQ(weir_pool_options_init(&options, sizeof options), WEIR_OK);
    options.mode = value;
    expect_refused("mode", [&] { return weir_pool_create(device_, &options, &other); });
    EXPECT_EQ(other, nullptr);
    options.mode = WEIR_POOL_AUTOMATIC;
    options.log_level = value;
    expect_refused("log_level", [&] { return weir_pool_create(device_, &options, &other); });
  }
  ASSERT_EQ(weir_pool_options_init(&options, sizeof options), WEIR_OK);
  options.idle_age_ns = -1;
  EXPECT_EQ(weir_pool_create(device_, &options, &other), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(weir_device_synchronize(device_, 4'000'000'000, 0), WEIR_INVALID_ARGUMENT);
}

// As a program sees it that was built against a later header: its struct is longer.
template <class Struct>
struct Longer {
  Struct known;
  std::array<unsigned char, 64> more;
};

TEST_F(CArguments, OptionsOfNewerProgramsAreReadAsFarAsKnown) {
  Longer<weir_pool_options> options;
  std::memset(&options, 0xab, sizeof options);
  ASSERT_EQ(weir_pool_options_init(&options.known, sizeof options), WEIR_OK);
  EXPECT_EQ(options.more[0], 0xab);
  EXPECT_EQ(options.known.struct_size, sizeof options.known);
  options.known.struct_size = sizeof options;
  options.known.limit = 1 << 20;
  weir_pool* other = nullptr;
  ASSERT_EQ(weir_pool_create(device_, &options.known, &other), WEIR_OK);
  void* block = nullptr;
  EXPECT_EQ(weir_allocate(other, 2 << 20, 0, stream, &block), WEIR_LIMIT_EXCEEDED);
  weir_pool_destroy(other);
}

TEST_F(CArguments, ResultsGoAsFarAsBothKnow) {
  Longer<weir_statistics> statistics;
  std::memset(&statistics, 0xab, sizeof statistics);
  statistics.known.struct_size = sizeof statistics;
  ASSERT_EQ(weir_get_statistics(pool_, &statistics.known), WEIR_OK);
  EXPECT_EQ(statistics.known.struct_size, sizeof statistics.known);
  EXPECT_EQ(statistics.known.allocations, 0u);
  for (const unsigned char byte : statistics.more) EXPECT_EQ(byte, 0xab);

  Longer<weir_device_info> info;
  std::memset(&info, 0xab, sizeof info);
  info.known.struct_size = sizeof info;
  ASSERT_EQ(weir_device_get_info(device_, &info.known), WEIR_OK);
  EXPECT_EQ(info.known.struct_size, sizeof info.known);
  EXPECT_STREQ(info.known.backend, "host");
  for (const unsigned char byte : info.more) EXPECT_EQ(byte, 0xab);
}

// The sizes of ABI version 1 on 64-bit systems: a later version may only make them larger.
TEST_F(CArguments, SizesBelowTheFirstAreRefused) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, std::size_t{223}}) {
    weir_statistics statistics{};
    statistics.struct_size = size;
    expect_refused("struct_size", [&] { return weir_get_statistics(pool_, &statistics); });
    EXPECT_EQ(statistics.struct_size, size);
    EXPECT_EQ(weir_last_error()->limit, 224u);
  }
  weir_device_info info{};
  info.struct_size = 71;
  expect_refused("struct_size", [&] { return weir_device_get_info(device_, &info); });
  weir_pool_options options{};
  weir_pool* other = pool_;
  expect_refused("struct_size", [&] { return weir_pool_create(device_, &options, &other); });
  expect_refused("struct_size", [&] { return weir_pool_options_init(&options, 95); });
  EXPECT_EQ(options.struct_size, 0u);
  weir_device_options device_options{};
  weir_device* device = device_;
  expect_refused("struct_size", [&] { return weir_device_open(&device_options, &device); });
  EXPECT_EQ(device, nullptr);
  expect_refused("struct_size", [&] { return weir_device_options_init(&device_options, 23); });
}

}  // namespace
