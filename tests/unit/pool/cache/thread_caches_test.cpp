// A thread's table of caches: what is found, whoever shares an entry, and that nothing stays of a cache that is
// forgotten.
#include "pool/cache/thread_registry.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace weir::pool {
namespace {

constexpr std::uint64_t key_of(std::uint32_t pool, StreamId stream) {
  return std::uint64_t{pool} << 32 | static_cast<std::uint32_t>(stream);
}

class ThreadCachesTest : public testing::Test {
 protected:
  ThreadCache* find(std::uint32_t pool, StreamId stream) const { return caches_.find(key_of(pool, stream), stream); }
  static std::unique_ptr<ThreadCache> cache() { return std::make_unique<ThreadCache>(); }

  static constexpr StreamId stream_ = StreamId{5};
  ThreadCaches::Second second_;
  ThreadCaches caches_{.by_stream = {}, .by_key = &second_};
};

TEST_F(ThreadCachesTest, AreEmptyAtFirst) { EXPECT_EQ(find(1, stream_), nullptr); }

TEST_F(ThreadCachesTest, PoolsOnOneStreamAreAllFoundWhicheverIsFirst) {
  const auto one = cache(), two = cache(), three = cache();
  caches_.put(key_of(1, stream_), *one);
  caches_.put(key_of(2, stream_), *two);
  caches_.put(key_of(3, stream_), *three);
  for (const auto& [pool, first] : {std::pair(1U, &one), {2U, &two}, {3U, &three}}) {
    caches_.put_first(key_of(pool, stream_), **first);
    EXPECT_EQ(find(1, stream_), one.get());
    EXPECT_EQ(find(2, stream_), two.get());
    EXPECT_EQ(find(3, stream_), three.get());
    EXPECT_EQ(find(4, stream_), nullptr);
  }
}

TEST_F(ThreadCachesTest, StreamsThatShareAnEntryAreToldApart) {
  constexpr StreamId other{static_cast<std::uint32_t>(stream_) + 8};
  const auto one = cache(), two = cache();
  caches_.put(key_of(1, stream_), *one);
  EXPECT_EQ(find(1, other), nullptr);
  caches_.put(key_of(1, other), *two);
  EXPECT_EQ(find(1, other), two.get());
  EXPECT_NE(find(1, stream_), two.get());
}

TEST_F(ThreadCachesTest, NothingStaysOfAForgottenCache) {
  const auto one = cache(), two = cache();
  caches_.put(key_of(1, stream_), *one);
  caches_.put(key_of(2, stream_), *two);
  caches_.forget(*two);
  EXPECT_EQ(find(2, stream_), nullptr);
  EXPECT_EQ(find(1, stream_), one.get());
  caches_.forget(*one);
  EXPECT_EQ(find(1, stream_), nullptr);
}

}  // namespace
}  // namespace weir::pool
