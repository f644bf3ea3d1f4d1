// The C interface over the C++ one: the same options, numbers and records, and handles
// that may end in any order.
#include <weir/weir.h>
#include <weir/weir.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using testing::HasSubstr;
constexpr weir_stream_id stream = WEIR_STREAM_LEGACY_DEFAULT;

struct Record {
  int32_t level;
  int32_t event;
  std::string pool;
  std::string text;
  uint64_t bytes;
};

void keep(const weir_log_record* record, void* user) {
  EXPECT_EQ(record->struct_size, sizeof *record);
  static_cast<std::vector<Record>*>(user)->push_back(
      {record->level, record->event, record->pool, record->text, record->bytes});
}

class CPool : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(weir_device_open(nullptr, &device_), WEIR_OK);
    ASSERT_EQ(weir_pool_options_init(&options_, sizeof options_), WEIR_OK);
  }
  void TearDown() override { weir_device_close(device_); }
  weir_pool* make_pool() {
    weir_pool* pool = nullptr;
    EXPECT_EQ(weir_pool_create(device_, &options_, &pool), WEIR_OK);
    return pool;
  }
  weir_device* device_ = nullptr;
  weir_pool_options options_{};
};

TEST_F(CPool, LatenciesAreThoseOfCpp) {
  weir_pool* pool = make_pool();
  void* block = nullptr;
  ASSERT_EQ(weir_allocate(pool, 5 << 20, 0, stream, &block), WEIR_OK);
  weir_statistics all{};
  all.struct_size = sizeof all;
  ASSERT_EQ(weir_get_statistics(pool, &all), WEIR_OK);
  EXPECT_EQ(all.struct_size, sizeof all);
  EXPECT_EQ(all.misses, 1u);
  EXPECT_EQ(all.growth_latency.count, 1u);
  EXPECT_GT(all.growth_latency.max_ns, 0);
  EXPECT_EQ(all.growth_latency.mean_ns, all.growth_latency.max_ns);
  EXPECT_LE(all.growth_latency.p99_ns, all.growth_latency.max_ns);
  EXPECT_GT(all.growth_latency.p50_ns, 0);
  EXPECT_GE(all.mapping_latency.count, 1u);
  EXPECT_LE(all.mapping_latency.max_ns, all.growth_latency.max_ns);
  EXPECT_EQ(all.arena_latency.count, 0u);
  EXPECT_EQ(all.wait_latency.count, 0u);
  // A program of the first version of the struct is told as much as it knows, and nothing is written behind that.
  constexpr std::size_t first = 224;
  all.growth_latency.count = 99;
  all.struct_size = first;
  ASSERT_EQ(weir_get_statistics(pool, &all), WEIR_OK);
  EXPECT_EQ(all.struct_size, first);
  EXPECT_EQ(all.misses, 1u);
  EXPECT_EQ(all.growth_latency.count, 99u);
  EXPECT_EQ(weir_deallocate(pool, block, stream), WEIR_OK);
  weir_pool_destroy(pool);
}

TEST_F(CPool, DefaultsAreThoseOfCpp) {
  const weir::PoolOptions known;
  EXPECT_EQ(options_.struct_size, sizeof options_);
  EXPECT_EQ(options_.name, nullptr);
  EXPECT_EQ(options_.mode, static_cast<int>(known.mode));
  EXPECT_EQ(options_.limit, 0u);
  EXPECT_EQ(options_.segment_bytes, known.segment_bytes);
  EXPECT_EQ(options_.keep_free, known.keep_free);
  EXPECT_EQ(options_.idle_age_ns, known.idle_age.count());
  EXPECT_EQ(options_.thread_cache_bytes, known.thread_cache_bytes);
  EXPECT_EQ(options_.zero != 0, known.zero);
  EXPECT_EQ(options_.call_sites != 0, known.call_sites);
  EXPECT_EQ(options_.reclaim_deadline_ns, known.reclaim_deadline.count());
}

TEST_F(CPool, OptionsArriveWhereTheyBelong) {
  options_.mode = WEIR_POOL_OFF;
  weir_pool* off = make_pool();
  options_.mode = WEIR_POOL_SEGMENTS;
  options_.segment_bytes = 8 << 20;
  options_.thread_cache_bytes = 0;
  options_.zero = 1;
  weir_pool* segments = make_pool();
  weir_statistics statistics{};
  statistics.struct_size = sizeof statistics;
  void* block = nullptr;

  ASSERT_EQ(weir_allocate(off, 512, 0, stream, &block), WEIR_OK);
  ASSERT_EQ(weir_deallocate(off, block, stream), WEIR_OK);
  ASSERT_EQ(weir_get_statistics(off, &statistics), WEIR_OK);
  EXPECT_EQ(statistics.reserved.live, 0u);

  ASSERT_EQ(weir_allocate(segments, 512, 0, stream, &block), WEIR_OK);
  ASSERT_EQ(weir_device_synchronize(device_, stream, INT64_MAX), WEIR_OK);
  for (int i = 0; i < 512; ++i) ASSERT_EQ(static_cast<char*>(block)[i], 0);
  static_cast<char*>(block)[0] = 1;
  ASSERT_EQ(weir_deallocate(segments, block, stream), WEIR_OK);
  ASSERT_EQ(weir_allocate(segments, 512, 0, stream, &block), WEIR_OK);
  ASSERT_EQ(weir_device_synchronize(device_, stream, INT64_MAX), WEIR_OK);
  EXPECT_EQ(static_cast<char*>(block)[0], 0);
  ASSERT_EQ(weir_get_statistics(segments, &statistics), WEIR_OK);
  EXPECT_EQ(statistics.reserved.live, 8u << 20);
  EXPECT_EQ(statistics.cache_hits, 0u);
  EXPECT_EQ(statistics.arena_hits + statistics.misses, 2u);
  weir_pool_destroy(off);
  weir_pool_destroy(segments);
}

TEST_F(CPool, MisuseChangesNothing) {
  weir_pool* pool = make_pool();
  weir_pool* other = make_pool();
  void* mine = nullptr;
  void* foreign = nullptr;
  ASSERT_EQ(weir_allocate(pool, 4096, 0, stream, &mine), WEIR_OK);
  ASSERT_EQ(weir_allocate(other, 4096, 0, stream, &foreign), WEIR_OK);
  EXPECT_EQ(weir_deallocate(pool, foreign, stream), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(weir_deallocate(pool, static_cast<char*>(mine) + 1, stream), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(weir_deallocate(pool, mine, stream), WEIR_OK);
  EXPECT_EQ(weir_deallocate(pool, mine, stream), WEIR_INVALID_ARGUMENT);
  EXPECT_EQ(weir_deallocate(other, foreign, stream), WEIR_OK);
  weir_statistics statistics{};
  statistics.struct_size = sizeof statistics;
  ASSERT_EQ(weir_get_statistics(pool, &statistics), WEIR_OK);
  EXPECT_EQ(statistics.frees, 1u);
  EXPECT_EQ(statistics.errors, 3u);
  weir_pool_destroy(pool);
  weir_pool_destroy(other);
}

TEST_F(CPool, ADestroyedPoolReportsItsLiveBlocks) {
  std::vector<Record> records;
  options_.name = "leaky";
  options_.log = keep;
  options_.log_user = &records;
  weir_pool* pool = make_pool();
  weir_tag tag = 0;
  void* block = nullptr;
  ASSERT_EQ(weir_make_tag(pool, "forgetful", &tag), WEIR_OK);
  ASSERT_EQ(weir_allocate_tagged(pool, 700, 0, stream, tag, nullptr, 0, &block), WEIR_OK);
  records.clear();
  weir_pool_destroy(pool);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].event, WEIR_EVENT_LEAK);
  EXPECT_EQ(records[0].level, WEIR_LOG_ERROR);
  EXPECT_EQ(records[0].pool, "leaky");
  EXPECT_THAT(records[0].text, HasSubstr("forgetful"));
  EXPECT_EQ(records[0].bytes, 700u);
}

TEST_F(CPool, TheLogHearsFromItsLevelOn) {
  std::vector<Record> records;
  options_.log = keep;
  options_.log_user = &records;
  for (const int32_t level : {WEIR_LOG_DEBUG, WEIR_LOG_ERROR}) {
    options_.log_level = level;
    records.clear();
    weir_pool* pool = make_pool();
    void* block = nullptr;
    ASSERT_EQ(weir_allocate(pool, 700, 0, stream, &block), WEIR_OK);
    ASSERT_EQ(weir_deallocate(pool, block, stream), WEIR_OK);
    weir_pool_destroy(pool);
    EXPECT_EQ(records.empty(), level == WEIR_LOG_ERROR);
  }
}

TEST_F(CPool, OutlivesTheHandleOfItsDevice) {
  weir_pool* pool = make_pool();
  weir_stream* other = nullptr;
  weir_stream_id id = 0;
  ASSERT_EQ(weir_stream_create(device_, &other), WEIR_OK);
  ASSERT_EQ(weir_stream_get_id(other, &id), WEIR_OK);
  weir_device_close(device_);
  device_ = nullptr;
  void* block = nullptr;
  EXPECT_EQ(weir_allocate(pool, 4096, 0, id, &block), WEIR_OK);
  EXPECT_EQ(weir_used_on(pool, block, stream), WEIR_OK);
  EXPECT_EQ(weir_deallocate(pool, block, id), WEIR_OK);
  weir_pool_destroy(pool);
  EXPECT_EQ(weir_stream_synchronize(other, 0), WEIR_OK);
  weir_stream_destroy(other);
}

TEST_F(CPool, WaitsEndAtTheirDeadline) {
  std::atomic<bool> open{false};
  const auto wait = [](void* user) {
    while (!static_cast<std::atomic<bool>*>(user)->load()) std::this_thread::yield();
  };
  weir_stream* slow = nullptr;
  weir_stream_id id = 0;
  ASSERT_EQ(weir_stream_create(device_, &slow), WEIR_OK);
  ASSERT_EQ(weir_stream_get_id(slow, &id), WEIR_OK);
  ASSERT_EQ(weir_device_run(device_, id, wait, &open), WEIR_OK);
  EXPECT_EQ(weir_stream_synchronize(slow, 1'000'000), WEIR_TIMEOUT);
  EXPECT_STREQ(weir_last_error()->name, "synchronize");
  EXPECT_EQ(weir_device_synchronize(device_, id, -1), WEIR_TIMEOUT);
  open = true;
  EXPECT_EQ(weir_device_synchronize(device_, id, INT64_MAX), WEIR_OK);
  weir_stream_destroy(slow);
}

TEST_F(CPool, AVisitorMayAllocateAndStopAndFail) {
  weir_pool* pool = make_pool();
  void* block = nullptr;
  ASSERT_EQ(weir_allocate(pool, 4096, 0, stream, &block), WEIR_OK);
  const auto free_it = [](const weir_live_block* found, void* user) {
    return static_cast<int>(
        weir_deallocate(static_cast<weir_pool*>(user), reinterpret_cast<void*>(found->address), stream));
  };
  EXPECT_EQ(weir_visit_live_blocks(pool, free_it, pool), WEIR_OK);
  uint64_t blocks = 1;
  uint64_t bytes = 1;
  EXPECT_EQ(weir_check_leaks(pool, &blocks, &bytes), WEIR_OK);
  EXPECT_EQ(blocks + bytes, 0u);
  const auto fail = [](const weir_device_info*, void*) -> int { throw std::runtime_error("not here"); };
  EXPECT_EQ(weir_visit_devices(fail, nullptr), WEIR_UNEXPECTED);
  EXPECT_STREQ(weir_last_error()->message, "not here");
  weir_pool_destroy(pool);
}

}  // namespace
