// Everything a caller can get wrong is a typed error that changes nothing.
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "contract/pool_kinds.hpp"

namespace weir::contract {
namespace {

constexpr std::size_t most = std::numeric_limits<std::size_t>::max();

class BadInput : public PoolContract {
 protected:
  /// A pool with a live block, a free one of 1 KiB, and one of 3 MiB.
  Pool& used_pool() {
    Pool& pool = make_pool();
    live_ = pool.allocate(5000);
    freed_ = pool.allocate(1024);
    void* large = pool.allocate(3_MiB);
    pool.deallocate(freed_);
    pool.deallocate(large);
    return pool;
  }
  /// Runs `misuse`, which must throw `Wrong`, and compares all counts before and after.
  template <class Wrong, class Misuse>
  void expect_refused(Pool& pool, Misuse misuse) {
    const Statistics before = pool.statistics();
    EXPECT_THROW(misuse(), Wrong);
    EXPECT_TRUE(same_but_refusals(before, pool.statistics()));
    EXPECT_NO_THROW(pool.verify());
  }
  void* live_ = nullptr;
  void* freed_ = nullptr;
};

TEST_P(BadInput, EnormousSizesAreRefused) {
  Pool& pool = used_pool();
  std::uint64_t refusals = 0;
  for (const std::size_t bytes : {most, most - 1, most - 510, most - 511, most - 512, most / 2 + 1, most / 2,
                                  std::size_t{1} << 48, std::size_t{1} << 41}) {
    for (const std::size_t alignment :
         {std::size_t{1}, Pool::granule, std::size_t{4096}, std::size_t{info_.page_bytes}}) {
      SCOPED_TRACE(testing::Message() << bytes << " bytes aligned to " << alignment);
      expect_refused<OutOfMemory>(
          pool, [&] { static_cast<void>(pool.allocate(bytes, StreamId::legacy_default, {.alignment = alignment})); });
      expect_refused<std::bad_alloc>(
          pool, [&] { static_cast<void>(pool.acquire(bytes, StreamId::legacy_default, {.alignment = alignment})); });
      EXPECT_EQ(pool.try_allocate(bytes, StreamId::legacy_default, {.alignment = alignment}), std::nullopt);
      refusals += 3;
      EXPECT_EQ(pool.statistics().refusals, refusals);
    }
  }
  pool.deallocate(live_);
}

TEST_P(BadInput, ErrorsNameTheFacts) {
  Pool& pool = make_pool({.name = "named", .limit = 8_MiB});
  try {
    static_cast<void>(pool.allocate(9_MiB));
    FAIL() << "9 MiB were given under a limit of 8 MiB";
  } catch (const LimitExceeded& error) {
    EXPECT_EQ(error.code(), ErrorCode::limit_exceeded);
    EXPECT_EQ(error.facts().name, "named");
    EXPECT_EQ(error.facts().bytes_asked, 9_MiB);
    EXPECT_EQ(error.facts().limit, 8_MiB);
    EXPECT_THAT(error.message(), testing::HasSubstr("named"));
    EXPECT_STREQ(error.what(), error.message().c_str());
  }
  EXPECT_THROW(static_cast<void>(pool.allocate(9_MiB)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(pool.allocate(9_MiB)), std::exception);
  EXPECT_THROW(static_cast<void>(pool.allocate(9_MiB)), Error);
}

TEST_P(BadInput, HostileNamesOfPoolsAndTagsAreRefused) {
  const auto message = [&](auto call) -> std::string {
    try {
      call();
    } catch (const InvalidArgument& error) {
      return error.message();
    }
    return "nothing was thrown";
  };
  struct Bad {
    std::string name;
    const char* why;
  };
  Pool& pool = used_pool();
  const std::vector<Bad> all{{"a\x1b[31m\nX", "control character"},
                             {std::string("a\0b", 3), "control character"},
                             {"", "is empty"},
                             {"\xff", "not UTF-8"},
                             {std::string(256, 'a'), "256 bytes"}};
  for (const Bad& bad : all) {
    const std::string of_pool = message([&] { Pool(*device_, {.name = bad.name, .mode = GetParam().mode}); });
    const std::string of_tag = message([&] { static_cast<void>(pool.tag(bad.name)); });
    if (bad.name.empty()) {
      EXPECT_EQ(of_pool, "nothing was thrown") << "a pool without a name is called \"pool\"";
    } else {
      EXPECT_THAT(of_pool, testing::AllOf(testing::HasSubstr("pool name"), testing::HasSubstr(bad.why)));
    }
    EXPECT_THAT(of_tag, testing::AllOf(testing::HasSubstr("tag name"), testing::HasSubstr(bad.why)));
    for (const std::string& each : {of_pool, of_tag}) {
      EXPECT_EQ(each.find_first_of(std::string("\x1b\n\0", 3)), std::string::npos);
    }
  }
  EXPECT_NO_THROW(Pool(*device_, {.name = std::string(255, 'a'), .mode = GetParam().mode}));
  pool.deallocate(live_);
}

TEST_P(BadInput, AModeThatIsNoneIsRefused) {
  for (const int mode : {4, 77, 255}) {
    try {
      const Pool pool(*device_, {.name = "odd", .mode = static_cast<PoolMode>(mode)});
      FAIL() << "mode " << mode << " was taken";
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.facts().name, "odd");
      EXPECT_THAT(error.message(), testing::HasSubstr("PoolMode " + std::to_string(mode)));
    }
  }
}

TEST_P(BadInput, AnEmptyHostFunctionIsRefused) {
  EXPECT_THROW(device_->run(StreamId::legacy_default, nullptr), InvalidArgument);
  EXPECT_THROW(device_->run(StreamId::legacy_default, std::function<void()>()), InvalidArgument);
  EXPECT_NO_THROW(device_->synchronize(StreamId::legacy_default));
}

// Also where a cached block of the size could be handed out at once.
TEST_P(BadInput, BadAlignmentsAreRefused) {
  Pool& pool = used_pool();
  for (const std::size_t alignment : {std::size_t{0}, std::size_t{3}, std::size_t{511}, std::size_t{513},
                                      std::size_t{1536}, std::size_t{info_.page_bytes * 2}, most, most / 2 + 1}) {
    SCOPED_TRACE(alignment);
    expect_refused<InvalidArgument>(
        pool, [&] { static_cast<void>(pool.allocate(1024, StreamId::legacy_default, {.alignment = alignment})); });
    expect_refused<InvalidArgument>(pool, [&] {
      static_cast<void>(pool.try_allocate(700'000, StreamId::legacy_default, {.alignment = alignment}));
    });
    expect_refused<InvalidArgument>(
        pool, [&] { static_cast<void>(pool.acquire(1024, StreamId::legacy_default, {.alignment = alignment})); });
  }
  pool.deallocate(live_);
}

TEST_P(BadInput, SecondFreesAreRefused) {
  Pool& pool = used_pool();
  expect_refused<InvalidArgument>(pool, [&] { pool.deallocate(freed_); });
  expect_refused<InvalidArgument>(pool, [&] { static_cast<void>(pool.handle(freed_)); });
  expect_refused<InvalidArgument>(pool, [&] { pool.used_on(freed_, StreamId::legacy_default); });
  EXPECT_EQ(pool.statistics().errors, 3u);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100'000}, std::size_t{5_MiB}}) {
    void* block = pool.allocate(bytes);
    pool.deallocate(block);
    expect_refused<InvalidArgument>(pool, [&] { pool.deallocate(block); });
  }
  pool.deallocate(live_);
  expect_refused<InvalidArgument>(pool, [&] { pool.deallocate(live_); });
}

TEST_P(BadInput, ForeignPointersAreRefused) {
  Pool& pool = used_pool();
  Pool& other = make_pool({.name = "other"});
  void* of_other = other.allocate(5000);
  int local = 0;
  for (const std::uint64_t address :
       {reinterpret_cast<std::uint64_t>(of_other), reinterpret_cast<std::uint64_t>(&local), std::uint64_t{1},
        std::uint64_t{512}, std::uint64_t{1} << 47, std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max(),
        reinterpret_cast<std::uint64_t>(live_) + (std::uint64_t{1} << 48)}) {
    SCOPED_TRACE(address);
    void* foreign = reinterpret_cast<void*>(address);
    expect_refused<InvalidArgument>(pool, [&] { pool.deallocate(foreign); });
    expect_refused<InvalidArgument>(pool, [&] { static_cast<void>(pool.handle(foreign)); });
  }
  other.deallocate(of_other);
  pool.deallocate(live_);
}

TEST_P(BadInput, PointersIntoBlocksAreRefused) {
  Pool& pool = used_pool();
  auto* block = static_cast<char*>(pool.allocate(3_MiB));
  for (const std::ptrdiff_t inside : {1, 8, 256, 511, 512, 513, 1024, 4096, 2 << 20, (3 << 20) - 512}) {
    SCOPED_TRACE(inside);
    expect_refused<InvalidArgument>(pool, [&] { pool.deallocate(block + inside); });
  }
  expect_refused<InvalidArgument>(pool, [&] { pool.deallocate(static_cast<char*>(live_) + 512); });
  pool.deallocate(block);
  pool.deallocate(live_);
}

TEST_P(BadInput, StaleHandlesAreRefused) {
  Pool& pool = make_pool();
  const BlockHandle first = pool.acquire(1000);
  pool.release(first);
  const auto refused_everywhere = [&] {
    expect_refused<StaleHandle>(pool, [&] { pool.release(first); });
    expect_refused<StaleHandle>(pool, [&] { static_cast<void>(pool.address(first)); });
    expect_refused<StaleHandle>(pool, [&] { static_cast<void>(pool.describe(first)); });
    expect_refused<StaleHandle>(pool, [&] { pool.used_on(first, StreamId::legacy_default); });
  };
  refused_everywhere();
  // The same record in its next life, where there is one.
  const BlockHandle second = pool.acquire(1000);
  EXPECT_NE(first, second);
  EXPECT_TRUE(!caching() || first.id == second.id);
  refused_everywhere();
  EXPECT_NE(pool.address(second), 0u);
  pool.release(second);
  expect_refused<StaleHandle>(pool, [&] { pool.release({.id = 0, .generation = 1}); });
  expect_refused<StaleHandle>(pool, [&] { pool.release({.id = most >> 32, .generation = 1}); });
}

// Pools make their handles in the same way, so the n-th of one must not open the n-th of another.
TEST_P(BadInput, HandlesOfAnotherPoolAreRefused) {
  Pool& pool = make_pool();
  Pool& other = make_pool({.name = "other"});
  std::vector<BlockHandle> ours;
  std::vector<BlockHandle> theirs;
  for (int i = 0; i < 10; ++i) {
    ours.push_back(pool.acquire(1000));
    theirs.push_back(other.acquire(1000));
  }
  for (const BlockHandle handle : theirs) {
    expect_refused<StaleHandle>(pool, [&] { pool.release(handle); });
    expect_refused<StaleHandle>(pool, [&] { static_cast<void>(pool.address(handle)); });
  }
  for (const BlockHandle handle : ours) pool.release(handle);
  for (const BlockHandle handle : theirs) other.release(handle);
}

TEST_P(BadInput, OptionsThatMakeNoSenseAreRefused) {
  EXPECT_THROW(make_pool({.idle_age = std::chrono::seconds(-1)}), InvalidArgument);
  EXPECT_THROW(make_pool({.reclaim_deadline = std::chrono::seconds(-1)}), InvalidArgument);
}

// A stream's work is done when it is destroyed, so a block may still be freed on it, for example
// by an owner that only knows its id; nothing can be queued on it, so nothing is allocated on it.
TEST_P(BadInput, AFreeOnADestroyedStreamIsHarmless) {
  Pool& pool = make_pool();
  std::optional<Stream> stream = device_->stream();
  const StreamId id = *stream;
  std::vector<void*> blocks;
  for (const std::size_t bytes : {std::size_t{1000}, std::size_t{300'000}, std::size_t{3_MiB}}) {
    blocks.push_back(pool.allocate(bytes, id));
    blocks.push_back(pool.allocate(bytes));
  }
  stream.reset();
  for (void* block : blocks) pool.deallocate(block, id);
  EXPECT_NO_THROW(pool.verify());
  EXPECT_EQ(pool.check_leaks().blocks, 0u);
  EXPECT_NO_THROW(static_cast<void>(pool.trim()));
  EXPECT_EQ(pool.statistics().reserved.live, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, BadInput, testing::ValuesIn(kinds()), name_of);

}  // namespace
}  // namespace weir::contract
