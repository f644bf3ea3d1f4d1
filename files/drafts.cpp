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

// What a signal's handler may read: names of drafts, in memory that is never given back, and whose they are. A forked
// child gets the names too, but its parent still writes those files.
struct Place {
  std::array<char, 4096> name{};
  std::atomic<bool> taken = false;
};
std::array<Place, 16> places;
std::atomic<pid_t> owner;
std::mutex mutex;

constexpr std::array ending{SIGHUP,  SIGINT,  SIGQUIT, SIGPIPE, SIGTERM,
                            SIGXCPU, SIGXFSZ, SIGBUS,  SIGABRT, SIGSEGV};

// Its own action is the default again by now, so the signal ends the program when this returns.
extern "C" void remove_drafts(int signal) {
  if (::getpid() == owner.load()) {
    for (const Place& place : places) {
      if (place.taken) ::unlink(place.name.data());
    }
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
  owner = ::getpid();
  watch_signals();
  for (Place& place : places) {
    if (place.taken || path.size() >= place.name.size()) continue;
    std::memcpy(place.name.data(), path.c_str(), path.size() + 1);
    place.taken = true;
    return;
  }
}

void forget(const std::string& path) noexcept {
  const std::lock_guard lock(mutex);
  for (Place& place : places) {
    if (place.taken && path == place.name.data()) place.taken = false;
  }
}

}  // namespace

Draft::Draft(const std::string& folder, const std::string& wanted) {
  static std::atomic<unsigned> count{0};
  for (;;) {
    path_ = folder + "/.weir-unfinished-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    remember(path_);  // before it is there, so that no signal comes between
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    const int code = errno;
    forget(path_);
    if (code == EEXIST) continue;  // of a process that had this number and was killed
    const std::string text = wanted + ": no file can be made in the folder " + folder + ": " + std::strerror(code);
    if (code == ENOENT || code == ENOTDIR) throw NotFound(text, {.name = wanted, .native_code = code});
    throw DriverError(text, {.name = wanted, .native_code = code});
  }
}

Draft::~Draft() {
  remove_name();
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Draft::remove_name() noexcept {
  if (path_.empty()) return;
  ::unlink(path_.c_str());
  forget(path_);
  path_.clear();
}

void Draft::rename_to(const std::string& target) {
  // What a network's file system could not write is told when the file is closed.
  if (::close(std::exchange(descriptor_, -1)) != 0 || ::rename(path_.c_str(), target.c_str()) != 0) {
    const int code = errno;
    throw DriverError(target + ": " + std::strerror(code), {.name = target, .native_code = code});
  }
  forget(path_);
  path_.clear();
}

}  // namespace weir::files
