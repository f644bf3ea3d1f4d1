// Outputs: what is there is never destroyed by its name, what cannot be written is an error before the work, and
// nothing unfinished stays.
#include "files/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::files {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class OutputFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-output-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }
  [[nodiscard]] std::string at(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static void make(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  static void put(const std::string& path, const std::string& text) {
    OutputFile file(path);
    file.write(text);
    file.commit();
  }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  template <class Kind>
  static std::string refusal(const std::string& path) {
    try {
      const OutputFile file(path);
    } catch (const Kind& error) {
      EXPECT_THAT(error.message(), HasSubstr(path));
      return error.message();
    }
    ADD_FAILURE() << path << " is not refused so";
    return {};
  }

  fs::path folder_;
};

TEST_F(OutputFiles, TakeTheirNameWhenTheyAreWhole) {
  OutputFile file(at("new"));
  file.write("half, ");
  EXPECT_FALSE(fs::exists(at("new")));
  file.write("whole");
  file.commit();
  EXPECT_EQ(read(at("new")), "half, whole");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(OutputFiles, LeaveWhatWasThereWithoutACommit) {
  make(at("old"), "kept");
  {
    OutputFile file(at("old"));
    file.write("never");
    OutputFile other(at("new"));
    std::memset(other.reserve(100).data(), 1, 100);
  }
  EXPECT_EQ(read(at("old")), "kept");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(OutputFiles, AreFilledInAnyOrder) {
  OutputFile file(at("new"));
  const std::span<std::byte> bytes = file.reserve(10'000);
  ASSERT_EQ(bytes.size(), 10'000u);
  EXPECT_EQ(bytes[77], std::byte{0});
  bytes[9'999] = std::byte{'z'};
  bytes[0] = std::byte{'a'};
  file.commit();
  const std::string text = read(at("new"));
  ASSERT_EQ(text.size(), 10'000u);
  EXPECT_EQ(text.front(), 'a');
  EXPECT_EQ(text.back(), 'z');
}

TEST_F(OutputFiles, KeepPermissions) {
  make(at("old"), "kept");
  fs::permissions(at("old"), fs::perms{0640});
  put(at("old"), "new");
  EXPECT_EQ(fs::status(at("old")).permissions(), fs::perms{0640});
  const mode_t mask = ::umask(027);
  put(at("fresh"), "new");
  ::umask(mask);
  EXPECT_EQ(fs::status(at("fresh")).permissions(), fs::perms{0640});
}

TEST_F(OutputFiles, KeepOwnersAndGroups) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  make(at("old"), "kept");
  ASSERT_EQ(::chown(at("old").c_str(), 1234, 2345), 0);
  fs::permissions(at("old"), fs::perms{06664});
  put(at("old"), "new");
  struct stat after {};
  ASSERT_EQ(::stat(at("old").c_str(), &after), 0);
  EXPECT_EQ(after.st_uid, 1234u);
  EXPECT_EQ(after.st_gid, 2345u);
  EXPECT_EQ(after.st_mode & 07777u, 06664u);
}

TEST_F(OutputFiles, OfOthersLetNoOtherGroupIn) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  make(at("old"), "kept");
  ASSERT_EQ(::chown(at("old").c_str(), 1234, 2345), 0);
  fs::permissions(at("old"), fs::perms{06666});
  fs::permissions(folder_, fs::perms::all);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(3456) != 0 || ::setuid(4567) != 0) ::_exit(1);
    put(at("old"), "new");
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  struct stat after {};
  ASSERT_EQ(::stat(at("old").c_str(), &after), 0);
  EXPECT_EQ(read(at("old")), "new");
  EXPECT_EQ(after.st_uid, 4567u);
  EXPECT_EQ(after.st_mode & 07777u, 0606u);
}

TEST_F(OutputFiles, NameTheirFolder) {
  EXPECT_EQ(OutputFile(at("new")).folder(), folder_.string());
  fs::create_directory(at("far"));
  fs::create_symlink("far/data", at("link"));
  EXPECT_EQ(OutputFile(at("link")).folder(), at("far"));
  EXPECT_EQ(OutputFile("/dev/null").folder(), fs::temp_directory_path().string());
}

TEST_F(OutputFiles, WrittenThroughNeedAFolderForTemporaryFiles) {
  const char* const known = ::getenv("TMPDIR");
  const std::string before = known == nullptr ? "" : known;
  ::setenv("TMPDIR", at("none").c_str(), 1);
  EXPECT_THAT(refusal<NotFound>("/dev/null"), HasSubstr("TMPDIR"));
  if (known == nullptr) {
    ::unsetenv("TMPDIR");
  } else {
    ::setenv("TMPDIR", before.c_str(), 1);
  }
}

TEST_F(OutputFiles, KnowATerminal) {
  EXPECT_FALSE(OutputFile(at("new")).terminal());
  EXPECT_FALSE(OutputFile("/dev/null").terminal());
  const int control = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (control < 0 || ::grantpt(control) != 0 || ::unlockpt(control) != 0) GTEST_SKIP() << "no terminals here";
  const std::string name = ::ptsname(control);
  EXPECT_TRUE(OutputFile(name).terminal());
  ::close(control);
}

TEST_F(OutputFiles, FollowLinksToTheFileBehind) {
  fs::create_directory(at("far"));
  make(at("far/data"), "old");
  fs::create_symlink("far/data", at("one"));
  fs::create_symlink("one", at("two"));
  put(at("two"), "new");
  EXPECT_EQ(read(at("far/data")), "new");
  EXPECT_TRUE(fs::is_symlink(at("one")));
  EXPECT_TRUE(fs::is_symlink(at("two")));
}

TEST_F(OutputFiles, MakeTheFileThatALinkPromises) {
  fs::create_directory(at("far"));
  fs::create_symlink("far/none", at("link"));
  put(at("link"), "new");
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read(at("far/none")), "new");
  fs::create_symlink("round", at("round"));
  static_cast<void>(refusal<DriverError>(at("round")));
}

TEST_F(OutputFiles, ArePassedThroughToDevices) {
  struct stat before {};
  ASSERT_EQ(::stat("/dev/null", &before), 0);
  put("/dev/null", "gone");
  {
    OutputFile file("/dev/null");
    file.reserve(5000)[4999] = std::byte{1};
    file.commit();
  }
  struct stat after {};
  ASSERT_EQ(::stat("/dev/null", &after), 0);
  EXPECT_TRUE(S_ISCHR(after.st_mode));
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mode, after.st_mode);
  OutputFile full("/dev/full");
  EXPECT_THROW(full.write("text"), DriverError);
}

TEST_F(OutputFiles, ArePassedThroughToPipes) {
  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] { got = read(at("pipe")); });
  {
    OutputFile file(at("pipe"));
    const std::span<std::byte> bytes = file.reserve(200'000);  // more than a pipe holds
    std::memset(bytes.data(), 'x', bytes.size());
    file.commit();
  }
  reader.join();
  EXPECT_EQ(got, std::string(200'000, 'x'));
  EXPECT_TRUE(fs::is_fifo(at("pipe")));
  EXPECT_EQ(entries(), 1u);
}

TEST_F(OutputFiles, RefuseWhatIsNoFile) {
  EXPECT_THAT(refusal<InvalidArgument>(folder_.string()), HasSubstr("is a folder"));
  fs::create_directory_symlink(folder_, at("link"));
  EXPECT_THAT(refusal<InvalidArgument>(at("link")), HasSubstr("is a folder"));
  EXPECT_THAT(refusal<InvalidArgument>(at("new/")), HasSubstr("folder"));
  EXPECT_THAT(refusal<NotFound>(at("none/new")), HasSubstr(at("none")));
  make(at("file"), "");
  static_cast<void>(refusal<DriverError>(at("file/new")));
  EXPECT_THROW(OutputFile(""), InvalidArgument);
  EXPECT_EQ(entries(), 2u);
}

TEST_F(OutputFiles, RefuseWhatMayNotBeWritten) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  make(at("fixed"), "kept");
  fs::permissions(at("fixed"), fs::perms{0400});
  EXPECT_THAT(refusal<DriverError>(at("fixed")), HasSubstr("Permission denied"));
  fs::permissions(folder_, fs::perms{0500});
  EXPECT_THAT(refusal<DriverError>(at("new")), HasSubstr("Permission denied"));
}

TEST_F(OutputFiles, WithTooLittleSpaceFailAtOnce) {
  OutputFile file(at("new"));
  EXPECT_THROW(static_cast<void>(file.reserve(std::uint64_t{1} << 60)), DriverError);
}

TEST_F(OutputFiles, KnowEachOther) {
  fs::create_symlink("one", at("link"));
  const OutputFile one(at("one")), link(at("link")), other(at("other")),
      detour(at("../") + folder_.filename().string() + "/one");
  EXPECT_TRUE(one.same_as(link));
  EXPECT_TRUE(one.same_as(detour));
  EXPECT_FALSE(one.same_as(other));
  const OutputFile dash("-"), dash_again("-");
  EXPECT_TRUE(dash.standard_output());
  EXPECT_TRUE(dash.same_as(dash_again));
  EXPECT_FALSE(dash.same_as(one));
}

/// How a child ends that `work`s and then gets a signal.
template <class Work>
int end_of_child(int signal, const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(signal, SIG_DFL);  // a sanitizer or the test's runner may have its own
    work();
    std::raise(signal);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(OutputFiles, LeaveNothingWhenASignalEndsTheProgram) {
  for (const int signal :
       {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGILL, SIGFPE, SIGSYS, SIGTRAP}) {
    const int status = end_of_child(signal, [&] {
      auto* const file = new OutputFile(at("new"));
      file->write("half");
      if (entries() != 1) ::_exit(1);
    });
    ASSERT_TRUE(WIFSIGNALED(status)) << signal;
    EXPECT_EQ(WTERMSIG(status), signal);
    EXPECT_EQ(entries(), 0u) << signal;
  }
}

TEST_F(OutputFiles, LeaveSignalsToAProgramThatHandlesThem) {
  const int status = end_of_child(SIGINT, [&] {
    std::signal(SIGINT, SIG_IGN);
    OutputFile file(at("new"));
    file.write("whole");
    std::raise(SIGINT);
    file.commit();
  });
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(read(at("new")), "whole");
}

TEST_F(OutputFiles, OfAParentStayWhenItsChildIsEnded) {
  OutputFile file(at("new"));
  const pid_t child = ::fork();
  if (child == 0) {
    std::raise(SIGTERM);
    ::_exit(0);
  }
  int ended = 0;
  ::waitpid(child, &ended, 0);
  EXPECT_TRUE(WIFSIGNALED(ended));
  file.write("whole");
  file.commit();
  EXPECT_EQ(read(at("new")), "whole");
}

TEST_F(OutputFiles, OfAParentStayWhenItsChildWritesToo) {
  OutputFile file(at("new"));
  const int status = end_of_child(SIGTERM, [&] {
    auto* const own = new OutputFile(at("own"));
    own->write("half");
    if (entries() != 2) ::_exit(1);
  });
  EXPECT_TRUE(WIFSIGNALED(status)) << status;
  EXPECT_EQ(entries(), 1u) << "the child's is gone";
  file.write("whole");
  file.commit();
  EXPECT_EQ(read(at("new")), "whole");
}

TEST_F(OutputFiles, OfAParentStayWhenItsChildLeavesTheirScope) {
  auto file = std::make_unique<OutputFile>(at("new"));
  const pid_t child = ::fork();
  if (child == 0) {
    file.reset();
    ::_exit(0);
  }
  int ended = 0;
  ::waitpid(child, &ended, 0);
  file->write("whole");
  file->commit();
  EXPECT_EQ(read(at("new")), "whole");
}

}  // namespace
}  // namespace weir::files
