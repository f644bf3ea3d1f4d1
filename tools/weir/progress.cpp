#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

namespace weir::tool {
namespace {

constexpr int width = 30;
constexpr std::size_t before_label = width + 7;

/// Of the terminal.
std::size_t columns_there() {
  winsize terminal{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &terminal) == 0 && terminal.ws_col != 0;
  return known ? terminal.ws_col : 80;
}

/// The end of a label, where a path has its file's name, short enough that the bar stays on one line.
std::string fitting(const std::string& label) {
  std::string shown = label;
  const std::size_t columns = columns_there();
  const std::size_t room = columns > before_label + 1 ? columns - before_label - 1 : 0;
  if (shown.size() > room) shown.erase(0, shown.size() - room);
  return shown;
}

}  // namespace

Progress::Progress(const std::string& label) : terminal_(isatty(STDERR_FILENO) == 1) {
  if (terminal_) label_ = fitting(label);
}

Progress::~Progress() {
  if (terminal_ && shown_ >= 0) fmt::print(stderr, "\r\033[K");
}

void Progress::show(std::uint64_t done, std::uint64_t all) {
  const int percent = all == 0 ? 100 : static_cast<int>(done * 100 / all);
  if (!terminal_ || percent == shown_) return;
  shown_ = percent;
  const int filled = percent * width / 100;
  fmt::print(stderr, "\r\033[K{:#<{}}{:.<{}} {:3} % {}", "", filled, "", width - filled, percent, label_);
  std::fflush(stderr);
}

void Progress::tell(const std::string& text) {
  if (!terminal_) return;
  shown_ = 0;
  fmt::print(stderr, "\r\033[K{}", text.substr(0, columns_there() - 1));
  std::fflush(stderr);
}

}  // namespace weir::tool
