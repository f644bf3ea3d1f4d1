#include "fake_cuda/fake_stream.hpp"

#include <algorithm>
#include <utility>

#include <weir/clock.hpp>

#include "device/simulated_time.hpp"

namespace weir::fake_cuda {
namespace {

/// The moment when a point that is late is done, if its stream came there.
std::chrono::nanoseconds done_at(const Point& point) {
  return device::later(std::chrono::nanoseconds(point.arrival->load()), point.lateness);
}

}  // namespace

void Gate::shut() {
  const std::lock_guard lock(mutex_);
  shut_ = true;
}

void Gate::open() {
  {
    const std::lock_guard lock(mutex_);
    shut_ = false;
  }
  opened_.notify_all();
}

void Gate::pass() {
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [&] { return !shut_; });
}

bool Point::done() const {
  if (!stream) return true;
  if (!stream->done(position)) return false;
  return !arrival || done_at(*this) <= Clock::system().now();
}

void Point::wait() const {
  if (!stream) return;
  stream->wait(position);
  if (!arrival) return;
  device::SimulatedTime time(device::SimulatedTime::Kind::real);
  static_cast<void>(time.wait_until(done_at(*this), std::chrono::nanoseconds::max()));
}

Stream::Stream(std::shared_ptr<Gate> gate, int device, bool blocking)
    : gate_(std::move(gate)), device_(device), blocking_(blocking) {}

Stream::~Stream() {
  close();
  if (thread_.joinable()) thread_.join();
}

void Stream::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
}

void Stream::submit(Work work) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    ++submitted_;
    if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
  }
  changed_.notify_all();
}

void Stream::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    lock.unlock();
    gate_->pass();
    lock.lock();
    if (queue_.empty()) continue;  // dropped meanwhile
    std::function<void()> run = queue_.front().run;
    const std::uint64_t drops = drops_;
    lock.unlock();
    run();
    run = nullptr;  // what it holds may be a stream's last use, which must not end under this one's lock
    lock.lock();
    if (drops != drops_) continue;
    Work done = std::move(queue_.front());
    queue_.pop_front();
    ++completed_;
    tell_watches();
    changed_.notify_all();
    lock.unlock();
    done = {};
    lock.lock();
  }
}

void Stream::tell_watches() {
  const std::int64_t now = Clock::system().now().count();
  for (; !watches_.empty() && watches_.front().position <= completed_; watches_.pop_front()) {
    watches_.front().arrival->store(now);
  }
}

std::shared_ptr<const Arrival> Stream::watch() {
  auto arrival = std::make_shared<Arrival>(0);
  const std::lock_guard lock(mutex_);
  watches_.push_back({submitted_, arrival});
  tell_watches();
  return arrival;
}

std::uint64_t Stream::submitted() {
  const std::lock_guard lock(mutex_);
  return submitted_;
}

bool Stream::done(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  return completed_ >= position;
}

void Stream::wait(std::uint64_t position) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return completed_ >= position; });
}

void Stream::drop() {
  std::deque<Work> dropped;
  {
    const std::lock_guard lock(mutex_);
    queue_.swap(dropped);
    completed_ = submitted_;
    ++drops_;
    tell_watches();
  }
  changed_.notify_all();
}

bool Stream::uses(std::uint64_t address, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  return std::any_of(queue_.begin(), queue_.end(), [&](const Work& work) {
    return std::any_of(work.uses.begin(), work.uses.end(), [&](const Work::Range& range) {
      return range.address < address + bytes && address < range.address + range.bytes;
    });
  });
}

}  // namespace weir::fake_cuda
