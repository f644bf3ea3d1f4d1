// Scopes that tidy up: what is acquired inside goes at the end, on errors too, what is kept or returned stays, and
// scopes nest.
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class Tidying : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, Tidying, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(Tidying, ReleasesWhatWasAcquiredInside) {
  TensorPool pool(make_manager());
  const Tensor before = pool.acquire<float>({8});
  Tensor inside, kept, released;
  {
    Tidy scope(pool);
    inside = pool.acquire<float>({8});
    kept = pool.acquire<float>({8});
    released = pool.acquire<float>({8});
    pool.release(released);
    scope.keep(kept);
    EXPECT_TRUE(scope.has(inside));
    EXPECT_FALSE(scope.has(before));
    EXPECT_FALSE(scope.has(released));
    EXPECT_THROW(scope.keep(released), StaleHandle);
    EXPECT_EQ(pool.statistics().live, 3u);
  }
  EXPECT_TRUE(before.valid());
  EXPECT_FALSE(inside.valid());
  EXPECT_TRUE(kept.valid());
  EXPECT_EQ(pool.statistics().live, 2u);
  EXPECT_THROW(pool.release(inside), StaleHandle);
  pool.release(kept);  // the caller's
}

TEST_P(Tidying, ReleasesOnErrorsToo) {
  TensorPool pool(make_manager());
  Tensor inside;
  const auto fails = [&] {
    return tidy(pool, [&]() -> Tensor {
      inside = pool.acquire<float>({8});
      throw std::runtime_error("a kernel failed");
    });
  };
  EXPECT_THROW(static_cast<void>(fails()), std::runtime_error);
  EXPECT_FALSE(inside.valid());
  EXPECT_EQ(pool.statistics().live, 0u);
}

TEST_P(Tidying, KeepsWhatIsReturned) {
  TensorPool pool(make_manager());
  const auto make = [&] {
    static_cast<void>(pool.acquire<float>({16}));  // goes each time
    return pool.acquire<float>({8});
  };
  const Tensor one = tidy(pool, make);
  EXPECT_TRUE(one.valid());
  const auto [left, right] = tidy(pool, [&] { return std::pair(make(), make()); });
  EXPECT_TRUE(left.valid() && right.valid());
  const auto [first, number, list] = tidy(pool, [&] {
    return std::tuple(make(), 7, std::vector<Tensor>{make(), make()});
  });
  EXPECT_TRUE(first.valid() && list[0].valid() && list[1].valid());
  EXPECT_EQ(number, 7);
  const std::optional<Tensor> perhaps = tidy(pool, [&] { return std::optional(make()); });
  EXPECT_TRUE(perhaps->valid());
  const std::array<Tensor, 2> both = tidy(pool, [&] { return std::array<Tensor, 2>{make(), make()}; });
  EXPECT_TRUE(both[0].valid() && both[1].valid());
  EXPECT_EQ(tidy(pool, [&] { return std::string("words"); }), "words");
  EXPECT_EQ(tidy(pool, [&] { return make().bytes(); }), 32u);
  tidy(pool, [&] { static_cast<void>(make()); });
  EXPECT_FALSE(tidy(pool, [&] { return Tensor(); }).valid());
  EXPECT_EQ(pool.statistics().live, 9u);
}

TEST_P(Tidying, WhatAnInnerScopeReturnsBelongsToTheOuterOne) {
  TensorPool pool(make_manager());
  Tensor returned, kept_outside, kept_by_both, inner_only;
  {
    Tidy outer(pool);
    returned = tidy(pool, [&] {
      inner_only = pool.acquire<float>({8});
      kept_outside = pool.acquire<float>({8});
      outer.keep(kept_outside);
      return pool.acquire<float>({8});
    });
    kept_by_both = tidy(pool, [&] { return pool.acquire<float>({8}); });
    outer.keep(kept_by_both);
    EXPECT_FALSE(inner_only.valid());
    EXPECT_TRUE(outer.has(returned));
    EXPECT_EQ(pool.statistics().live, 3u);
  }
  EXPECT_FALSE(returned.valid());
  EXPECT_TRUE(kept_outside.valid());
  EXPECT_TRUE(kept_by_both.valid());
  EXPECT_EQ(pool.statistics().live, 2u);
}

TEST_P(Tidying, OtherPoolsAndOtherThreadsAreTheirOwn) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory, "pool"), other(memory, "other");
  Tensor of_thread, of_other;
  {
    Tidy scope(pool);
    Tidy unrelated(other);
    std::thread([&] { of_thread = pool.acquire<float>({8}); }).join();
    of_other = tidy(pool, [&] { return other.acquire<float>({8}); });
    EXPECT_TRUE(of_other.valid());
    EXPECT_THROW(scope.keep(of_other), InvalidArgument);
    unrelated.keep(of_other);
    EXPECT_EQ(pool.statistics().live, 1u);
  }
  EXPECT_TRUE(of_thread.valid());
  EXPECT_TRUE(of_other.valid());
  EXPECT_EQ(pool.statistics().live, 1u);
  EXPECT_EQ(other.statistics().live, 1u);
}

TEST_P(Tidying, ARefusedTensorLeavesNothing) {
  TensorPool pool(make_manager({.pool = {.limit = 64_MiB}}));
  {
    const Tidy scope(pool);
    EXPECT_THROW(static_cast<void>(pool.acquire<float>({1 << 25})), LimitExceeded);
    static_cast<void>(pool.acquire<float>({1 << 20}));
  }
  EXPECT_EQ(pool.statistics().live, 0u);
  EXPECT_EQ(pool.statistics().acquired, 1u);
}

TEST_P(Tidying, ThePoolMayEndFirst) {
  MemoryManager& memory = make_manager();
  std::optional<TensorPool> pool(std::in_place, memory);
  {
    const Tidy scope(*pool);
    static_cast<void>(pool->acquire<float>({8}));
    pool.reset();
  }
  EXPECT_EQ(memory.statistics().buffers, 0u);
}

}  // namespace
}  // namespace weir::contract
