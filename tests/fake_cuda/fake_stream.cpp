#include "fake_cuda/fake_stream.hpp"

#include <algorithm>
#include <utility>

namespace weir::fake_cuda {

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

bool Point::done() const { return !stream || stream->done(position); }

void Point::wait() const {
  if (stream) stream->wait(position);
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
    changed_.notify_all();
    lock.unlock();
    done.run = nullptr;
    lock.lock();
  }
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
