#include "progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

namespace weir::tool {
namespace {

constexpr int width = 30;
constexpr std::size_t before_label = width + 7, longest_left = 17;

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
  const std::size_t left = columns > before_label + longest_left + 1 ? columns - before_label - longest_left - 1 : 0;
  if (shown.size() > left) shown.erase(0, shown.size() - left);
  return shown;
}

/// As long as the rest takes at the pace so far, in the two largest units; nothing while that is a guess.
std::string time_left(std::chrono::duration<double> passed, double part_done) {
  if (passed.count() < 1 || part_done <= 0) return {};
  const auto seconds = static_cast<std::uint64_t>(passed.count() / part_done * (1 - part_done) + 0.5);
  if (seconds >= 3600) return fmt::format("{} h {:2} min left", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{} min {:2} s left", seconds / 60, seconds % 60);
  return fmt::format("{} s left", seconds);
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
  const double part = all == 0 ? 1 : static_cast<double>(done) / static_cast<double>(all);
  fmt::print(stderr, "\r\033[K{:#<{}}{:.<{}} {:3} % {} {}", "", filled, "", width - filled, percent, label_,
             time_left(std::chrono::steady_clock::now() - started_, part));
  std::fflush(stderr);
}

void Progress::tell(const std::string& text) {
  if (!terminal_) return;
  shown_ = 0;
  fmt::print(stderr, "\r\033[K{}", text.substr(0, columns_there() - 1));
  std::fflush(stderr);
}

void Progress::note(const std::string& text) {
  fmt::print(stderr, "{}weir: {}\n", terminal_ && shown_ >= 0 ? "\r\033[K" : "", text);
  std::fflush(stderr);
  shown_ = -1;  // the bar comes again below it
}

}  // namespace weir::tool
