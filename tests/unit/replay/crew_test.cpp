// A crew's members are threads of their own and take turns: the order in which
// they work is the caller's, and each sees what was done before.
#include "replay/crew.hpp"

#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "message_of.hpp"

namespace weir::replay {
namespace {

using testing::message_of;
using testing::names;

TEST(Crew, MemberZeroIsTheCaller) {
  Crew crew(1);
  std::thread::id id;
  crew.on(0, [&] { id = std::this_thread::get_id(); });
  EXPECT_EQ(id, std::this_thread::get_id());
}

TEST(Crew, EachMemberIsOneThreadForGood) {
  constexpr std::size_t members = 5;
  Crew crew(members);
  std::vector<std::set<std::thread::id>> seen(members);
  std::set<std::thread::id> all;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t member = 0; member < members; ++member) {
      crew.on(member, [&] { seen[member].insert(std::this_thread::get_id()); });
    }
  }
  for (const auto& each : seen) {
    EXPECT_EQ(each.size(), 1U);
    all.insert(each.begin(), each.end());
  }
  EXPECT_EQ(all.size(), members);
}

// No lock and no atomic here: under ThreadSanitizer this says that a turn orders all memory.
TEST(Crew, TurnsComeInTheCallersOrder) {
  constexpr std::size_t turns = 20'000;
  Crew crew(3);
  std::vector<std::size_t> done;
  std::vector<std::size_t> expected;
  std::size_t number = 1;
  for (std::size_t i = 0; i < turns; ++i) {
    number = number * 2654435761U % 4294967291U;
    expected.push_back(number % 3 * turns + i);
    crew.on(number % 3, [&, member = number % 3] { done.push_back(member * turns + done.size()); });
  }
  EXPECT_EQ(done, expected);
}

TEST(Crew, WhatAMemberThrowsIsThrownToTheCallerAndTheMemberGoesOn) {
  Crew crew(2);
  for (const std::size_t member : {0U, 1U}) {
    EXPECT_THROW(crew.on(member, [] { throw std::runtime_error("no"); }), std::runtime_error);
    bool ran = false;
    crew.on(member, [&] { ran = true; });
    EXPECT_TRUE(ran);
  }
}

TEST(Crew, IsBounded) {
  EXPECT_NO_THROW(Crew(Crew::max_threads));
  EXPECT_TRUE(names(message_of<InvalidArgument>([] { Crew crew(Crew::max_threads + 1); }),
                    {"1024", "1025", "--threads merge"}));
}

}  // namespace
}  // namespace weir::replay
