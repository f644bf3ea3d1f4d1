#include "files/input_file.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"

namespace weir::files {

void refuse_input(const std::filesystem::path& path, int code) {
  throw DriverError(printable(path.string()) + ": cannot be read: " + std::generic_category().message(code),
                    {.name = path.string(), .native_code = code});
}

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "rbe")) {
  if (!file_) refuse_input(path_, errno);
}

std::size_t InputFile::read(std::span<char> to) {
  const std::size_t count = std::fread(to.data(), 1, to.size(), file_.get());
  if (std::ferror(file_.get()) != 0) refuse_input(path_, errno);
  return count;
}

void InputFile::rewind() {
  if (std::fseek(file_.get(), 0, SEEK_SET) != 0) refuse_input(path_, errno);
}

std::uintmax_t InputFile::size() const {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path_, error);
  if (error) refuse_input(path_, error.value());
  return size;
}

Source InputFile::source() {
  return {[this](std::span<char> to) { return read(to); }};
}

}  // namespace weir::files
