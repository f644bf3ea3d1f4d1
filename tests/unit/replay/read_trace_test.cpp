// The way in: each format by content, and each way that a file can fail, with
// the file's name before the reason.
#include "replay/read_trace.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "pickle_writer.hpp"
#include "snapshot_bytes.hpp"
#include "trace_facts.hpp"

namespace weir::replay {
namespace {

using testing::message_of;
using testing::names;
namespace fs = std::filesystem;

class ReadTrace : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("weir_read_trace_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path write(const std::string& name, std::string_view content) const {
    fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  fs::path folder_;
};

template <class Expected>
std::string refusal(const fs::path& path) {
  return message_of<Expected>([&] { static_cast<void>(read_trace(path)); });
}

TEST_F(ReadTrace, TellsTheFormatByContentNotByName) {
  EXPECT_EQ(read_trace(write("a.pickle", "id,lower,upper,size\n0,0,1,7\n")).format, TraceFormat::interval_csv);
  EXPECT_EQ(read_trace(write("b.txt", "Thread,Time,Action,Pointer,Size,Stream\n1,t,allocate,0x1,7,0\n")).format,
            TraceFormat::rmm_csv);
  const std::string pickled = testing::snapshot({}, {{testing::event("alloc", 0, 1)}});
  EXPECT_EQ(read_trace(write("c.csv", pickled)).format, TraceFormat::pytorch_snapshot);
}

TEST_F(ReadTrace, FromMemory) {
  const Trace trace = read_trace(std::as_bytes(std::span(testing::snapshot_protocol_4)));
  EXPECT_EQ(trace.format, TraceFormat::pytorch_snapshot);
  EXPECT_EQ(testing::broken_promise(trace), "");
}

TEST_F(ReadTrace, NamesTheFileBeforeTheReason) {
  const fs::path csv = write("bad.csv", "id,lower,upper,size\n0,9,1,7\n");
  EXPECT_EQ(refusal<ParseError>(csv).find(csv.string() + ": line 2: "), 0U);
  const fs::path pickled = write("bad.pickle",
                                 "\x80\x04"
                                 "cos\nsystem\n.");
  EXPECT_EQ(refusal<ParseError>(pickled).find(pickled.string() + ": byte 2: GLOBAL"), 0U);
  EXPECT_TRUE(names(refusal<ParseError>(write("empty", "")), {"empty: is empty", "accepted"}));
}

TEST_F(ReadTrace, MissingFiles) {
  const fs::path path = folder_ / "missing.pickle";
  EXPECT_TRUE(names(refusal<NotFound>(path), {path.string(), "no such file"}));
  EXPECT_TRUE(names(refusal<InvalidArgument>(""), {"empty"}));
  EXPECT_TRUE(names(refusal<NotFound>(write("file", "x") / "below"), {"below"}));
}

TEST_F(ReadTrace, DirectoriesAndDevices) {
  EXPECT_TRUE(names(refusal<InvalidArgument>(folder_), {folder_.string(), "directory"}));
  EXPECT_TRUE(names(refusal<InvalidArgument>("-"), {"standard input", "to a file"}));
  EXPECT_TRUE(names(refusal<InvalidArgument>("/dev/zero"), {"/dev/zero", "regular file"}));
}

TEST_F(ReadTrace, WhatTheSystemRefuses) {
  EXPECT_TRUE(names(refusal<DriverError>(folder_ / std::string(300, 'x')), {"xxx: cannot be read: "}));
}

TEST_F(ReadTrace, HugeFilesAreRefusedBeforeTheyAreRead) {
  const fs::path other = write("weights", "LLLL");
  const fs::path pickled = write("huge.pickle", "\x80\x04}");
  const fs::path table = write("huge.csv", "id,lower,upper,size\n0,0,1,7\n");
  const fs::path log = write("huge.log", "Thread,Time,Action,Pointer,Size,Stream\n");
  std::error_code error;
  for (const fs::path& path : {other, pickled, table, log}) {
    fs::resize_file(path, std::uintmax_t{1} << 40, error);
    if (error) GTEST_SKIP() << "the file system has no sparse files: " << error.message();
  }
  EXPECT_TRUE(names(refusal<ParseError>(other), {"'LLLL"}));
  EXPECT_TRUE(names(refusal<ParseError>(pickled), {"4 GiB"}));
  EXPECT_TRUE(names(refusal<ParseError>(table), {"line 3", "4096 bytes"}));
  EXPECT_TRUE(names(refusal<ParseError>(log), {"line 2", "4096 bytes"}));
}

TEST_F(ReadTrace, UnreadableFiles) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  const fs::path path = write("locked", "id,lower,upper,size\n0,0,1,7\n");
  fs::permissions(path, fs::perms::none);
  try {
    static_cast<void>(read_trace(path));
    ADD_FAILURE() << "was read";
  } catch (const DriverError& error) {
    EXPECT_EQ(error.facts().native_code, EACCES);
    EXPECT_EQ(error.facts().name, path.string());
  }
}

TEST_F(ReadTrace, MessagesStayOneLineWhateverTheName) {
  EXPECT_TRUE(names(refusal<ParseError>(write("two\nlines", "")), {"two?lines: is empty"}));
  EXPECT_TRUE(names(refusal<NotFound>(folder_ / "no\nfile"), {"no?file"}));
}

TEST_F(ReadTrace, EveryPrefixOfASnapshotIsRefused) {
  const auto bytes = std::as_bytes(std::span(testing::snapshot_protocol_4));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_NE(message_of([&] { static_cast<void>(read_trace(bytes.first(length))); }), "") << length;
  }
}

}  // namespace
}  // namespace weir::replay
