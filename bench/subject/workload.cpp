// The workloads of the cases that run for a span of time: last in first out, replacing at random, and
// pairs behind holes.
#include "workload.hpp"

#include <array>
#include <cmath>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "subject.hpp"

namespace bench::subject {
namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

/// Allocates `depth` blocks of 1 MiB and frees them in reverse.
class LastInFirstOut final : public Workload {
 public:
  explicit LastInFirstOut(std::size_t depth) : blocks_(depth) {}

  std::uint64_t batch() override {
    constexpr std::size_t pairs = 4096;
    for (std::size_t done = 0; done < pairs; done += blocks_.size()) {
      for (void*& block : blocks_) block = take(mib);
      for (std::size_t i = blocks_.size(); i-- > 0;) deallocate(blocks_[i], mib);
    }
    return pairs;
  }
  std::uint64_t warm_up_pairs() const override { return 1 << 14; }

 private:
  std::vector<void*> blocks_;
};

/// Keeps 1,000 blocks of 256 B to 4 MiB, log-uniform; each step frees one at random and allocates another.
class Replace final : public Workload {
 public:
  explicit Replace(unsigned seed) : live_(1000), steps_(std::size_t{1} << 20) {
    std::mt19937_64 generator(seed);
    std::uniform_real_distribution<double> doublings(8, 22);
    const auto size = [&] { return static_cast<std::uint32_t>(std::exp2(doublings(generator))); };
    std::uniform_int_distribution<std::uint32_t> index(0, static_cast<std::uint32_t>(live_.size()) - 1);
    for (Step& step : steps_) step = {size(), index(generator)};
    for (Block& block : live_) {
      block.size = size();
      block.address = take(block.size);
    }
  }
  ~Replace() override {
    for (const Block& block : live_) deallocate(block.address, block.size);
  }

  std::uint64_t batch() override {
    constexpr std::size_t pairs = 2048;
    for (std::size_t i = 0; i < pairs; ++i) {
      const Step step = steps_[next_ + i];
      Block& block = live_[step.index];
      deallocate(block.address, block.size);
      block.address = take(step.size);
      block.size = step.size;
    }
    next_ = (next_ + pairs) & (steps_.size() - 1);
    return pairs;
  }
  std::uint64_t warm_up_pairs() const override { return steps_.size(); }

 private:
  struct Block {
    void* address = nullptr;
    std::size_t size = 0;
  };
  struct Step {
    std::uint32_t size = 0;
    std::uint32_t index = 0;
  };
  std::vector<Block> live_;
  std::vector<Step> steps_;
  std::size_t next_ = 0;
};

/// Pairs of one size behind free holes that are too small for it, each between two live blocks.
class Holes final : public Workload {
 public:
  Holes(std::size_t count, std::size_t hole, std::size_t request) : request_(request), fences_(count + 1) {
    std::vector<void*> holes(count);
    fences_[0] = take(fence);
    for (std::size_t i = 0; i < count; ++i) {
      holes[i] = take(hole);
      fences_[i + 1] = take(fence);
    }
    for (void* block : holes) deallocate(block, hole);
  }
  ~Holes() override {
    for (void* block : fences_) deallocate(block, fence);
  }

  std::uint64_t batch() override {
    constexpr std::uint64_t pairs = 512;
    for (std::uint64_t i = 0; i < pairs; ++i) deallocate(take(request_), request_);
    return pairs;
  }
  std::uint64_t warm_up_pairs() const override { return 1 << 13; }

 private:
  static constexpr std::size_t fence = 512;
  std::size_t request_;
  std::vector<void*> fences_;
};

}  // namespace

void* take(std::size_t bytes) {
  void* address = allocate(bytes);
  if (address == nullptr) throw std::bad_alloc();
  return address;
}

std::unique_ptr<Workload> make_workload(std::string_view name, unsigned index) {
  if (name == "lifo_1") return std::make_unique<LastInFirstOut>(1);
  if (name == "lifo_64") return std::make_unique<LastInFirstOut>(64);
  if (name == "random_1000" || name == "random_1000_streams") return std::make_unique<Replace>(1 + index);
  // Below 64 granules of 512 B each size has a bin of its own; 32 KiB and 32.5 KiB share one.
  for (const std::size_t count : {100UL, 65536UL}) {
    const std::string suffix = std::to_string(count);
    if (name == "holes_" + suffix) return std::make_unique<Holes>(count, 512, kib);
    if (name == "holes_near_" + suffix) return std::make_unique<Holes>(count, 32 * kib, 32 * kib + 512);
  }
  throw std::invalid_argument("no workload is called " + std::string(name));
}

}  // namespace bench::subject
