#include "drafts.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

#include <weir/errors.hpp>

namespace weir::files {
namespace {

// What a signal's handler may read: names of drafts, in memory that is never given back, and the process that writes
// each. A forked child gets the names too, but its parent still writes those files.
struct Place {
  std::array<char, 4096> name{};
  std::atomic<pid_t> owner = 0;  ///< 0: the place is free
};
std::array<Place, 16> places;
std::mutex mutex;

constexpr std::array ending{SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGTERM, SIGXCPU,   SIGXFSZ, SIGBUS, SIGABRT, SIGSEGV,
                            SIGUSR1, SIGUSR2, SIGALRM, SIGPROF, SIGILL,  SIGVTALRM, SIGFPE,  SIGSYS, SIGTRAP};

// Its own action is the default again by now, so the signal ends the program when this returns.
extern "C" void remove_drafts(int signal) {
  const pid_t self = ::getpid();
  for (const Place& place : places) {
    if (place.owner == self) ::unlink(place.name.data());
  }
  std::raise(signal);
}

void watch_signals() noexcept {
  for (const int signal : ending) {
    struct sigaction known {};
    if (::sigaction(signal, nullptr, &known) != 0) continue;
    if ((known.sa_flags & SA_SIGINFO) != 0 || known.sa_handler != SIG_DFL) continue;
    struct sigaction ours {};
    ours.sa_handler = remove_drafts;
    ours.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(signal, &ours, nullptr);
  }
}

/// Puts the name where a handler finds it; of more drafts than places, those beyond are not removed by signals.
void remember(const std::string& path) noexcept {
  const std::lock_guard lock(mutex);
  const pid_t self = ::getpid();
  watch_signals();
  for (Place& place : places) {
    // A forked child has its own copy of the places, and its parent's drafts are none of its business.
    if (place.owner == self || path.size() >= place.name.size()) continue;
    place.owner = 0;
    std::memcpy(place.name.data(), path.c_str(), path.size() + 1);
    place.owner = self;
    return;
  }
}

void forget(const std::string& path) noexcept {
  const std::lock_guard lock(mutex);
  const pid_t self = ::getpid();
  for (Place& place : places) {
    if (place.owner == self && path == place.name.data()) place.owner = 0;
  }
}

}  // namespace

Draft::Draft(const std::string& folder, const std::string& wanted) {
  static std::atomic<unsigned> count{0};
  for (;;) {
    maker_ = ::getpid();
    path_ = folder + "/.weir-unfinished-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    remember(path_);  // before it is there, so that no signal comes between
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    const int code = errno;
    forget(path_);
    if (code == EEXIST) continue;  // of a process that had this number and was killed
    const std::string text = wanted + ": cannot create a file in the folder " + folder + ": " + std::strerror(code);
    if (code == ENOENT || code == ENOTDIR) throw NotFound(text, {.name = wanted, .native_code = code});
    throw DriverError(text, {.name = wanted, .native_code = code});
  }
}

Draft::~Draft() {
  remove_name();
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Draft::remove_name() noexcept {
  if (path_.empty() || ::getpid() != maker_) return;  // in a forked child it is its parent's
  ::unlink(path_.c_str());
  forget(path_);
  path_.clear();
}

void Draft::rename_to(const std::string& target) {
  // The contents reach the disk before the name does: else a machine that loses its power in between may come back with
  // the name of a file whose contents are lost, in the place of one that was whole. A file system that has no such
  // order says EINVAL. What a network's file system could not write is told when the file is closed.
  if ((::fdatasync(descriptor_) != 0 && errno != EINVAL && errno != EROFS) ||
      ::close(std::exchange(descriptor_, -1)) != 0 || ::rename(path_.c_str(), target.c_str()) != 0) {
    const int code = errno;
    throw DriverError(target + ": " + std::strerror(code), {.name = target, .native_code = code});
  }
  forget(path_);
  path_.clear();
}

}  // namespace weir::files
