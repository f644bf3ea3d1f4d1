// What the cases about transfers stand on: a manager over a device that can fail,
// gates that hold a stream back, and contents to compare byte for byte. At each
// case's end everything is freed, the sums are verified, staging memory has come
// back, and after the manager's end the driver has everything back.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"
#include "device/access.hpp"
#include "open_backend.hpp"

namespace weir::contract {

using Bytes = std::vector<std::uint8_t>;

/// `count` bytes of the pattern of `seed`.
[[nodiscard]] inline Bytes bytes_of(std::size_t count, std::uint64_t seed) {
  Bytes bytes(count);
  fill_pattern(bytes.data(), count, seed);
  return bytes;
}

/// Holds a stream back from here on until it is opened, or ends.
class Gate {
 public:
  Gate(Device& device, StreamId stream) {
    device.run(stream, [open = open_.get_future().share()] { open.wait(); });
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { open(); }

  void open() {
    if (!std::exchange(opened_, true)) open_.set_value();
  }

 private:
  std::promise<void> open_;
  bool opened_ = false;
};

/// The error of type E that `call` throws; a failure of the test, and empty, if it does not.
template <class E, class Call>
[[nodiscard]] std::optional<E> caught(Call call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const E& error) {
    return error;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another error was thrown: " << error.what();
  }
  return std::nullopt;
}

/// That `call` throws an E about the buffer `name`.
template <class E, class Call>
void expect_error(const char* name, Call call) {
  const std::optional<E> error = caught<E>(call);
  if (!error) return;
  EXPECT_EQ(error->facts().name, name);
  EXPECT_NE(error->message().find(name), std::string::npos) << error->message();
}

/// The kinds of pools whose contents can be looked at.
[[nodiscard]] inline std::vector<Kind> kinds_with_contents() {
  std::vector<Kind> all = kinds();
  std::erase_if(all, [](const Kind& kind) {
    return backend_named(kind.backend) == BackendKind::dry || (!kind.cached && kind.mode != PoolMode::off);
  });
  return all;
}

class TransferContract : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    backend_ = open_backend(GetParam().backend);
    device_.emplace(device::Access::make_device(backend_, "for the contract suite"));
    if (GetParam().mode == PoolMode::pages && !device_->info().virtual_memory) GTEST_SKIP() << "no virtual memory";
  }
  void TearDown() override {
    end_manager();
    if (!backend_) return;
    EXPECT_EQ(backend_->balance(), device::FaultyBackend::Balance{});
    EXPECT_EQ(backend_->breach(), "");
    EXPECT_EQ(driver_fault(GetParam().backend), "");
  }

  /// In place only where the case asks for it, so that the ways through staging memory are taken on every device.
  MemoryManager& make_manager(TransferOptions transfers = {}, std::uint64_t limit = std::uint64_t{256} << 20) {
    if (!transfers.in_place) transfers.in_place = false;
    memory_ =
        std::make_unique<MemoryManager>(*device_, ManagerOptions{.name = "memory",
                                                                 .pool = {.mode = GetParam().mode,
                                                                          .limit = limit,
                                                                          .reclaim_deadline = std::chrono::seconds(1),
                                                                          .clock = &clock_},
                                                                 .transfers = transfers});
    return *memory_;
  }
  /// Frees all, with the checks of the end.
  void end_manager() {
    if (!memory_) return;
    memory_->free_all();
    EXPECT_TRUE(staging_comes_back());
    EXPECT_EQ(memory_->check_leaks().blocks, 0u);
    EXPECT_NO_THROW(memory_->pool().verify());
    EXPECT_TRUE(coherent(memory_->statistics().pool));
    EXPECT_TRUE(coherent(memory_->statistics().transfers.pinned));
    memory_.reset();
  }
  /// Whether, when all work is done, no pinned memory is in use but `expected` bytes.
  testing::AssertionResult staging_comes_back(std::uint64_t expected = 0) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
      memory_->maintain();
      const std::uint64_t live = memory_->statistics().transfers.pinned.requested.live;
      if (live == expected) return testing::AssertionSuccess();
      if (std::chrono::steady_clock::now() > end) {
        return testing::AssertionFailure() << live << " B of pinned memory are still in use, not " << expected;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  [[nodiscard]] TransferStatistics moved() const { return memory_->statistics().transfers; }

  FakeClock clock_;
  std::shared_ptr<device::FaultyBackend> backend_;
  std::optional<Device> device_;
  std::unique_ptr<MemoryManager> memory_;
};

/// With a stream that runs host functions.
class StreamedTransfers : public TransferContract {
 protected:
  void SetUp() override {
    TransferContract::SetUp();
    if (IsSkipped()) return;
    if (!device_->info().pointers) GTEST_SKIP() << "streams run no host functions here";
    stream_.emplace(device_->stream());
  }
  void TearDown() override {
    TransferContract::TearDown();
    stream_.reset();
  }

  std::optional<Stream> stream_;
};

}  // namespace weir::contract
