// Starts children, reads their output and waits for them.
#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

namespace bench {
namespace {

/// Reads until the other end is closed; false where the deadline came first.
bool read_all(int descriptor, std::chrono::steady_clock::time_point deadline, std::string& text) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{descriptor, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0) return false;
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return true;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) return true;
  }
}

}  // namespace

std::filesystem::path sibling(const std::string& program) {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / program;
}

Output run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                   std::chrono::seconds deadline) {
  const std::string name = program.filename();
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw ChildFailed(name + ": no pipe: " + std::strerror(errno));
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t child = 0;
  const int failed = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    throw ChildFailed(name + ": cannot be started: " + std::strerror(failed));
  }

  Output output;
  const bool ended = read_all(ends[0], std::chrono::steady_clock::now() + deadline, output.text);
  close(ends[0]);
  if (!ended) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) throw ChildFailed(name + ": killed after " + std::to_string(deadline.count()) + " s");
  output.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return output;
}

Numbers run_for_numbers(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                        std::chrono::seconds deadline) {
  const Output output = run_program(program, arguments, deadline);
  const std::string name = program.filename();
  if (output.status != 0) throw ChildFailed(name + ": ended with status " + std::to_string(output.status));
  Numbers numbers;
  std::istringstream line(output.text);
  std::string key;
  for (double value = 0; line >> key >> value;) numbers[key] = value;
  if (numbers.empty() || !line.eof()) throw ChildFailed(name + ": printed no numbers: " + output.text);
  return numbers;
}

}  // namespace bench
