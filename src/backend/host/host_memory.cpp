#include "backend/host/host_memory.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

#include "core/lazy_memory.hpp"

namespace weir::backend::host {
namespace {

using Bytes = std::optional<std::uint64_t>;

// A number alone; "max", and one that is too large to be one, are none.
Bytes number_in(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Bytes number_in_file(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  return std::getline(file, line) ? number_in(line) : std::nullopt;
}

// Of a file of lines "name value" or "name: value kB".
Bytes value_in_file(const std::string& path, std::string_view name) {
  constexpr std::uint64_t kibibyte = 1024;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    std::string value;
    std::string unit;
    words >> key >> value >> unit;
    if (key != name) continue;
    const Bytes found = number_in(value);
    if (!found || unit != "kB") return found;
    return *found > UINT64_MAX / kibibyte ? std::nullopt : Bytes(*found * kibibyte);
  }
  return std::nullopt;
}

void bound(Bytes& value, Bytes by) {
  if (by) value = value ? std::min(*value, *by) : by;
}

std::uint64_t minus(std::uint64_t from, std::uint64_t what) { return from - std::min(from, what); }

// What one version of control groups calls its files.
struct Names {
  const char* limit;
  const char* usage;
  const char* reclaimable;  // of memory.stat: cached file pages that the system drops first
};
constexpr Names version_1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr Names version_2{"memory.max", "memory.current", "inactive_file"};

bool has_part(std::string_view list, std::string_view part) {
  std::istringstream parts{std::string(list)};
  for (std::string each; std::getline(parts, each, ',');) {
    if (each == part) return true;
  }
  return false;
}

// Where groups are mounted, and which of them is there: of a line of mountinfo.
struct Mount {
  std::string group;
  std::string folder;
};
std::optional<Mount> mount_of(const std::string& line, bool second) {
  std::istringstream words(line);
  std::string skipped;
  Mount mount;
  words >> skipped >> skipped >> skipped >> mount.group >> mount.folder;
  while (words >> skipped && skipped != "-") {
  }
  std::string type;
  std::string options;
  words >> type >> skipped >> options;
  if (!words || mount.folder.empty()) return std::nullopt;
  const bool wanted = second ? type == "cgroup2" : type == "cgroup" && has_part(options, "memory");
  return wanted ? std::optional(mount) : std::nullopt;
}

// A group's bounds, and those of the groups around it.
void bound_by_groups(HostMemory& memory, const std::string& root, std::string path, bool second) {
  std::ifstream mounts(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const auto mount = mount_of(line, second);
    if (!mount) continue;
    // What is mounted may begin at a group of its own, in a container; one from outside it is not seen there.
    if (mount->group != "/" && path.starts_with(mount->group)) path.erase(0, mount->group.size());
    if (path.find("..") != std::string::npos) path.clear();
    const Names& names = second ? version_2 : version_1;
    for (;;) {
      while (path.ends_with('/')) path.pop_back();
      const std::string folder = root + mount->folder + path + "/";
      if (const Bytes limit = number_in_file(folder + names.limit)) {
        memory.total = std::min(memory.total, *limit);
        const std::uint64_t used = number_in_file(folder + names.usage).value_or(0);
        const std::uint64_t cached = value_in_file(folder + "memory.stat", names.reclaimable).value_or(0);
        bound(memory.free, minus(*limit, minus(used, cached)));
      }
      if (path.empty()) return;
      path.erase(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    }
  }
}

}  // namespace

ProcessLimits process_limits() noexcept {
  ProcessLimits limits{.addresses = core::address_space_limit(), .data = {}};
  rlimit data{};
  if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY) limits.data = data.rlim_cur;
  return limits;
}

std::optional<std::uint64_t> free_addresses() {
  const std::optional<std::uint64_t> limit = core::address_space_limit();
  if (!limit) return {};
  return minus(*limit, value_in_file("/proc/self/status", "VmSize:").value_or(0));
}

HostMemory host_memory(const ProcessLimits& limits, const std::string& root) {
  HostMemory memory;
  memory.total = value_in_file(root + "/proc/meminfo", "MemTotal:")
                     .value_or(static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                               static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
  memory.free = value_in_file(root + "/proc/meminfo", "MemAvailable:");
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (unified || has_part(controllers, "memory")) bound_by_groups(memory, root, line.substr(second + 1), unified);
  }
  if (limits.addresses) memory.total = std::min(memory.total, *limits.addresses);
  if (limits.data) {
    memory.total = std::min(memory.total, *limits.data);
    bound(memory.free, minus(*limits.data, value_in_file(root + "/proc/self/status", "VmData:").value_or(0)));
  }
  if (memory.free) memory.free = std::min(*memory.free, memory.total);
  return memory;
}

}  // namespace weir::backend::host
