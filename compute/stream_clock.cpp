#include "compute/stream_clock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

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
