#include "output_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <weir/errors.hpp>

namespace weir::files {
namespace {

constexpr int max_links = 40;  // as the system follows

/// Where a path that names no file yet leads through links, and where a file is.
std::filesystem::path behind_links(std::filesystem::path path) {
  std::error_code none;
  for (int i = 0; i < max_links && std::filesystem::is_symlink(path, none); ++i) {
    const std::filesystem::path next = std::filesystem::read_symlink(path, none);
    if (none) break;
    path = path.parent_path() / next;  // an absolute one stands alone
  }
  return path;
}

/// Whether the standard output is that file.
bool is_standard(const struct stat& status) noexcept {
  struct stat standard {};
  if (::fstat(STDOUT_FILENO, &standard) != 0) return false;
  return standard.st_dev == status.st_dev && standard.st_ino == status.st_ino;
}

/// 0, or the system's code.
int write_all(int descriptor, const char* from, std::size_t bytes) noexcept {
  while (bytes != 0) {
    const ssize_t done = ::write(descriptor, from, std::min<std::size_t>(bytes, std::size_t{1} << 30));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    from += done;
    bytes -= static_cast<std::size_t>(done);
  }
  return 0;
}

const char* kind_of(mode_t mode) noexcept {
  if (S_ISDIR(mode)) return "a folder; name a file in it";
  if (S_ISBLK(mode)) return "a block device, which weir does not write to";
  if (S_ISSOCK(mode)) return "a socket, which weir does not write to";
  return "not a file that weir can write";
}

}  // namespace

void OutputFile::fail(const std::string& what, int code, std::uint64_t bytes) const {
  const std::string asked = bytes == 0 ? std::string() : " (" + std::to_string(bytes) + " bytes)";
  throw DriverError(path_ + ": " + what + ": " + std::strerror(code) + asked,
                    {.name = path_, .bytes_asked = bytes, .native_code = code});
}

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) throw InvalidArgument("the name of the output file is empty", {.name = "output"});
  resolve();
  if (through_ >= 0) {
    // What is reserved is not beside a device.
    std::error_code code;
    folder_ = std::filesystem::temp_directory_path(code).string();
    if (code) {
      throw NotFound(path_ + ": there is no folder for temporary files: " + code.message() +
                         "; name one with the environment variable TMPDIR",
                     {.name = path_, .native_code = code.value()});
    }
    draft_ = std::make_unique<Draft>(folder_, path_);
    draft_->remove_name();
    return;
  }
  folder_ = std::filesystem::path(target_).parent_path().string();
  if (folder_.empty()) folder_ = ".";
  draft_ = std::make_unique<Draft>(folder_, path_);
  if (before_) keep_owner();
}

// Who may not give the file away keeps the group at least, and else takes away what the old group was permitted and
// the new one was not. Permissions come last, as a change of owner takes some away. A file system without any has none
// to keep.
void OutputFile::keep_owner() const noexcept {
  struct stat now {};
  const int file = draft_->descriptor();
  ::mode_t mode = before_->st_mode & 07777u;
  if (::fchown(file, before_->st_uid, before_->st_gid) != 0) {
    static_cast<void>(::fchown(file, static_cast<uid_t>(-1), before_->st_gid) == 0);
  }
  if (::fstat(file, &now) == 0 && now.st_uid != before_->st_uid) mode &= ~static_cast<::mode_t>(S_ISUID);
  if (now.st_gid != before_->st_gid) mode &= ~static_cast<::mode_t>(S_IRWXG | S_ISGID);
  ::fchmod(file, mode);
}

bool OutputFile::terminal() const noexcept { return through_ >= 0 && ::isatty(through_) == 1; }

void OutputFile::resolve() {
  struct stat status {};
  standard_ = path_ == "-";
  if (!standard_ && ::stat(path_.c_str(), &status) == 0) {
    before_ = status;
    standard_ = !S_ISCHR(status.st_mode) && is_standard(status);
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode) || standard_) {
      through_ = standard_ ? ::dup(STDOUT_FILENO) : ::open(path_.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
      if (through_ < 0) fail("open", errno);
      return;
    }
    if (!S_ISREG(status.st_mode)) {
      throw InvalidArgument(path_ + ": is " + kind_of(status.st_mode), {.name = path_});
    }
    if (::access(path_.c_str(), W_OK) != 0) fail("not writable", errno);
    target_ = std::filesystem::canonical(path_).string();
    return;
  }
  if (standard_) {
    through_ = ::dup(STDOUT_FILENO);
    if (through_ < 0) fail("the standard output", errno);
    return;
  }
  if (errno != ENOENT) fail("stat", errno);
  if (path_.back() == '/') throw InvalidArgument(path_ + ": is a folder; name a file in it", {.name = path_});
  target_ = behind_links(path_).string();
}

OutputFile::~OutputFile() {
  if (!image_.empty()) ::munmap(image_.data(), image_.size());
  if (through_ >= 0) ::close(through_);
}

bool OutputFile::same_as(const OutputFile& other) const noexcept {
  if (standard_ || other.standard_) return standard_ && other.standard_;
  if (target_.empty() || other.target_.empty()) return target_.empty() && other.target_.empty() && path_ == other.path_;
  std::error_code none;
  const auto absolute = [&](const std::string& path) { return std::filesystem::weakly_canonical(path, none); };
  return absolute(target_) == absolute(other.target_);
}

std::span<std::byte> OutputFile::reserve(std::uint64_t bytes) {
  if (bytes == 0) return {};
  const int code = ::posix_fallocate(draft_->descriptor(), 0, static_cast<off_t>(bytes));
  if (code != 0) fail("posix_fallocate", code, bytes);
  void* const address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, draft_->descriptor(), 0);
  if (address == MAP_FAILED) fail("mmap", errno, bytes);
  image_ = {static_cast<std::byte*>(address), bytes};
  return image_;
}

void OutputFile::write(std::string_view text) {
  const int code = write_all(through_ >= 0 ? through_ : draft_->descriptor(), text.data(), text.size());
  if (code != 0) fail("write", code, text.size());
}

void OutputFile::commit() {
  if (through_ >= 0) {
    if (!image_.empty()) write({reinterpret_cast<const char*>(image_.data()), image_.size()});
    if (::close(std::exchange(through_, -1)) != 0) fail("close", errno);
    draft_.reset();
    return;
  }
  if (!image_.empty()) {
    const std::span<std::byte> image = std::exchange(image_, {});
    ::munmap(image.data(), image.size());
  }
  draft_->rename_to(target_);
  draft_.reset();
}

}  // namespace weir::files
