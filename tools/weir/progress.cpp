#include "progress.hpp"

#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

namespace weir::tool {
namespace {

constexpr int width = 40;

}  // namespace

Progress::Progress(std::string label) : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1) {}

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

}  // namespace weir::tool
