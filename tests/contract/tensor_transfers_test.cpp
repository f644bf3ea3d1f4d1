// Tensors' contents: moved by the manager through the buffer that a tensor is, of every type; and memory that passes
// from one stream's tensor to another's only in order.
#include <cstring>
#include <vector>

#include "contract/transfer_fixture.hpp"

namespace weir::contract {
namespace {

class TensorTransfers : public TransferContract {
 protected:
  template <class T>
  void travels(TensorPool& pool) {
    SCOPED_TRACE(name(dtype_of<T>));
    const Tensor tensor = pool.acquire<T>({37, 5, 11});
    const Bytes pattern = bytes_of(37 * 5 * 11 * sizeof(T), 1 + sizeof(T));
    std::vector<T> data(37 * 5 * 11);
    std::memcpy(data.data(), pattern.data(), pattern.size());
    memory_->upload(tensor.buffer<T>(), data);
    const std::vector<T> out = memory_->download(tensor.buffer<T>());
    EXPECT_EQ(std::memcmp(out.data(), pattern.data(), pattern.size()), 0);
  }
};

TEST_P(TensorTransfers, EveryTypeTravels) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  const Tidy scope(pool);
  travels<Float16>(pool);
  travels<Bfloat16>(pool);
  travels<float>(pool);
  travels<double>(pool);
  travels<std::int8_t>(pool);
  travels<std::uint8_t>(pool);
  travels<std::int16_t>(pool);
  travels<std::int32_t>(pool);
  travels<std::int64_t>(pool);
  travels<std::uint32_t>(pool);
  const Tensor flags = pool.acquire<bool>({3});
  const bool given[3] = {true, false, true};
  bool out[3] = {};
  memory.upload(flags.buffer<bool>(), given);
  memory.download(flags.buffer<bool>(), std::span<bool>(out));
  EXPECT_TRUE(out[0] && !out[1] && out[2]);
}

TEST_P(TensorTransfers, WindowsAndDownloadsAreThoseOfBuffers) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  const Tensor tensor = pool.acquire<std::uint8_t>({100, 1000});
  Bytes expected = bytes_of(100'000, 1);
  memory.upload(tensor.buffer<std::uint8_t>(), expected);
  const Bytes row = bytes_of(1000, 2);
  memory.upload(tensor.buffer<std::uint8_t>(), row, StreamId::legacy_default, {.offset = 42 * 1000});
  std::copy(row.begin(), row.end(), expected.begin() + 42 * 1000);
  EXPECT_EQ(tensor.buffer<std::uint8_t>().view(42 * 1000, 1000).access().size(), 1000u);
  EXPECT_THROW(static_cast<void>(tensor.buffer<std::uint8_t>().view(99'001, 1000)), InvalidArgument);
  memory.start_download(tensor.buffer<std::uint8_t>());
  const auto frame = memory.wait_for_download(tensor.buffer<std::uint8_t>());
  EXPECT_TRUE(std::equal(frame.begin(), frame.end(), expected.begin(), expected.end()));
  const BufferHandle<std::uint8_t> buffer = tensor.buffer<std::uint8_t>();
  pool.release(tensor);
  expect_error<StaleHandle>(std::string(tensor.name()).c_str(), [&] { memory.upload(buffer, row); });
}

INSTANTIATE_TEST_SUITE_P(Kinds, TensorTransfers, testing::ValuesIn(kinds_with_contents()), name_of);

class TensorOrder : public StreamedTransfers {};

// The first stream still writes the tensor when it is released: whoever has the memory next comes after that.
TEST_P(TensorOrder, AReleasedOnesMemoryPassesToAnotherStreamInOrder) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  const Stream other = device_->stream();
  constexpr std::size_t count = 300'000;
  const Bytes fresh = bytes_of(count, 2);
  const Tensor first = pool.acquire<std::uint8_t>({count}, *stream_);
  Gate gate(*device_, *stream_);
  device_->run(*stream_, [to = first.access<std::uint8_t>(*stream_).data()] { std::memset(to, 7, count); });
  pool.release(first);
  const Tensor second = pool.acquire<std::uint8_t>({count}, other);
  const Transfer written = memory.start_upload(second.buffer<std::uint8_t>(), fresh, other);
  gate.open();
  written.wait();
  device_->synchronize(*stream_);
  EXPECT_EQ(memory.download(second.buffer<std::uint8_t>(), other), fresh);
}

TEST_P(TensorOrder, OneUsedOnTwoStreamsWaitsForBoth) {
  MemoryManager& memory = make_manager();
  TensorPool pool(memory);
  const Stream user = device_->stream();
  constexpr std::size_t count = 300'000;
  const Tensor first = pool.acquire<std::uint8_t>({count}, *stream_);
  Gate gate(*device_, user);
  device_->run(user, [to = first.access<std::uint8_t>(user).data()] { std::memset(to, 7, count); });
  pool.release(first);
  // On the stream that it was made for there may be no reuse either before the user's work is done.
  const Tensor second = pool.acquire<std::uint8_t>({count}, *stream_);
  const Bytes fresh = bytes_of(count, 2);
  memory.upload(second.buffer<std::uint8_t>(), fresh, *stream_);
  gate.open();
  device_->synchronize(user);
  EXPECT_EQ(memory.download(second.buffer<std::uint8_t>(), *stream_), fresh);
}

INSTANTIATE_TEST_SUITE_P(Kinds, TensorOrder, testing::ValuesIn(kinds_with_contents()), name_of);

}  // namespace
}  // namespace weir::contract
