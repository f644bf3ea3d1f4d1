#include "compute/stream_clock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

namespace weir::compute {

// "run_ns waited_ns times", both since the thread began.
std::chrono::nanoseconds waited_for_processor() noexcept {
  const int file = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::array<char, 96> text{};
  const ssize_t length = ::read(file, text.data(), text.size() - 1);
  ::close(file);
  if (length <= 0) return {};
  char* rest = nullptr;
  static_cast<void>(std::strtoull(text.data(), &rest, 10));
  return std::chrono::nanoseconds(std::strtoull(rest, nullptr, 10));
}

namespace {

/// All threads of the process, those that have ended too.
double processors_used() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

TeamClock::TeamClock() noexcept : waited_(waited_for_processor()), used_(processors_used()) {}

double TeamClock::lost(double seconds, std::size_t threads) const noexcept {
  const double share = (processors_used() - used_) / static_cast<double>(std::max<std::size_t>(threads, 1));
  const double waited = std::chrono::duration<double>(waited_for_processor() - waited_).count();
  return std::max(seconds - waited - share, 0.0);
}

void StreamClock::stamp(Stamp& stamp) noexcept {
  stamp.waited = waited_for_processor().count();
  stamp.by = std::this_thread::get_id();
  stamp.time = Clock::now().time_since_epoch().count();
}

void StreamClock::start(Device& device, StreamId stream) {
  stamps_ = std::make_shared<Stamps>();
  device.run(stream, [stamps = stamps_] { stamp(stamps->begin); });
}

void StreamClock::stop(Device& device, StreamId stream) {
  device.run(stream, [stamps = stamps_] { stamp(stamps->end); });
}

std::chrono::nanoseconds StreamClock::passed() const noexcept {
  if (!stamps_ || stamps_->end.time == 0) return {};
  const Stamp &begin = stamps_->begin, &end = stamps_->end;
  const std::chrono::nanoseconds all = Clock::duration(end.time - begin.time);
  const std::chrono::nanoseconds waited(begin.by.load() == end.by.load() ? end.waited - begin.waited : 0);
  return std::max(all - waited, std::chrono::nanoseconds(0));
}

}  // namespace weir::compute
