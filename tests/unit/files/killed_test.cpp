// A program that is killed at random moments while it writes a file again and again: the file is one of its versions,
// whole. WEIR_KILLS says how often, WEIR_KILL_SEED repeats the moments.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "files/output_file.hpp"

namespace weir::files {
namespace {

namespace fs = std::filesystem;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

constexpr std::size_t smallest = 100'000, step = 1000;

/// Versions have different lengths, so parts of two are no version. Every other one is filled in place.
void write_version(const std::string& path, std::size_t version) {
  const char letter = static_cast<char>('a' + version % 26);
  const std::size_t bytes = smallest + version % 100 * step;
  OutputFile file(path);
  if (version % 2 == 0) {
    const auto image = file.reserve(bytes);
    std::memset(image.data(), letter, image.size());
  } else {
    for (std::size_t done = 0; done < bytes; done += step) file.write(std::string(step, letter));
  }
  file.commit();
}

bool is_version(const std::string& text) {
  if (text.size() < smallest || (text.size() - smallest) % step != 0) return false;
  const std::size_t version = (text.size() - smallest) / step;  // of 100; its letter is one of those
  const bool one_letter = std::ranges::all_of(text, [&](char each) { return each == text.front(); });
  for (std::size_t each = version; each < 26 * 100; each += 100) {
    if (one_letter && text.front() == static_cast<char>('a' + each % 26)) return true;
  }
  return false;
}

TEST(OutputOfAKilledProgram, IsAWholeVersion) {
  const std::uint64_t kills = number_from("WEIR_KILLS", 30);
  const std::uint64_t seed = number_from("WEIR_KILL_SEED", std::random_device{}());
  SCOPED_TRACE("WEIR_KILL_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::string folder = (fs::temp_directory_path() / "weir-killed-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/out";
  std::uint64_t unfinished = 0;
  for (std::uint64_t i = 0; i < kills; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (std::size_t version = i;; ++version) write_version(path, version);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));  // the moment
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    for (const fs::directory_entry& each : fs::directory_iterator(folder)) {
      if (each.path() == path) continue;
      ASSERT_EQ(each.path().filename().string().find(".weir-unfinished-"), 0u);
      ++unfinished;
      fs::remove(each.path());
    }
    if (!fs::exists(path)) continue;
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    ASSERT_TRUE(is_version(text.str())) << "after kill " << i << ": " << text.str().size() << " bytes";
  }
  std::printf("killed %llu times, in the middle of a file %llu times\n", static_cast<unsigned long long>(kills),
              static_cast<unsigned long long>(unfinished));
  EXPECT_TRUE(fs::exists(path));
  EXPECT_NE(unfinished, 0u);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace weir::files
