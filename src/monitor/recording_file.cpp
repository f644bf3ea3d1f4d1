#include "monitor/recording_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include <weir/errors.hpp>

#include "monitor/block_writer.hpp"

namespace weir::monitor {

namespace {

/// One line, whatever the name.
std::string shown(std::string path) {
  for (char& c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return path;
}

/// While one lives, a write past the process's limit is an error and no signal to the calling thread.
class NoSignal {
 public:
  NoSignal() noexcept {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  NoSignal(const NoSignal&) = delete;
  NoSignal& operator=(const NoSignal&) = delete;
  ~NoSignal() {
    // One that came meanwhile is taken, unless the program keeps them waiting itself.
    if (sigismember(&before_, SIGXFSZ) == 0) {
      const timespec at_once{};
      while (sigtimedwait(&signal_, nullptr, &at_once) > 0) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t signal_{};
  sigset_t before_{};
};

std::string reason(int code) { return std::error_code(code, std::generic_category()).message(); }

}  // namespace

std::string with_process(std::string path) {
  constexpr std::string_view mark = "%p";
  const std::string number = std::to_string(getpid());
  for (std::size_t at = path.find(mark); at != std::string::npos; at = path.find(mark, at + number.size())) {
    path.replace(at, mark.size(), number);
  }
  return path;
}

RecordingFile::RecordingFile(const std::string& path, bool from_ring) : path_(with_process(path)) {
  if (path_.empty()) throw InvalidArgument("a recording's path is empty", {.name = "record"});
  try {
    if (!open()) {
      path_ += '.' + std::to_string(getpid());
      if (!open()) fail(EWOULDBLOCK);
    }
    check();
    if (ftruncate(file_, 0) != 0) fail(errno);
    if (const std::string error = write_all(file_header(starting_now(from_ring))); !error.empty()) {
      throw DriverError(error, {.name = path_});
    }
  } catch (...) {
    if (file_ >= 0) close(file_);
    throw;
  }
}

RecordingFile::~RecordingFile() { close(file_); }

void RecordingFile::fail(int code) const {
  const std::string text = "recording " + shown(path_) + ": " + reason(code);
  if (code == ENOENT) throw NotFound(text + "; its folder is missing", {.name = path_});
  if (code == EISDIR) throw InvalidArgument(text + "; a recording is one file", {.name = path_});
  throw DriverError(text, {.name = path_, .native_code = code});
}

// False where another process has it. Not to wait for the other end of a pipe, nothing is opened blocking.
bool RecordingFile::open() {
  constexpr mode_t permissions = 0666;
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, permissions);
  if (file_ < 0) fail(errno);
  if (flock(file_, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) return true;  // a file system without locks
  close(file_);
  file_ = -1;
  return false;
}

void RecordingFile::check() const {
  struct stat known {};
  if (fstat(file_, &known) != 0) fail(errno);
  if (!S_ISREG(known.st_mode)) {
    throw InvalidArgument("recording " + shown(path_) + ": is no regular file; name one", {.name = path_});
  }
  if (known.st_size == 0) return;
  std::array<char, file_magic.size()> start{};
  const ssize_t count = pread(file_, start.data(), start.size(), 0);
  if (count == static_cast<ssize_t>(start.size()) && std::string_view(start.data(), start.size()) == file_magic) return;
  throw InvalidArgument(
      "recording " + shown(path_) + ": the file exists and is no recording; name another one, or remove it",
      {.name = path_});
}

std::string RecordingFile::write_all(std::span<const char> bytes) {
  const NoSignal none;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(bytes_ + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      const int code = count < 0 ? errno : ENOSPC;
      // What is there ends with a whole block.
      static_cast<void>(ftruncate(file_, static_cast<off_t>(bytes_)) != 0);
      return "recording " + shown(path_) + " ends after " + std::to_string(bytes_) + " bytes: " + reason(code);
    }
    done += static_cast<std::size_t>(count);
  }
  bytes_ += bytes.size();
  return {};
}

std::string RecordingFile::write(BlockKind, std::uint16_t, std::span<const char> block) { return write_all(block); }

}  // namespace weir::monitor
