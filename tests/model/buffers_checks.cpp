// What must hold after every step, and at the end of a program.
#include <chrono>
#include <set>

#include "model/buffers_program.hpp"

namespace weir::model {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t steps_between_walks = 64;
constexpr std::uint64_t segment_bytes = std::uint64_t{32} << 20;

}  // namespace

void BuffersProgram::check() {
  std::uint64_t bytes = 0;
  for (const auto& live : live_) {
    bytes += live->oracle.capacity() * element_bytes;
    if (live->handle.capacity() != live->oracle.capacity()) wrong("another capacity: " + live->name);
    if (live->handle.size() != live->oracle.size()) wrong("another size: " + live->name);
  }
  std::uint64_t external = 0;
  for (const ExternalBytes& booking : bookings_) external += booking.bytes();
  const ManagerStatistics now = memory_->statistics();
  before_ = now.pool;
  const auto compare = [&](const char* what, std::uint64_t is, std::uint64_t must) {
    if (is != must) wrong(std::string(what) + ": " + std::to_string(is) + ", not " + std::to_string(must));
  };
  compare("live requested bytes", now.pool.requested.live, bytes);
  compare("live allocated bytes", now.pool.live, now.pool.allocated.live);
  compare("external bytes", now.pool.external, external);
  compare("buffers", now.buffers, live_.size());
  compare("leaked blocks", memory_->check_leaks().blocks, live_.size());
  compare("leaked bytes", memory_->check_leaks().bytes, bytes);
  compare("kernels that found other contents", kernels_wrong_, 0);
  if (now.pool.reserved.live + external > configuration_.limit) wrong("more is reserved than the limit");
  if (steps_ % steps_between_walks == 0) walk();
}

void BuffersProgram::walk() {
  memory_->pool().verify();
  if (std::string breach = backend_->breach(); !breach.empty()) wrong(breach);
  const Report report = memory_->report();
  std::set<std::string> names;
  for (const auto& live : live_) names.insert(live->name);
  std::set<std::string> listed;
  for (const BufferStatistics& each : report.buffers) listed.insert(each.name);
  if (names != listed) wrong("the report lists other buffers");
  if (report.blocks.size() != names.size()) wrong("the report lists other blocks");
  for (const LiveBlock& block : report.blocks) {
    if (!names.contains(block.tag)) wrong("the report lists a block of another owner");
  }
  const auto balance = backend_->balance();
  const std::uint64_t taken = balance.pages * device_.info().page_bytes + balance.segment_bytes;
  if (taken != report.totals.pool.reserved.live) wrong("reserved is not what the driver gave");
}

void BuffersProgram::refused(std::uint64_t bytes) {
  if (configuration_.faults != 0 || weather_ || code_ != ErrorCode::limit_exceeded) return;
  const std::uint64_t page = device_.info().page_bytes;
  const std::uint64_t most =
      configuration_.mode == PoolMode::segments ? std::max(segment_bytes, bytes) : bytes + 2 * page;
  if (before_.reserved.live + before_.external + most <= configuration_.limit) {
    wrong("it was refused, though there is room");
  }
}

std::string BuffersProgram::finish() {
  last_ = "the end";
  if (weather_) weather_->clear();
  backend_->heal();
  for (GatedStream& each : streams_) each.gate.reset();
  for (std::size_t i = 0; i < streams_.size(); ++i) static_cast<void>(settle(i));
  for (const Started& each : started_) each.ticket.wait();
  started_.clear();
  for (const auto& live : live_) {
    for (; !live->frames.empty(); live->frames.pop_front()) {
      const std::string other = live->frames.front().contents.difference(memory_->wait_for_download(live->handle));
      if (contents() && !other.empty()) wrong("a frame of " + live->name + ": " + other);
    }
    const auto found = memory_->download(live->handle, stream_of(*live));
    const std::string other = live->oracle.contents.difference(found);
    if (contents() && !other.empty()) wrong(live->name + ": " + other);
  }
  while (!live_.empty() && live_.size() > 3) free_one();
  bookings_.clear();
  check();
  memory_->free_all();
  for (const auto& live : live_) {
    if (live->handle.valid() || live->owner.valid()) wrong("a handle is valid after all was freed");
  }
  live_.clear();
  const auto end = std::chrono::steady_clock::now() + 10s;
  do {
    memory_->maintain();
  } while (memory_->statistics().transfers.pinned.requested.live != 0 && std::chrono::steady_clock::now() < end);
  if (memory_->statistics().transfers.pinned.requested.live != 0) wrong("pinned memory is in use still");
  steps_ = 0;
  check();
  Buffer<Element> outlives = memory_->scoped<Element>("outlives", 1000);
  memory_.reset();
  if (outlives.valid()) wrong("a buffer is valid after its manager");
  streams_.clear();
  if (std::string held = backend_->not_given_back(); !held.empty()) wrong(held);
  if (std::string breach = backend_->breach(); !breach.empty()) wrong(breach);
  return wrong_;
}

}  // namespace weir::model
