#include "workloads/lidar/files/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <weir/errors.hpp>

namespace weir::lidar {
namespace {

constexpr std::uint64_t plain_scratch = std::uint64_t{256} << 20;

[[noreturn]] void fail(const std::string& call, const std::string& path, int code, std::uint64_t bytes = 0) {
  const std::string text = path + ": " + call + ": " + std::strerror(code) +
                           (bytes != 0 ? " (" + std::to_string(bytes) + " bytes)" : std::string());
  if (code == ENOENT) throw NotFound(text, {.name = path, .native_code = code});
  throw DriverError(text, {.name = path, .bytes_asked = bytes, .native_code = code});
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value) noexcept : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const noexcept { return value_; }

 private:
  int value_;
};

std::span<std::byte> map(int descriptor, std::uint64_t bytes, int protection, int flags, const std::string& path) {
  if (bytes == 0) return {};
  void* const address = ::mmap(nullptr, bytes, protection, flags, descriptor, 0);
  if (address == MAP_FAILED) fail("mmap", path, errno, bytes);
  return {static_cast<std::byte*>(address), bytes};
}

void unmap(std::span<const std::byte> bytes) noexcept {
  if (!bytes.empty()) ::munmap(const_cast<std::byte*>(bytes.data()), bytes.size());
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("open", path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("fstat", path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw InvalidArgument(path + ": is not a regular file, so it cannot be memory-mapped", {.name = path});
  }
  bytes_ = map(file.get(), static_cast<std::uint64_t>(status.st_size), PROT_READ, MAP_SHARED, path);
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}
MappedFile::~MappedFile() { unmap(bytes_); }

Scratch::Scratch(const std::string& folder, std::uint64_t bytes) {
  if (bytes <= plain_scratch) {
    bytes_ = map(-1, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, "scratch memory");
    ::madvise(bytes_.data(), bytes_.size(), MADV_HUGEPAGE);  // fewer faults; no matter where it cannot
    return;
  }
  std::string name = (folder.empty() ? "." : folder) + "/weir-lidar-XXXXXX";
  const Descriptor file(::mkstemp(name.data()));
  if (file.get() < 0) fail("mkstemp", name, errno);
  ::unlink(name.c_str());
  const int code = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  if (code != 0) fail("posix_fallocate", folder, code, bytes);
  bytes_ = map(file.get(), bytes, PROT_READ | PROT_WRITE, MAP_SHARED, name);
}
Scratch::~Scratch() { unmap(bytes_); }

}  // namespace weir::lidar
