// Writes results beside the command that made them.
#include "archive.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>

#include <ctime>
#include <filesystem>
#include <fstream>
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

/// Of today's runs, there when this returns.
std::string folder_for(const std::string& results, const std::string& machine) {
  const std::string date = fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
  const std::filesystem::path folder = std::filesystem::path(results) / (date + "-" + machine);
  std::error_code ignored;  // the files say what is wrong
  std::filesystem::create_directories(folder, ignored);
  return folder;
}

}  // namespace

std::string describe_machine() {
  utsname system{};
  uname(&system);
  return fmt::format("{}, {} cores\n{} {}\nweir_bench built with {}\n", processor(),
                     std::thread::hardware_concurrency(), system.sysname, system.release, __VERSION__);
}

Archive::Archive(const std::string& results, const std::string& machine, const std::string& name)
    : folder_(folder_for(results, machine)),
      text_(folder_ + "/" + name + ".txt"),
      raw_(folder_ + "/" + name + ".json") {}

void Archive::keep(const std::string& command, const std::string& text, const nlohmann::ordered_json& raw) {
  text_.write(fmt::format("$ {}\n{}\n{}", command, describe_machine(), text));
  raw_.write(raw.dump(1) + '\n');
  text_.commit();
  raw_.commit();
}

}  // namespace bench
