// Buffers: made empty and from data, typed, in windows, freed by scope and by hand,
// and what is known of each. Contents are compared byte for byte where the host can.
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <thread>
#include <vector>

#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace std::chrono_literals;
using namespace weir::literals;

struct Vec3 {
  float x, y, z;
};
struct Edge {
  std::uint32_t words[8];
};

class Buffers : public ManagerContract {};
INSTANTIATE_TEST_SUITE_P(Kinds, Buffers, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(Buffers, BasicCreation) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<Vec3>("points", 1000);
  EXPECT_TRUE(buffer.valid());
  EXPECT_EQ(buffer.name(), "points");
  EXPECT_EQ(buffer.size(), 1000u);
  EXPECT_EQ(buffer.capacity(), 1000u);
  EXPECT_EQ(buffer.max_elements(), 1_GiB / 12);
  EXPECT_EQ(buffer.type(), element_type<Vec3>());
  EXPECT_EQ(buffer.type().bytes, 12u);
  const DeviceSpan<Vec3> span = buffer.access();
  EXPECT_NE(span.address(), 0u);
  EXPECT_EQ(span.address() % 256, 0u);
  EXPECT_EQ(span.size(), 1000u);
  EXPECT_EQ(span.bytes(), 12'000u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 12'000u);
  EXPECT_EQ(memory.statistics().pool.allocated.live, 12'288u);
}

TEST_P(Buffers, CreationFromDataHoldsIt) {
  MemoryManager& memory = make_manager();
  std::vector<std::uint32_t> data(10'000);
  std::iota(data.begin(), data.end(), 7u);
  const auto by_vector = memory.create<std::uint32_t>("vector", data);
  const auto by_span = memory.create<std::uint32_t>("span", std::span<const std::uint32_t>(data).first(3));
  const std::array<std::uint32_t, 2> pair{8, 9};
  const auto by_array = memory.create<std::uint32_t>("array", pair);
  EXPECT_EQ(by_vector.size(), 10'000u);
  EXPECT_EQ(by_span.size(), 3u);
  EXPECT_EQ(by_array.size(), 2u);
  EXPECT_EQ(by_vector.statistics().uploads, 1u);
  EXPECT_EQ(by_vector.statistics().bytes_uploaded, 40'000u);
  EXPECT_EQ(memory.statistics().transfers.uploads, 3u);
  if (!pointers()) return;
  EXPECT_EQ(memory.download(by_vector), data);
  EXPECT_EQ(memory.download(by_span), (std::vector<std::uint32_t>{7, 8, 9}));
  EXPECT_EQ(memory.download(by_array), (std::vector<std::uint32_t>{8, 9}));
}

TEST_P(Buffers, NoElementsAreRefused) {
  MemoryManager& memory = make_manager();
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] { memory.create<float>("none", 0); }), {"\"none\"", "count is 0"}));
  EXPECT_THROW(memory.create<float>("none", std::vector<float>{}), InvalidArgument);
  EXPECT_THROW(memory.find_or_create<float>("none", 0), InvalidArgument);
  EXPECT_FALSE(memory.contains("none"));
  auto some = memory.create<float>("some", 4);
  EXPECT_THROW(memory.find_or_create<float>("some", 0), InvalidArgument);
  EXPECT_EQ(some.size(), 4u);
  // One that is there may be emptied: it keeps its room.
  some.resize(0);
  EXPECT_EQ(some.size(), 0u);
  EXPECT_EQ(some.capacity(), 4u);
  EXPECT_EQ(some.access().size(), 0u);
  EXPECT_TRUE(memory.download(some).empty());
  some.shrink();
  EXPECT_EQ(some.capacity(), 1u);
}

TEST_P(Buffers, HugeCountsAreRefusedBeforeAnyArithmetic) {
  MemoryManager& memory = make_manager();
  const BufferOptions unbounded{.max_bytes = UINT64_MAX};
  auto buffer = memory.create<Edge>("edges", 10, unbounded);
  const Statistics before = memory.statistics().pool;
  const BufferStatistics buffer_before = buffer.statistics();
  // 2^59 × 32 wraps to 0, and one more to 32.
  for (const std::size_t count : {std::size_t{1} << 59, (std::size_t{1} << 59) + 1, SIZE_MAX / 32, SIZE_MAX}) {
    const Said said = error_of<LimitExceeded>([&] { memory.create<Edge>("huge", count, unbounded); });
    EXPECT_TRUE(says(said, {"\"huge\""}));
    EXPECT_EQ(said.facts.name, "huge");
    ASSERT_TRUE(said.facts.bytes_asked.has_value());
    EXPECT_GE(*said.facts.bytes_asked, SIZE_MAX / 32 * 32);
    EXPECT_THROW(buffer.ensure_capacity(count), LimitExceeded);
    EXPECT_THROW(buffer.resize(count), LimitExceeded);
    EXPECT_FALSE(buffer.validate(count, 1));
    EXPECT_FALSE(buffer.validate(1, count));
    EXPECT_THROW(static_cast<void>(buffer.view(1, count)), InvalidArgument);
  }
  EXPECT_FALSE(memory.contains("huge"));
  EXPECT_TRUE(same_buffer(buffer_before, buffer.statistics()));
  EXPECT_TRUE(same_but_refusals(before, memory.statistics().pool));
  EXPECT_THROW(static_cast<void>(memory.pinned<Edge>(SIZE_MAX)), InvalidArgument);
}

TEST_P(Buffers, AWrongTypeIsRefusedNamingBoth) {
  MemoryManager& memory = make_manager();
  const auto floats = memory.create<float>("values", 100);
  const Said said = error_of<TypeMismatch>([&] { static_cast<void>(memory.find<std::uint64_t>("values")); });
  EXPECT_TRUE(says(said, {"\"values\"", "float", element_type<std::uint64_t>().name}));
  EXPECT_EQ(said.facts.name, "values");
  // Of the same size, and still another type.
  EXPECT_THROW(static_cast<void>(memory.find<std::int32_t>("values")), TypeMismatch);
  EXPECT_EQ(memory.find<float>("values"), floats);
  EXPECT_EQ(memory.find("values").type().name, "float");
}

// The buffer there is must neither change its size nor be written over by what does not fit it.
TEST_P(Buffers, ReuseByAnotherTypeChangesNothing) {
  MemoryManager& memory = make_manager();
  const auto bytes = memory.create<std::uint8_t>("shared", 600);
  const auto neighbour = memory.create<std::uint8_t>("neighbour", 4096);
  put(bytes, 1);
  put(neighbour, 2);
  const BufferStatistics before = bytes.statistics();
  const StreamId stream = StreamId::legacy_default;
  EXPECT_TRUE(says(error_of<TypeMismatch>([&] { memory.find_or_create<double>("shared", 5, {}, stream); }),
                   {"\"shared\"", "unsigned char", "double"}));
  EXPECT_THROW(memory.find_or_create<double>("shared", std::vector<double>(600, 1.0), {}, stream), TypeMismatch);
  EXPECT_TRUE(same_buffer(before, bytes.statistics()));
  EXPECT_TRUE(holds(bytes, 600, 1));
  EXPECT_TRUE(holds(neighbour, 4096, 2));
}

TEST_P(Buffers, Validation) {
  MemoryManager& memory = make_manager();
  const auto buffer = memory.create<float>("window", 100, {.min_elements = 200});
  EXPECT_EQ(buffer.capacity(), 200u);
  EXPECT_TRUE(buffer.validate(0, 100));
  EXPECT_TRUE(buffer.validate(99, 1));
  EXPECT_TRUE(buffer.validate(100, 0));
  EXPECT_FALSE(buffer.validate(101, 0));
  EXPECT_FALSE(buffer.validate(99, 2));
  EXPECT_FALSE(buffer.validate(100, 1));  // room, but not in use
  EXPECT_FALSE(buffer.validate(SIZE_MAX, 2));
  EXPECT_EQ(buffer.statistics().accesses, 0u);
  const BufferView<float> view = buffer.view(40, 20);
  EXPECT_EQ(view.offset(), 40u);
  EXPECT_EQ(view.size(), 20u);
  EXPECT_EQ(view.access().address(), buffer.access().address() + 160);
  EXPECT_EQ(view.access().size(), 20u);
  const Said said = error_of<InvalidArgument>([&] { static_cast<void>(buffer.view(90, 11)); });
  EXPECT_TRUE(says(said, {"\"window\"", "11 elements from offset 90", "100"}));
  std::vector<float> eleven(11);
  EXPECT_TRUE(
      says(error_of<InvalidArgument>([&] { memory.upload(buffer, eleven, StreamId::legacy_default, {.offset = 90}); }),
           {"\"window\"", "90"}));
  EXPECT_THROW(memory.download(buffer, std::span<float>(eleven), StreamId::legacy_default, {.offset = 90}),
               InvalidArgument);
  EXPECT_EQ(buffer.statistics().uploads + buffer.statistics().downloads, 0u);
}

TEST_P(Buffers, AViewFollowsItsBufferAndIsCheckedAgain) {
  MemoryManager& memory = make_manager();
  auto buffer = memory.create<std::uint32_t>("viewed", 1000, {.max_bytes = 16 * page()});
  put(buffer, 5);
  const auto view = buffer.view(500, 100);
  buffer.ensure_capacity(page());  // four pages: it moves
  EXPECT_EQ(view.access().address(), buffer.access().address() + 2000);
  EXPECT_TRUE(holds(buffer, 1000, 5));
  buffer.resize(550);
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] { static_cast<void>(view.access()); }), {"\"viewed\"", "550"}));
  memory.free("viewed");
  EXPECT_THROW(static_cast<void>(view.access()), StaleHandle);
}

TEST_P(Buffers, OptionsOutOfRangeAreRefused) {
  MemoryManager& memory = make_manager();
  for (const double growth : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1.0,
                              0.0, 0.999, 4.001, 1e300}) {
    EXPECT_TRUE(says(error_of<InvalidArgument>([&] { memory.create<int>("odd", 1, {.growth = growth}); }),
                     {"\"odd\"", "growth", "1.0 to 4.0"}));
  }
  EXPECT_TRUE(
      says(error_of<InvalidArgument>([&] { memory.create<int>("odd", 1, {.downloads = true, .download_slots = 1}); }),
           {"\"odd\"", "download_slots is 1"}));
  EXPECT_THROW(memory.create<Edge>("odd", 1, {.max_bytes = 31}), LimitExceeded);
  EXPECT_FALSE(memory.contains("odd"));
  EXPECT_EQ(memory.statistics().buffers_created, 0u);
  EXPECT_EQ(memory.statistics().pool.allocations, 0u);
  for (const double growth : {1.0, 4.0}) {
    EXPECT_NO_THROW(memory.create<int>("fine", 1, {.growth = growth}));
    memory.free("fine");
  }
}

// --- Lives ---

TEST_P(Buffers, AScopeFreesItsBuffers) {
  MemoryManager& memory = make_manager();
  BufferHandle<float> seen;
  {
    const Buffer<float> buffer = memory.scoped<float>("scoped", 1000);
    seen = memory.find<float>("scoped");
    EXPECT_TRUE(seen.valid());
    EXPECT_EQ(memory.check_leaks().blocks, 1u);
  }
  EXPECT_FALSE(seen.valid());
  EXPECT_FALSE(memory.contains("scoped"));
  EXPECT_EQ(memory.check_leaks().blocks, 0u);
  try {
    const Buffer<float> buffer = memory.scoped<float>("scoped", 1000);
    throw std::runtime_error("in the middle");
  } catch (const std::runtime_error&) {
    EXPECT_EQ(memory.check_leaks().blocks, 0u);
  }
}

TEST_P(Buffers, OwnersMove) {
  MemoryManager& memory = make_manager();
  Buffer<int> first = memory.scoped<int>("first", 10);
  const std::uint64_t address = first.access().address();
  Buffer<int> second = std::move(first);
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): what is left is empty
  EXPECT_EQ(first.name(), "");
  EXPECT_THROW(static_cast<void>(first.size()), StaleHandle);
  EXPECT_EQ(second.access().address(), address);
  second = memory.scoped<int>("other", 10);  // frees what it had
  EXPECT_FALSE(memory.contains("first"));
  EXPECT_EQ(second.name(), "other");
  Buffer<int>& same = second;
  second = std::move(same);
  EXPECT_TRUE(second.valid());
  std::vector<Buffer<int>> many;
  for (int i = 0; i < 20; ++i) many.push_back(memory.scoped<int>("many " + std::to_string(i), 10));
  EXPECT_EQ(memory.statistics().buffers, 21u);
  many.erase(many.begin(), many.begin() + 10);
  EXPECT_FALSE(memory.contains("many 9"));
  EXPECT_TRUE(memory.contains("many 10"));
  second.reset();
  second.reset();
  EXPECT_FALSE(second.valid());
}

TEST_P(Buffers, UseAfterFreeNamesTheBuffer) {
  MemoryManager& memory = make_manager();
  auto buffer = memory.create<float>("gone", 100);
  const AnyBuffer any = buffer;
  memory.free("gone");
  const auto stale = [](auto call) {
    const Said said = error_of<StaleHandle>(call);
    EXPECT_TRUE(says(said, {"\"gone\""}));
    EXPECT_EQ(said.facts.name, "gone");
  };
  std::vector<float> data(100);
  stale([&] { static_cast<void>(buffer.access()); });
  stale([&] { static_cast<void>(buffer.size()); });
  stale([&] { static_cast<void>(buffer.capacity()); });
  stale([&] { static_cast<void>(any.statistics()); });
  stale([&] { static_cast<void>(any.type()); });
  stale([&] { static_cast<void>(buffer.view(0, 1)); });
  stale([&] { buffer.ensure_capacity(1); });
  stale([&] { buffer.resize(1); });
  stale([&] { buffer.shrink(); });
  stale([&] { memory.free(buffer); });
  stale([&] { memory.upload(buffer, data); });
  stale([&] { static_cast<void>(memory.download(buffer)); });
  stale([&] { memory.start_download(buffer); });
  EXPECT_FALSE(buffer.validate(0, 0));
  EXPECT_EQ(buffer.name(), "gone");
  // Also where another of the same name is there.
  const auto next = memory.create<float>("gone", 100);
  stale([&] { static_cast<void>(buffer.access()); });
  EXPECT_FALSE(buffer == next);
  EXPECT_THROW(static_cast<void>(AnyBuffer().size()), StaleHandle);
  EXPECT_THROW(memory.free(AnyBuffer()), StaleHandle);
}

TEST_P(Buffers, OneThatOutlivesItsManagerIsEmpty) {
  Buffer<float> owner;
  BufferHandle<float> handle;
  std::optional<BufferView<float>> view;
  {
    MemoryManager memory(*device_, {.pool = {.mode = GetParam().mode}});
    owner = memory.scoped<float>("owned", 1000, presets::positions);
    handle = memory.create<float>("held", 1000);
    view = handle.view(0, 10);
    memory.start_download(owner);
  }
  EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
  EXPECT_FALSE(owner.valid());
  EXPECT_EQ(owner.name(), "owned");
  EXPECT_THROW(static_cast<void>(owner.access()), StaleHandle);
  EXPECT_THROW(owner.resize(5), StaleHandle);
  EXPECT_THROW(static_cast<void>(handle.statistics()), StaleHandle);
  EXPECT_THROW(static_cast<void>(view->access()), StaleHandle);
  owner.reset();
}

// --- What is known of one ---

TEST_P(Buffers, StatisticsAreExact) {
  MemoryManager& memory = make_manager();
  auto buffer = memory.create<Vec3>("points", 1000, {.growth = 1.0, .max_bytes = 16 * page(), .min_elements = 1500});
  BufferStatistics known = buffer.statistics();
  EXPECT_EQ(known.name, "points");
  EXPECT_NE(known.type.find("Vec3"), std::string::npos);
  EXPECT_EQ(known.capacity, 1500u);
  EXPECT_EQ(known.size, 1000u);
  EXPECT_DOUBLE_EQ(known.fill(), 2.0 / 3.0);
  EXPECT_EQ(known.requested, 18'000u);
  EXPECT_EQ(known.allocated, 18'432u);
  EXPECT_EQ(known.age, 0ns);
  EXPECT_EQ(known.since_access, 0ns);
  EXPECT_EQ(known.accesses, 0u);
  EXPECT_EQ(known.resizes, 0u);

  clock_.advance(5s);
  EXPECT_EQ(buffer.statistics().age, 5s);
  EXPECT_EQ(buffer.statistics().since_access, 5s);
  static_cast<void>(buffer.access());
  clock_.advance(2s);
  known = buffer.statistics();
  EXPECT_EQ(known.age, 7s);
  EXPECT_EQ(known.since_access, 2s);
  EXPECT_EQ(known.accesses, 1u);

  const std::vector<Vec3> data(10);
  memory.upload(buffer, data);
  clock_.advance(1s);
  EXPECT_EQ(buffer.statistics().since_access, 1s);
  buffer.ensure_capacity(3000);
  buffer.resize(3000);
  known = buffer.statistics();
  EXPECT_EQ(known.since_access, 0ns);
  EXPECT_EQ(known.age, 8s);
  EXPECT_EQ(known.resizes, 1u);
  EXPECT_EQ(known.bytes_moved, 12'000u);
  EXPECT_EQ(known.uploads, 1u);
  EXPECT_EQ(known.bytes_uploaded, 120u);
  EXPECT_DOUBLE_EQ(known.fill(), 1.0);
  EXPECT_EQ(memory.statistics().resizes, 1u);
  memory.free(buffer);
  EXPECT_EQ(memory.statistics().resizes, 1u);  // of closed ones too
}

TEST_P(Buffers, PresetsAreWhatTheyWere) {
  MemoryManager& memory = make_manager();
  const auto check = [&](const BufferOptions& preset, auto element, double growth, std::uint64_t max, std::size_t min,
                         bool downloads) {
    using T = decltype(element);
    const auto buffer = memory.create<T>("preset", 1, preset);
    EXPECT_DOUBLE_EQ(preset.growth, growth);
    EXPECT_EQ(preset.max_bytes, max);
    EXPECT_EQ(preset.downloads, downloads);
    EXPECT_EQ(buffer.capacity(), min);
    EXPECT_EQ(buffer.size(), 1u);
    EXPECT_EQ(buffer.max_elements(), max / sizeof(T));
    memory.free("preset");
  };
  check(presets::positions, Vec3{}, 1.3, 512_MiB, 4096, true);
  check(presets::velocities, Vec3{}, 1.3, 512_MiB, 4096, true);
  check(presets::forces, Vec3{}, 1.3, 512_MiB, 4096, false);
  check(presets::edges, Edge{}, 2.0, 2_GiB, 8192, false);
  check(presets::grid_cells, std::uint64_t{}, 1.5, 256_MiB, 2048, false);
  check(presets::standard, std::uint32_t{}, 1.5, 1_GiB, 4096, false);
}

TEST_P(Buffers, PlainOnesAreTheDriversOwn) {
  MemoryManager& memory = make_manager();
  const BufferOptions plain{.plain = true};
  auto buffer = memory.create<float>("plain", 1000, plain);
  EXPECT_EQ(backend_->balance().segments, 1u);
  put(buffer, 3);
  const std::uint64_t address = buffer.access().address();
  EXPECT_TRUE(buffer.ensure_capacity(page()));  // beyond what it has: it moves, and is plain again
  EXPECT_NE(buffer.access().address(), address);
  EXPECT_TRUE(holds(buffer, 1000, 3));
  EXPECT_EQ(buffer.statistics().bytes_moved, 4000u);
  memory.free("plain");
  memory.trim();
  EXPECT_EQ(backend_->balance().segments, 0u);
}

}  // namespace
}  // namespace weir::contract
