// Tensors over every kind of pool: memory that comes back for the same shape, what is counted, misuse that is named,
// memory that is ready ahead, and that released tensors keep nothing from others.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "contract/keeping_sink.hpp"
#include "contract/manager_kinds.hpp"

namespace weir::contract {
namespace {

using namespace weir::literals;

class Tensors : public ManagerContract {
 protected:
  static ShapeStatistics of(const TensorPool& pool, const Shape& shape, DType dtype) {
    for (const ShapeStatistics& each : pool.statistics().by_shape) {
      if (each.shape == shape && each.dtype == dtype) return each;
    }
    ADD_FAILURE() << "nothing is known of " << shape.text();
    return {{}, shape, dtype};
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, Tensors, testing::ValuesIn(manager_kinds()), name_of);

TEST_P(Tensors, AReleasedOneServesTheNextOfItsShape) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory, "activations");
  const Tensor first = pool.acquire<float>({64, 128});
  EXPECT_EQ(first.shape(), Shape({64, 128}));
  EXPECT_EQ(first.dtype(), DType::float32);
  EXPECT_EQ(first.bytes(), 64u * 128 * 4);
  EXPECT_TRUE(first.name().starts_with("activations float32[64, 128] #")) << first.name();
  EXPECT_EQ(first.access<float>().size(), 64u * 128);
  const std::uint64_t address = first.access<float>().address();
  pool.release(first);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  const Statistics before = memory.statistics().pool;
  for (int round = 0; round < 3; ++round) {
    const Tensor again = pool.acquire<float>({64, 128});
    if (pooling()) {
      EXPECT_EQ(again.access<float>().address(), address);
    }
    pool.release(again);
  }
  const ShapeStatistics known = of(pool, {64, 128}, DType::float32);
  EXPECT_EQ(known.acquired, 4u);
  EXPECT_EQ(known.reused, pooling() ? 3u : 0u);
  EXPECT_EQ(known.created, pooling() ? 1u : 4u);
  EXPECT_EQ(known.live, 0u);
  EXPECT_EQ(known.bytes, 0u);
  EXPECT_EQ(known.peak, 1u);
  EXPECT_EQ(known.peak_bytes, 64u * 128 * 4);
  if (pooling()) {
    EXPECT_EQ(memory.statistics().pool.driver_calls, before.driver_calls);
  }
}

TEST_P(Tensors, CountsAreByShapeAndTypeAndOfAll) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  std::vector<Tensor> wide, tall;
  for (int i = 0; i < 3; ++i) wide.push_back(pool.acquire<float>({4, 1000}));
  for (int i = 0; i < 2; ++i) tall.push_back(pool.acquire<float>({1000, 4}));
  const Tensor whole = pool.acquire({4, 1000}, DType::int32);
  pool.release(wide[0]);
  const TensorPoolStatistics all = pool.statistics();
  EXPECT_EQ(all.by_shape.size(), 3u);
  EXPECT_EQ(all.acquired, 6u);
  EXPECT_EQ(all.live, 5u);
  EXPECT_EQ(all.bytes, 5u * 16'000);
  EXPECT_EQ(all.peak, 6u);
  EXPECT_EQ(all.peak_bytes, 6u * 16'000);
  EXPECT_EQ(of(pool, {4, 1000}, DType::float32).live, 2u);
  EXPECT_EQ(of(pool, {4, 1000}, DType::float32).peak, 3u);
  EXPECT_EQ(of(pool, {1000, 4}, DType::float32).live, 2u);
  EXPECT_EQ(of(pool, {4, 1000}, DType::int32).live, 1u);
  EXPECT_EQ(all.acquired, all.reused + all.created);
  // What another shape takes was no memory of its own.
  const Tensor other = pool.acquire<float>({2000, 2});
  EXPECT_EQ(of(pool, {2000, 2}, DType::float32).created, 1u);
  EXPECT_EQ(memory.statistics().buffers, 6u);
  EXPECT_TRUE(memory.contains(other.name()));
}

TEST_P(Tensors, ASecondReleaseAndAUseAfterItAreNamed) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory, "t");
  const Tensor tensor = pool.acquire({3, 5}, DType::bfloat16);
  const Tensor copy = tensor;
  const BufferHandle<Bfloat16> buffer = tensor.buffer<Bfloat16>();
  pool.release(tensor);
  for (const Tensor& each : {tensor, copy}) {
    EXPECT_FALSE(each.valid());
    EXPECT_TRUE(says(error_of<StaleHandle>([&] { pool.release(each); }), {"bfloat16[3, 5]", "released before"}));
    EXPECT_TRUE(says(error_of<StaleHandle>([&] { static_cast<void>(each.access<Bfloat16>()); }),
                     {"bfloat16[3, 5]", "released before"}));
  }
  // The memory is another tensor's by now, and the old names still lead nowhere.
  const Tensor next = pool.acquire({3, 5}, DType::bfloat16);
  EXPECT_THROW(pool.release(tensor), StaleHandle);
  EXPECT_TRUE(says(error_of<StaleHandle>([&] { static_cast<void>(buffer.access()); }), {"bfloat16[3, 5]"}));
  EXPECT_TRUE(next.valid());
  EXPECT_THROW(pool.release(Tensor()), StaleHandle);
  EXPECT_THROW(static_cast<void>(Tensor().access<float>()), StaleHandle);
  EXPECT_THROW(static_cast<void>(Tensor().shape()), StaleHandle);
  EXPECT_EQ(Tensor().name(), "");
  TensorPool other(memory, "other");
  EXPECT_TRUE(
      says(error_of<InvalidArgument>([&] { other.release(next); }), {"\"other\"", "bfloat16[3, 5]", "another"}));
  EXPECT_TRUE(says(error_of<TypeMismatch>([&] { static_cast<void>(next.access<Float16>()); }),
                   {"bfloat16[3, 5]", "not float16"}));
  EXPECT_EQ(pool.statistics().live, 1u);
}

TEST_P(Tensors, MistakesAreNamed) {
  MemoryManager& memory = make_manager({.pool = {.limit = 64_MiB}});
  TensorPool pool(memory);
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  EXPECT_TRUE(says(error_of<InvalidArgument>([] { Shape(std::initializer_list<std::size_t>{}); }), {"0 extents"}));
  EXPECT_TRUE(says(error_of<InvalidArgument>([] { Shape({1, 1, 1, 1, 1, 1, 1, 1, 1}); }), {"9 extents", "1 to 8"}));
  EXPECT_TRUE(says(error_of<InvalidArgument>([] { Shape({2, 0, 3}); }), {"[2, 0, 3]", "extent 1 is 0"}));
  EXPECT_TRUE(says(error_of<InvalidArgument>([] { Shape({most / 2, 3}); }), {"overflow"}));
  EXPECT_EQ(Shape({1, 2, 3, 4, 5, 6, 7, 8}).elements(), 40'320u);
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] { static_cast<void>(pool.acquire({2}, static_cast<DType>(11))); }),
                   {"DType 11"}));
  EXPECT_TRUE(says(error_of<InvalidArgument>([&] { static_cast<void>(pool.acquire<double>({most / 4})); }),
                   {"float64[", "overflow"}));
  EXPECT_TRUE(says(error_of<LimitExceeded>([&] {
                     static_cast<void>(pool.acquire<float>({65, 1 << 18}));
                   }),
                   {"float32[65, 262144]"}));
  EXPECT_THROW(TensorPool(memory, ""), InvalidArgument);
  EXPECT_THROW(TensorPool(memory, std::string(129, 'n')), InvalidArgument);
  EXPECT_EQ(pool.statistics().acquired, 0u);
  EXPECT_EQ(pool.statistics().live, 0u);
  EXPECT_EQ(memory.statistics().buffers, 0u);
}

TEST_P(Tensors, TypesHaveTheirSizesAndNames) {
  const std::vector<std::pair<DType, std::size_t>> sizes{{DType::float16, 2}, {DType::bfloat16, 2}, {DType::float32, 4},
                                                         {DType::float64, 8}, {DType::int8, 1},     {DType::uint8, 1},
                                                         {DType::int16, 2},   {DType::int32, 4},    {DType::int64, 8},
                                                         {DType::uint32, 4},  {DType::boolean, 1}};
  const std::vector<std::string_view> names{"float16", "bfloat16", "float32", "float64", "int8", "uint8",
                                            "int16",   "int32",    "int64",   "uint32",  "bool"};
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(name(sizes[i].first), names[i]);
    EXPECT_EQ(element_bytes(sizes[i].first), sizes[i].second);
    EXPECT_EQ(pool.acquire({7, 3}, sizes[i].first).bytes(), 21 * sizes[i].second);
  }
  EXPECT_EQ(name(static_cast<DType>(11)), "unknown");
  EXPECT_EQ(dtype_of<bool>, DType::boolean);
  EXPECT_EQ(dtype_of<std::int64_t>, DType::int64);
}

TEST_P(Tensors, PreallocatedMemoryIsReady) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  pool.preallocate({{{64, 1024}, DType::float32, 6}, {{1024}, DType::int8, 20}});
  EXPECT_EQ(pool.statistics().prepared, 26u);
  EXPECT_EQ(of(pool, {1024}, DType::int8).prepared, 20u);
  EXPECT_EQ(pool.statistics().live, 0u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  EXPECT_EQ(memory.statistics().buffers, 0u);
  const Statistics before = memory.statistics().pool;
  std::vector<Tensor> all;
  for (int i = 0; i < 6; ++i) all.push_back(pool.acquire<float>({64, 1024}));
  for (int i = 0; i < 20; ++i) all.push_back(pool.acquire<std::int8_t>({1024}));
  if (pooling()) {
    EXPECT_EQ(memory.statistics().pool.driver_calls, before.driver_calls);
    EXPECT_EQ(of(pool, {1024}, DType::int8).reused, 20u);
  }
  EXPECT_EQ(pool.statistics().live, 26u);
}

TEST_P(Tensors, PreallocatingIsAllOrNothing) {
  MemoryManager& memory = make_manager({.pool = {.limit = 64_MiB}});
  TensorPool pool(memory);
  const Tensor there = pool.acquire<float>({1024});
  EXPECT_THROW(pool.preallocate({{{1 << 20}, DType::float32, 4}, {{1 << 20}, DType::float64, 8}}), LimitExceeded);
  EXPECT_EQ(pool.statistics().prepared, 0u);
  EXPECT_EQ(pool.statistics().live, 1u);
  EXPECT_EQ(pool.statistics().by_shape.size(), 1u);
  EXPECT_EQ(memory.statistics().buffers, 1u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 4096u);
  EXPECT_TRUE(there.valid());
  EXPECT_NO_THROW(pool.preallocate({{{1 << 20}, DType::float32, 4}}));
}

TEST_P(Tensors, ReleasedOnesKeepNothingFromOthers) {
  MemoryManager& memory = make_manager({.pool = {.limit = 128_MiB}});
  TensorPool pool(memory);
  std::vector<Tensor> all;
  for (int i = 0; i < 12; ++i) all.push_back(pool.acquire<double>({1 << 20}));  // 96 MiB
  EXPECT_THROW(static_cast<void>(memory.create<std::byte>("large", 64_MiB)), LimitExceeded);
  for (const Tensor& each : all) pool.release(each);
  EXPECT_NO_THROW(memory.create<std::byte>("large", 120_MiB));
  memory.free("large");
  void* const raw = memory.pool().allocate(120_MiB);
  memory.pool().deallocate(raw);
  const Tensor tensor = pool.acquire<double>({15, 1 << 20});
  EXPECT_EQ(tensor.bytes(), 120_MiB);
}

TEST_P(Tensors, TrimGivesTheMemoryBack) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  for (int i = 0; i < 3; ++i) pool.release(pool.acquire<float>({1 << 20}));
  EXPECT_EQ(memory.statistics().pool.reserved.live == 0, !pooling());
  EXPECT_EQ(pool.trim() != 0, pooling());
  EXPECT_EQ(memory.statistics().pool.reserved.live, 0u);
  const Tensor again = pool.acquire<float>({1 << 20});
  EXPECT_EQ(of(pool, {1 << 20}, DType::float32).created, pooling() ? 2u : 4u);
}

TEST_P(Tensors, ThePoolsEndFreesThemAndReportsThem) {
  KeepingSink sink(LogLevel::warning);
  MemoryManager& memory = make_manager({.pool = {.log = &sink}});
  std::optional<TensorPool> pool(std::in_place, memory, "short");
  const Tensor tensor = pool->acquire<float>({10, 10});
  const Tensor released = pool->acquire<float>({10, 10});
  pool->release(released);
  pool.reset();
  EXPECT_FALSE(tensor.valid());
  EXPECT_TRUE(says(error_of<StaleHandle>([&] { static_cast<void>(tensor.access<float>()); }),
                   {"float32[10, 10]", "its pool", "ended"}));
  EXPECT_TRUE(says(error_of<StaleHandle>([&] { static_cast<void>(released.access<float>()); }), {"released before"}));
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
  EXPECT_EQ(memory.statistics().buffers, 0u);
  const auto leaks = sink.of(LogEvent::leak);
  ASSERT_EQ(leaks.size(), 1u);
  EXPECT_EQ(leaks[0].bytes, 400u);
  EXPECT_NE(leaks[0].text.find("short float32[10, 10]"), std::string::npos) << leaks[0].text;
}

TEST_P(Tensors, TheManagersEndLeavesThemStale) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  const Tensor tensor = pool.acquire<float>({10, 10});
  memory.free(tensor.name());
  EXPECT_FALSE(tensor.valid());
  EXPECT_THROW(static_cast<void>(tensor.access<float>()), StaleHandle);
  EXPECT_NO_THROW(pool.release(tensor));  // the books are told
  EXPECT_EQ(pool.statistics().live, 0u);
  const Tensor last = pool.acquire<float>({10, 10});
  end_manager(memory);
  EXPECT_FALSE(last.valid());
  EXPECT_THROW(static_cast<void>(last.access<float>()), StaleHandle);
}

TEST_P(Tensors, ThreadsAcquireAndReleaseAtOnce) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  constexpr std::size_t crew = 4, rounds = 100;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < crew; ++i) {
    threads.emplace_back([&, i] {
      std::vector<Tensor> own;
      for (std::size_t round = 0; round < rounds; ++round) {
        own.push_back(pool.acquire<float>({1 + (i + round) % 3, 256}));
        if (own.size() == 3) {
          pool.release(own.front());
          own.erase(own.begin());
        }
        if (round % 20 == 0) static_cast<void>(pool.statistics());
      }
      for (const Tensor& each : own) pool.release(each);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const TensorPoolStatistics known = pool.statistics();
  EXPECT_EQ(known.acquired, crew * rounds);
  EXPECT_EQ(known.reused + known.created, crew * rounds);
  EXPECT_EQ(known.live, 0u);
  EXPECT_EQ(known.bytes, 0u);
  EXPECT_LE(known.peak, crew * 3);
  EXPECT_EQ(known.by_shape.size(), 3u);
  EXPECT_EQ(memory.statistics().pool.requested.live, 0u);
}

}  // namespace
}  // namespace weir::contract
