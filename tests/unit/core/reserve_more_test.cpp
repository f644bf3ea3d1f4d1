// Room that is reserved step by step doubles, and serves what it was reserved for.
#include "core/reserve_more.hpp"

#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>

namespace weir::core {
namespace {

/// How often the room changed while `count` elements were added step by step.
template <class Container, class Room, class Add>
int changes(Container& container, Room room, Add add, int count) {
  int seen = 0;
  for (int i = 0; i < count; ++i) {
    const auto before = room();
    reserve_more(container, 3);
    seen += room() != before ? 1 : 0;
    const auto reserved = room();
    add(3 * i);
    add(3 * i + 1);
    add(3 * i + 2);
    EXPECT_EQ(room(), reserved) << "what is reserved serves";
  }
  return seen;
}

TEST(ReserveMore, DoublesTheRoom) {
  std::vector<int> vector;
  EXPECT_LE(changes(
                vector, [&] { return vector.capacity(); }, [&](int i) { vector.push_back(i); }, 20'000),
            16);
  std::unordered_map<int, int> table;
  EXPECT_LE(changes(
                table, [&] { return table.bucket_count(); }, [&](int i) { table.emplace(i, i); }, 20'000),
            17);
}

}  // namespace
}  // namespace weir::core
