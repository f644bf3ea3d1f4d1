// Starts children, reads their output and waits for them.
#include "child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sstream>

namespace bench {
namespace {

/// Reads until the other end is closed, or to the end of a line; false where the deadline came first.
bool read_all(int descriptor, std::chrono::steady_clock::time_point deadline, bool to_line_end, std::string& text) {
  std::array<char, 4096> buffer{};
  while (!to_line_end || !text.ends_with('\n')) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{descriptor, POLLIN, 0};
    if (left <= 0 || poll(&waiting, 1, static_cast<int>(left)) == 0) return false;
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return true;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    if (count < 0 && errno != EINTR) return true;
  }
  return true;
}

/// Starts a program whose stdout, and stdin where that is to be so, is the descriptor, which is closed here.
pid_t start(const std::filesystem::path& program, const std::vector<std::string>& arguments, int descriptor,
            bool and_stdin) {
  std::vector<std::string> words{program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, descriptor, STDOUT_FILENO);
  if (and_stdin) posix_spawn_file_actions_adddup2(&actions, descriptor, STDIN_FILENO);
  pid_t child = 0;
  const int failed = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(descriptor);
  if (failed == 0) return child;
  throw ChildFailed(program.filename().string() + ": cannot be started: " + std::strerror(failed));
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

Numbers numbers_of(const std::string& name, const std::string& text) {
  Numbers numbers;
  std::istringstream line(text);
  std::string key;
  for (double value = 0; line >> key >> value;) numbers[key] = value;
  if (numbers.empty() || !line.eof()) throw ChildFailed(name + ": printed no numbers: " + text);
  return numbers;
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
  pid_t child = 0;
  try {
    child = start(program, arguments, ends[1], false);
  } catch (...) {
    close(ends[0]);
    throw;
  }

  Output output;
  const bool ended = read_all(ends[0], std::chrono::steady_clock::now() + deadline, false, output.text);
  close(ends[0]);
  if (!ended) kill(child, SIGKILL);
  output.status = wait_for(child);
  if (!ended) throw ChildFailed(name + ": killed after " + std::to_string(deadline.count()) + " s");
  return output;
}

Numbers run_for_numbers(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                        std::chrono::seconds deadline) {
  const Output output = run_program(program, arguments, deadline);
  const std::string name = program.filename();
  if (output.status != 0) throw ChildFailed(name + ": ended with status " + std::to_string(output.status));
  return numbers_of(name, output.text);
}

Partner::Partner(const std::filesystem::path& program, const std::vector<std::string>& arguments)
    : name_(program.filename()) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw ChildFailed(name_ + ": no socket: " + std::strerror(errno));
  }
  socket_ = ends[0];
  try {
    child_ = start(program, arguments, ends[1], true);
  } catch (...) {
    close(socket_);
    throw;
  }
}

Partner::~Partner() {
  close(socket_);
  kill(child_, SIGKILL);
  wait_for(child_);
}

Numbers Partner::ask(std::chrono::seconds deadline) {
  std::string text;
  const bool sent = send(socket_, "\n", 1, MSG_NOSIGNAL) == 1;
  if (!sent || !read_all(socket_, std::chrono::steady_clock::now() + deadline, true, text)) {
    throw ChildFailed(name_ + ": does not answer");
  }
  return numbers_of(name_, text);
}

}  // namespace bench
