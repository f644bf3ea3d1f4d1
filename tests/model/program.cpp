#include "model/program.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "device/access.hpp"
#include "open_backend.hpp"

namespace weir::model {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t stream_count = 3;
constexpr std::uint64_t operations_between_walks = 256;
const char* const owners[] = {"", "first owner", "second owner"};

void* pointer(std::uint64_t address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

// Late events come in the end; where a step holds them altogether, nothing is to be waited for.
std::chrono::nanoseconds deadline_for(std::chrono::nanoseconds late) { return late == 0s ? 0s : 10s; }

}  // namespace

Program::Program(const Configuration& configuration, std::uint64_t seed)
    : configuration_(configuration),
      random_(seed),
      backend_(open_backend(configuration.backend)),
      device_(device::Access::make_device(backend_, "for the model test")),
      page_bytes_(device_.info().page_bytes),
      pool_(std::make_unique<Pool>(device_, PoolOptions{.name = configuration.name,
                                                        .mode = configuration.mode,
                                                        .limit = configuration.limit,
                                                        .thread_cache_bytes = configuration.thread_cache_bytes,
                                                        .zero = configuration.zero,
                                                        .reclaim_deadline = deadline_for(configuration.late),
                                                        .clock = &clock_})),
      oracle_(configuration.limit, page_bytes_, configuration.threads == 1 ? 0 : configuration.threads * 64_KiB),
      crew_(configuration.threads - 1) {
  backend_->delay_events(configuration.late);
  for (std::size_t i = 0; i < stream_count; ++i) streams_.push_back(device_.stream());
  if (configuration.storm) weather_ = std::make_unique<Weather>(*backend_, true);
}

Program::~Program() = default;

std::string Program::step() {
  std::string wrong;
  try {
    if (weather_) weather_->change(random_);
    try {
      wrong = act();
    } catch (const Error& error) {
      if (!injected(error)) throw;
      last_ += std::string(", which ended in ") + error.what();
    }
    if (wrong.empty()) wrong = check();
  } catch (const std::exception& error) {
    wrong = std::string("it threw ") + error.what();
  }
  ++steps_;
  return wrong;
}

std::string Program::act() {
  const Dice dice = roll(1000);
  // Near what is to be live, frees and allocations are in balance.
  std::uint64_t live = pool_->statistics().requested.live;
  const Dice allocations = live < configuration_.live ? 520 : 360;
  if (dice < allocations) return allocate();
  if (dice < 880) return free_one();
  if (dice < 930) return misuse();
  if (dice < 945) return change_streams();
  if (dice < 960) return book();
  if (dice < 975) return look();
  return give_back();
}

// No work but that of clearing is ever queued. On CUDA an event takes some microseconds all the same, and a pool
// without a deadline waits for none.
bool Program::all_is_past() const {
  const bool late = backend_named(configuration_.backend) == BackendKind::cuda || configuration_.backend == cuda_fake ||
                    configuration_.late != 0s;
  return !holding_ && !configuration_.zero && !late && !weather_;
}

std::string Program::check() {
  const Statistics now = pool_->statistics();
  if (std::string wrong = oracle_.compare(now); !wrong.empty()) return wrong;
  const bool idle = all_is_past();
  if (idle && now.pending != 0) return std::to_string(now.pending) + " bytes are pending, and no event is late";
  if (steps_ % operations_between_walks != 0) return {};
  pool_->verify();
  const device::FaultyBackend::Balance held = backend_->balance();
  if (now.reserved.live != held.pages * page_bytes_ + held.segment_bytes) return "reserved is not what the driver gave";
  if (now.held != (held.pages - held.mapped_pages) * page_bytes_) return "held is not what the driver has unmapped";
  return backend_->breach();
}

std::uint64_t Program::any_size() {
  switch (roll(10)) {
    case 0: return 1 + roll(512);
    case 1: return std::uint64_t{512} << roll(8);
    case 2: return page_bytes_ * (1 + roll(3));
    case 3: return page_bytes_ - 512 + roll(1024);
    case 4: return 64_KiB - 512 + roll(1024);
    default: return static_cast<std::uint64_t>(std::exp2(std::uniform_real_distribution<>(0.0, 22.5)(random_)));
  }
}

StreamId Program::any_stream() {
  if (roll(4) == 0) return StreamId::legacy_default;
  return streams_[roll(streams_.size())];
}

std::string Program::allocate() {
  const std::uint64_t bytes = any_size();
  const std::uint64_t alignment =
      std::min(page_bytes_, roll(4) == 0 ? std::uint64_t{1} << roll(22) : std::uint64_t{1} << roll(10));
  const StreamId stream = any_stream();
  const bool by_handle = roll(3) == 0;
  const bool softly = !by_handle && roll(4) == 0;
  Oracle::Live block{0, bytes, {}, owners[roll(std::size(owners))]};
  const Tag tag = block.tag.empty() ? Tag::none : pool_->tag(block.tag);
  last_ = "allocate " + std::to_string(bytes) + " aligned to " + std::to_string(alignment);
  const bool waits = configuration_.late != 0s && !holding_ && !configuration_.zero;
  const bool must_work =
      configuration_.mode == PoolMode::pages && (all_is_past() || waits) && oracle_.pages_suffice(bytes);
  bool refused = false;
  on_any_thread([&] {
    try {
      if (by_handle) {
        block.handle = pool_->acquire(bytes, stream, {.alignment = alignment, .tag = tag});
        block.address = pool_->address(block.handle);
      } else {
        std::optional<void*> given;
        if (softly) {
          given = pool_->try_allocate(bytes, stream, {.alignment = alignment, .tag = tag});
        } else {
          given = pool_->allocate(bytes, stream, {.alignment = alignment, .tag = tag});
        }
        refused = !given;
        if (given) block.address = reinterpret_cast<std::uint64_t>(*given);
        if (given) block.handle = pool_->handle(*given);
      }
    } catch (const Error& error) {
      refused = true;
      if (dynamic_cast<const std::bad_alloc*>(&error) == nullptr && !injected(error)) throw;
    }
  });
  if (!refused) return oracle_.allocated(block, alignment);
  oracle_.refused();
  return must_work ? "it was refused, though there are pages enough" : "";
}

std::string Program::free_one() {
  const auto& live = oracle_.live();
  last_ = "free";
  if (live.empty()) return {};
  // The newest more often than chance has it: hits are what a cache is for.
  const std::size_t at =
      roll(2) == 0 ? live.size() - 1 - roll(std::min<std::size_t>(live.size(), 8)) : roll(live.size());
  const Oracle::Live block = live[at];
  const StreamId stream = !ended_.empty() && roll(16) == 0 ? ended_[roll(ended_.size())] : any_stream();
  const bool by_handle = roll(3) == 0;
  last_ += " " + std::to_string(block.requested);
  on_any_thread([&] {
    if (by_handle) {
      pool_->release(block.handle, stream);
    } else {
      pool_->deallocate(pointer(block.address), stream);
    }
  });
  oracle_.freed(block.address);
  if (gone_.size() < 64) gone_.emplace_back();
  gone_[roll(gone_.size())] = block;
  return {};
}

template <class Wrong, class Call>
std::string Program::expect_error(Call call) {
  bool thrown = false;
  on_any_thread([&] {
    try {
      call();
    } catch (const Wrong&) {
      thrown = true;
    } catch (const Error& error) {
      thrown = injected(error);
    }
  });
  return thrown ? "" : "no error was thrown";
}

std::string Program::misuse() {
  const auto& live = oracle_.live();
  switch (roll(6)) {
    case 0: {
      last_ = "free twice";
      if (gone_.empty()) return {};
      const Oracle::Live block = gone_[roll(gone_.size())];
      if (block.address == 0 || oracle_.starts_at(block.address)) return {};
      oracle_.misused();
      return expect_error<InvalidArgument>([&] { pool_->deallocate(pointer(block.address)); });
    }
    case 1: {
      last_ = "use a stale handle";
      if (gone_.empty()) return {};
      const Oracle::Live block = gone_[roll(gone_.size())];
      if (block.address == 0) return {};
      oracle_.misused();
      return expect_error<StaleHandle>([&] { pool_->release(block.handle); });
    }
    case 2: {
      last_ = "free inside a block";
      if (live.empty()) return {};
      const Oracle::Live block = live[roll(live.size())];
      const std::uint64_t inside = block.address + 1 + roll(block.requested);
      if (oracle_.starts_at(inside)) return {};
      oracle_.misused();
      return expect_error<InvalidArgument>([&] { pool_->deallocate(pointer(inside)); });
    }
    case 3: {
      last_ = "free a foreign pointer";
      const std::uint64_t foreign = random_();
      if (foreign == 0 || oracle_.starts_at(foreign)) return {};
      oracle_.misused();
      return expect_error<InvalidArgument>([&] { pool_->deallocate(pointer(foreign)); });
    }
    case 4: {
      last_ = "ask for too much";
      const std::uint64_t bytes = oracle_.limit() + 1 + (random_() >> roll(64));
      if (bytes <= oracle_.limit()) return {};
      oracle_.refused();
      return expect_error<LimitExceeded>([&] { static_cast<void>(pool_->allocate(bytes, any_stream())); });
    }
    default: {
      last_ = "ask for a bad alignment";
      const std::uint64_t alignment = roll(2) == 0 ? 3 + 2 * roll(1000) : page_bytes_ << (1 + roll(20));
      oracle_.refused();
      return expect_error<InvalidArgument>(
          [&] { static_cast<void>(pool_->allocate(any_size(), any_stream(), {.alignment = alignment})); });
    }
  }
}

std::string Program::change_streams() {
  const auto& live = oracle_.live();
  switch (roll(4)) {
    case 0: {
      last_ = "a stream ends";
      const std::size_t at = roll(streams_.size());
      if (ended_.size() < 16) ended_.emplace_back();
      ended_[roll(ended_.size())] = streams_[at];
      streams_[at] = device_.stream();
      return {};
    }
    case 1: {
      last_ = "retire";
      const StreamId stream = any_stream();
      on_any_thread([&] { pool_->retire(stream); });
      return {};
    }
    case 2: {
      if (configuration_.late != 0s || weather_)
        return {};  // they are late already; to hold them would cost the whole deadline
      last_ = holding_ ? "late events come" : "events are held";
      holding_ = !holding_;
      if (holding_) {
        backend_->hold_events();
      } else {
        backend_->let_events_go();
        pool_->maintain();
      }
      return {};
    }
    default: {
      last_ = "used_on";
      if (live.empty()) return {};
      const Oracle::Live block = live[roll(live.size())];
      const StreamId stream = any_stream();
      on_any_thread([&] { pool_->used_on(block.handle, stream); });
      return {};
    }
  }
}

std::string Program::book() {
  last_ = "book external bytes";
  if (bookings_.size() > 4 || (!bookings_.empty() && roll(2) == 0)) {
    const std::size_t at = roll(bookings_.size());
    oracle_.booked(-static_cast<std::int64_t>(bookings_[at].bytes()));
    bookings_.erase(bookings_.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  }
  const std::uint64_t bytes = roll(oracle_.limit() / 8) * (1 + roll(2));
  const Statistics before = pool_->statistics();
  const bool fits = before.reserved.live + before.external + bytes <= oracle_.limit();
  try {
    bookings_.push_back(pool_->book_external(bytes));
    oracle_.booked(static_cast<std::int64_t>(bytes));
    return {};  // that it keeps to the limit is checked after every step
  } catch (const LimitExceeded&) {
    return fits ? "a booking under the limit was refused" : "";
  }
}

std::string Program::look() {
  last_ = "look at all live blocks";
  std::vector<LiveBlock> blocks;
  on_any_thread([&] { blocks = pool_->live_blocks(); });
  const LeakCount leaks = pool_->check_leaks();
  if (blocks.size() != oracle_.live().size()) return "live_blocks lists " + std::to_string(blocks.size());
  if (leaks.blocks != blocks.size()) return "check_leaks counts " + std::to_string(leaks.blocks);
  std::map<std::uint64_t, const LiveBlock*> listed;
  for (const LiveBlock& block : blocks) listed[block.address] = &block;
  for (const Oracle::Live& block : oracle_.live()) {
    const auto found = listed.find(block.address);
    if (found == listed.end()) return "a live block is not listed";
    if (found->second->requested != block.requested) return "a live block is listed with another size";
    if (found->second->tag != block.tag) return "a live block is listed with another owner";
    if (pool_->address(block.handle) != block.address) return "a handle leads elsewhere";
  }
  return {};
}

std::string Program::give_back() {
  switch (roll(6)) {
    case 0: {
      last_ = "trim";
      const std::uint64_t keep = roll(2) == 0 ? 0 : roll(oracle_.limit());
      on_any_thread([&] { static_cast<void>(pool_->trim(keep)); });
      return {};
    }
    case 1:
      last_ = "maintain";
      on_any_thread([&] { pool_->maintain(); });
      return {};
    case 2:
      last_ = "a thread ends";
      if (crew_.size() != 0) crew_.replace(roll(crew_.size()));
      return {};
    case 3: {
      last_ = "map ahead";
      if (configuration_.mode == PoolMode::off) return {};
      const std::uint64_t bytes = roll(oracle_.limit() / 4);
      const StreamId stream = any_stream();
      try {
        on_any_thread([&] { pool_->map_ahead(bytes, stream); });
      } catch (const std::bad_alloc&) {
        oracle_.refused();  // other memory may be in the way
      } catch (const Error& error) {
        if (!injected(error)) throw;
        oracle_.refused();
      }
      return {};
    }
    default:
      last_ = "time goes on";
      clock_.advance(std::chrono::milliseconds(roll(3) == 0 ? roll(40'000) : roll(2'000)));
      return {};
  }
}

std::string Program::finish() {
  last_ = "the end";
  if (weather_) weather_->clear();
  backend_->let_events_go();
  holding_ = false;
  while (!oracle_.live().empty()) {
    const std::uint64_t address = oracle_.live().back().address;
    pool_->deallocate(pointer(address));
    oracle_.freed(address);
  }
  pool_->maintain();
  steps_ = 0;
  if (std::string wrong = check(); !wrong.empty()) return wrong;
  for (const Stream& stream : streams_) device_.synchronize(stream);
  device_.synchronize(StreamId::legacy_default);
  static_cast<void>(pool_->trim());
  if (pool_->statistics().reserved.live != 0) return "trim left something";
  bookings_.clear();
  pool_.reset();
  if (std::string held = backend_->not_given_back(); !held.empty()) return held;
  return backend_->breach();
}

}  // namespace weir::model
