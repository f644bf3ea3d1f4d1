// A thread's table of caches: what is found, whoever shares a slot, and that nothing stays of a cache that is
// forgotten.
#include "pool/cache/thread_registry.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace weir::pool {
namespace {

constexpr std::uint64_t key_of(std::uint32_t pool, StreamId stream) {
  return std::uint64_t{pool} << 32 | static_cast<std::uint32_t>(stream);
}

class ThreadSlotsTest : public testing::Test {
 protected:
  ThreadCache* find(std::uint32_t pool, StreamId stream) const { return slots_.find(key_of(pool, stream), stream); }
  static std::unique_ptr<ThreadCache> cache() { return std::make_unique<ThreadCache>(); }

  static constexpr StreamId stream_ = StreamId{5};
  ThreadSlots::Second second_;
  ThreadSlots slots_{.by_stream = {}, .by_key = &second_};
};

TEST_F(ThreadSlotsTest, AreEmptyAtFirst) { EXPECT_EQ(find(1, stream_), nullptr); }

TEST_F(ThreadSlotsTest, PoolsOnOneStreamAreAllFoundWhicheverIsFirst) {
  const auto one = cache(), two = cache(), three = cache();
  slots_.put(key_of(1, stream_), *one);
  slots_.put(key_of(2, stream_), *two);
  slots_.put(key_of(3, stream_), *three);
  for (const auto& [pool, first] : {std::pair(1U, &one), {2U, &two}, {3U, &three}}) {
    slots_.put_first(key_of(pool, stream_), **first);
    EXPECT_EQ(find(1, stream_), one.get());
    EXPECT_EQ(find(2, stream_), two.get());
    EXPECT_EQ(find(3, stream_), three.get());
    EXPECT_EQ(find(4, stream_), nullptr);
  }
}

TEST_F(ThreadSlotsTest, StreamsThatShareASlotAreToldApart) {
  constexpr StreamId other{static_cast<std::uint32_t>(stream_) + 8};
  const auto one = cache(), two = cache();
  slots_.put(key_of(1, stream_), *one);
  EXPECT_EQ(find(1, other), nullptr);
  slots_.put(key_of(1, other), *two);
  EXPECT_EQ(find(1, other), two.get());
  EXPECT_NE(find(1, stream_), two.get());
}

TEST_F(ThreadSlotsTest, NothingStaysOfAForgottenCache) {
  const auto one = cache(), two = cache();
  slots_.put(key_of(1, stream_), *one);
  slots_.put(key_of(2, stream_), *two);
  slots_.forget(*two);
  EXPECT_EQ(find(2, stream_), nullptr);
  EXPECT_EQ(find(1, stream_), one.get());
  slots_.forget(*one);
  EXPECT_EQ(find(1, stream_), nullptr);
}

}  // namespace
}  // namespace weir::pool
