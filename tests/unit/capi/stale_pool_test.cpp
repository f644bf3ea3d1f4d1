// A pool's handle after its end: a typed error from every call, also where other pools
// were made since, and for what never was a pool.
#include <weir/weir.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "capi/pool_table.hpp"

namespace {

using testing::HasSubstr;
constexpr weir_stream_id stream = WEIR_STREAM_LEGACY_DEFAULT;

class StalePool : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(weir_device_open(nullptr, &device_), WEIR_OK); }
  void TearDown() override { weir_device_close(device_); }
  weir_pool* make_pool() {
    weir_pool* pool = nullptr;
    EXPECT_EQ(weir_pool_create(device_, nullptr, &pool), WEIR_OK);
    return pool;
  }
  weir_device* device_ = nullptr;
};

void expect_stale(const char* function, const std::function<weir_status()>& call) {
  SCOPED_TRACE(function);
  EXPECT_EQ(call(), WEIR_STALE_HANDLE);
  EXPECT_EQ(weir_last_error()->code, WEIR_STALE_HANDLE);
  EXPECT_STREQ(weir_last_error()->name, "pool");
  EXPECT_THAT(weir_last_error()->message, HasSubstr(function));
}

void expect_all_stale(weir_pool* pool, void* block) {
  void* more = pool;
  uint64_t number = 0;
  weir_tag tag = 0;
  weir_statistics statistics{};
  statistics.struct_size = sizeof statistics;
  expect_stale("weir_allocate", [&] { return weir_allocate(pool, 1, 0, stream, &more); });
  EXPECT_EQ(more, nullptr);
  expect_stale("weir_allocate_tagged", [&] { return weir_allocate_tagged(pool, 1, 0, stream, 0, nullptr, 0, &more); });
  expect_stale("weir_deallocate", [&] { return weir_deallocate(pool, block, stream); });
  expect_stale("weir_used_on", [&] { return weir_used_on(pool, block, stream); });
  expect_stale("weir_retire", [&] { return weir_retire(pool, stream); });
  expect_stale("weir_make_tag", [&] { return weir_make_tag(pool, "a", &tag); });
  expect_stale("weir_trim", [&] { return weir_trim(pool, 0, nullptr); });
  expect_stale("weir_map_ahead", [&] { return weir_map_ahead(pool, 1, stream); });
  expect_stale("weir_maintain", [&] { return weir_maintain(pool); });
  expect_stale("weir_get_statistics", [&] { return weir_get_statistics(pool, &statistics); });
  expect_stale("weir_check_leaks", [&] { return weir_check_leaks(pool, &number, &number); });
  const auto visit = [](const weir_live_block*, void*) { return 0; };
  expect_stale("weir_visit_live_blocks", [&] { return weir_visit_live_blocks(pool, visit, nullptr); });
  expect_stale("weir_pool_destroy", [&] {
    weir_pool_destroy(pool);
    return weir_last_error()->code;
  });
}

TEST_F(StalePool, EveryCallOnADestroyedPoolSaysSo) {
  weir_pool* pool = make_pool();
  void* block = nullptr;
  ASSERT_EQ(weir_allocate(pool, 1000, 0, stream, &block), WEIR_OK);
  weir_pool_destroy(pool);
  expect_all_stale(pool, block);
  // Nor does the handle open a pool that is made later, whatever place that has.
  std::vector<weir_pool*> others;
  for (int i = 0; i < 20; ++i) others.push_back(make_pool());
  expect_all_stale(pool, block);
  for (weir_pool* other : others) {
    EXPECT_NE(other, pool);
    EXPECT_EQ(weir_maintain(other), WEIR_OK);
    weir_pool_destroy(other);
  }
}

// Places without pools, for their number.
TEST_F(StalePool, PlacesAreUsedAgainAndHandlesNever) {
  using weir::capi::PoolTable;
  weir_pool* const first = make_pool();
  std::set<weir_pool*> handles{first};
  for (int round = 0; round < 2; ++round) {
    std::vector<weir_pool*> taken;
    try {
      for (;;) {
        taken.push_back(PoolTable::add(nullptr));
        ASSERT_TRUE(handles.insert(taken.back()).second);
        ASSERT_LT(taken.size(), 65536u);
      }
    } catch (const weir::LimitExceeded& error) {
      EXPECT_EQ(error.facts().limit, 65536u);
    }
    EXPECT_EQ(taken.size(), 65535u);  // all but the first's
    for (weir_pool* each : taken) EXPECT_EQ(PoolTable::remove(each, "a test"), nullptr);
    expect_stale("weir_maintain", [&] { return weir_maintain(taken.front()); });
    expect_stale("weir_maintain", [&] { return weir_maintain(taken.back()); });
  }
  EXPECT_EQ(weir_maintain(first), WEIR_OK);
  weir_pool_destroy(first);
}

TEST_F(StalePool, WhatIsNoPoolIsToldFromOne) {
  int local = 0;
  for (const std::uintptr_t number :
       {std::uintptr_t{1}, std::uintptr_t{2}, std::uintptr_t{65536}, reinterpret_cast<std::uintptr_t>(&local),
        reinterpret_cast<std::uintptr_t>(device_), UINTPTR_MAX}) {
    expect_all_stale(reinterpret_cast<weir_pool*>(number), &local);
  }
}

TEST_F(StalePool, OneOfSeveralDestroysAPool) {
  for (int round = 0; round < 50; ++round) {
    weir_pool* pool = make_pool();
    std::atomic<int> refused{0};
    std::vector<std::thread> crew;
    for (int i = 0; i < 4; ++i) {
      crew.emplace_back([&] {
        weir_pool_destroy(pool);
        if (weir_last_error()->code == WEIR_STALE_HANDLE) ++refused;
      });
    }
    for (std::thread& each : crew) each.join();
    EXPECT_EQ(refused, 3);
  }
}

}  // namespace
