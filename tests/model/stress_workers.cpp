#include "model/stress_workers.hpp"

namespace weir::model {

void Worker::step() {
  const std::uint64_t dice = roll(1000);
  if (dice < 440) return live_ < live_of_worker || roll(8) == 0 ? allocate() : free_one();
  if (dice < 860) return free_one();
  if (dice < 920) return read_mail();
  if (dice < 960) return look();
  if (dice < 970) return static_cast<void>(pool().trim(roll(2) == 0 ? 0 : roll(limit)));
  if (dice < 980) return pool().maintain();
  if (dice < 983) return renew_stream();
  if (dice < 988) return pool().retire(own_stream());
  if (dice < 989 && common_.late == 0s) return common_.backend->hold_events();  // late ones come, and are waited for
  if (dice < 995) return common_.backend->let_events_go();
  common_.clock.advance(std::chrono::milliseconds(roll(20'000)));
}

void Worker::allocate() {
  Held block;
  const Stream stream = own_stream();
  block.stream = roll(4) == 0 ? StreamId::legacy_default : stream.id();
  block.bytes = roll(100) == 0 ? limit + 1 + roll(limit) : any_size();
  const std::size_t alignment = roll(8) == 0 ? std::size_t{1} << roll(21) : 1;
  try {
    if (roll(3) == 0) {
      block.handle = pool().acquire(block.bytes, block.stream, {.alignment = alignment});
      block.address = reinterpret_cast<void*>(pool().address(block.handle));  // NOLINT(performance-no-int-to-ptr)
    } else {
      block.address = pool().allocate(block.bytes, block.stream, {.alignment = alignment});
    }
  } catch (const LimitExceeded&) {
    ++refusals;
    return;
  } catch (const OutOfMemory&) {
    expect(block.bytes <= limit, "more than the limit, and yet it was not the limit that refused");
    ++refusals;
    return;
  }
  expect(block.bytes <= limit, "more than the limit was given");
  ++allocations;
  requested += block.bytes;
  live_ += block.bytes;
  const bool works = block.stream == stream.id() && block.bytes >= 8 && roll(8) == 0;
  if (works && common_.device.info().pointers) {
    block.working = std::make_shared<const Stream>(stream);
    const std::uint64_t mark = common_.next_mark++;
    auto* const first = static_cast<std::uint64_t*>(block.address);
    auto* const last = first + (block.bytes / 8 - 1);
    common_.device.run(stream, [=] { *first = *last = mark; });
    common_.device.run(stream, [=, &overwritten = common_.overwritten] {
      if (*first != mark || *last != mark) overwritten = true;
    });
  }
  held_.push_back(std::move(block));
}

void Worker::free_one() {
  if (held_.empty()) return;
  // The newest more often than chance has it: hits are what a cache is for.
  const std::size_t at = roll(2) == 0 ? held_.size() - 1 : roll(held_.size());
  std::swap(held_[at], held_.back());
  Held block = std::move(held_.back());
  held_.pop_back();
  live_ -= block.bytes;
  if (roll(16) == 0) pool().used_on(block.address, common_.any_stream(random_()));
  if (roll(4) != 0) return free(block);
  const std::lock_guard lock(common_.mutex);
  common_.mail[roll(workers)].push_back(std::move(block));
}

void Worker::free(const Held& block) {
  const bool same_stream = block.working && roll(2) == 0;
  const StreamId stream = same_stream ? block.stream : own_stream().id();
  if (block.working && !same_stream) pool().used_on(block.address, block.stream);
  if (block.handle != BlockHandle{}) {
    pool().release(block.handle, stream);
  } else {
    pool().deallocate(block.address, stream);
  }
  ++frees;
}

void Worker::read_mail() {
  std::vector<Held> mail;
  {
    const std::lock_guard lock(common_.mutex);
    mail.swap(common_.mail[number_]);
  }
  for (const Held& each : mail) free(each);
}

void Worker::renew_stream() {
  Stream stream = common_.device.stream();
  {
    const std::lock_guard lock(common_.mutex);
    std::swap(common_.board[2 * number_ + roll(2)], stream);
  }
  // The former one ends here, or with the last that holds it.
}

void Worker::look() {
  if (roll(8) == 0) {
    for (const LiveBlock& block : pool().live_blocks()) {
      expect(block.requested <= block.allocated && block.requested <= limit, "live_blocks lists a block with no size");
    }
  }
  expect(pool().check_leaks().blocks < std::uint64_t{1} << 32, "check_leaks counts below zero");
  const Statistics now = pool().statistics();
  expect(now.reserved.live <= limit && now.reserved.peak <= limit, "more is reserved than the limit");
  expect(now.errors == 0, "an error was counted, and none was made");
}

Worker run_all(Common& common, std::uint64_t seed, std::uint64_t operations) {
  std::vector<Worker> crew;
  crew.reserve(workers);
  for (std::size_t i = 0; i < workers; ++i) crew.emplace_back(common, i, seed + i);
  std::vector<TestThread> threads;
  threads.reserve(workers);
  for (Worker& worker : crew) threads.emplace_back([&] { worker.run(operations / workers); });
  for (TestThread& thread : threads) thread.join();
  Worker all(common, 0, 0);
  for (Worker& worker : crew) {
    worker.free_all();
    all.allocations += worker.allocations;
    all.frees += worker.frees;
    all.requested += worker.requested;
    all.refusals += worker.refusals;
  }
  common.backend->let_events_go();
  return all;
}

Statistics come_to_rest(Common& common) {
  for (Stream& stream : common.board) common.device.synchronize(stream);
  common.device.synchronize(StreamId::legacy_default);
  static_cast<void>(common.pool->trim(0));
  return common.pool->statistics();
}

}  // namespace weir::model
