// Writes results beside the command that made them.
#include "archive.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace bench {
namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text;
  if (!stream.flush()) throw std::runtime_error(file.string() + ": cannot be written");
}

}  // namespace

std::string describe_machine() {
  utsname system{};
  uname(&system);
  return fmt::format("{}, {} cores\n{} {}\nweir_bench built with {}\n", processor(),
                     std::thread::hardware_concurrency(), system.sysname, system.release, __VERSION__);
}

std::string archive(const std::string& results, const Record& record) {
  const std::string date = fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
  const std::filesystem::path folder = std::filesystem::path(results) / (date + "-" + record.machine);
  std::error_code ignored;  // writing says what is wrong
  std::filesystem::create_directories(folder, ignored);
  write(folder / (record.name + ".txt"), fmt::format("$ {}\n{}\n{}", record.command, describe_machine(), record.text));
  write(folder / (record.name + ".json"), record.raw.dump(1) + '\n');
  return folder;
}

}  // namespace bench
