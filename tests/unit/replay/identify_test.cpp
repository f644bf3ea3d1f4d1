// Formats are told by content; what is none of them is named.
#include "replay/identify.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "message_of.hpp"
#include "pickle_writer.hpp"

namespace weir::replay {
namespace {

using namespace std::string_view_literals;
using testing::as_bytes;
using testing::message_of;
using testing::names;

TraceFormat kind_of(std::string_view text) { return identify(as_bytes(text)); }
std::string kind_refusal(std::string_view text) {
  return message_of([&] { static_cast<void>(kind_of(text)); });
}

TEST(Identify, Pickles) {
  for (const std::string_view start : {"\x80\x02}."sv, "\x80\x03}."sv, "\x80\x04}."sv, "\x80\x05}."sv, "\x80"sv}) {
    EXPECT_EQ(kind_of(start), TraceFormat::pytorch_snapshot);
  }
}

TEST(Identify, CsvsByTheirHeader) {
  EXPECT_EQ(kind_of("id,lower,upper,size\n"), TraceFormat::interval_csv);
  EXPECT_EQ(kind_of("\xef\xbb\xbf\r\n SIZE , upper,\"lower\"\r\n"), TraceFormat::interval_csv);
  EXPECT_EQ(kind_of("Thread,Time,Action,Pointer,Size,Stream\n"), TraceFormat::rmm_csv);
  EXPECT_EQ(kind_of("Thread,Time,Action,Pointer,Size,Stream"), TraceFormat::rmm_csv);
}

TEST(Identify, NamesWhatItSawAndWhatItWants) {
  const std::pair<std::string_view, std::string_view> seen[] = {
      {"", "empty"},
      {" \n\n", "blanks"},
      {"PK\x03\x04\x14\x00", "zip"},
      {"\x1f\x8b\x08", "gzip"},
      {"BZh9", "bzip2"},
      {"\xfd"
       "7zXZ\0"sv,
       "xz"},
      {"\x28\xb5\x2f\xfd", "zstd"},
      {"\xff\xfei\0d\0"sv, "UTF-16"},
      {"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
      {"\x7f"
       "ELF",
       "program"},
      {"{\"traceEvents\": []}", "JSON"},
      {"[1]", "JSON"},
      {"\n<!doctype html>", "HTML"},
      {"<html>", "HTML"},
      {"(dp0\nS'segments'\n", "protocol 0"},
      {"}q\x01(", "protocol 1"},
      {"\x80\x63}", "protocol 99"},
      {"a,b,c\n1,2,3\n", "'a,b,c'"},
      {"hello\0world"sv, "'hello\\x00world'"}};
  for (const auto& [text, name] : seen) {
    EXPECT_TRUE(names(kind_refusal(text), {name, "PyTorch memory snapshots", "RMM logs", "interval CSVs"})) << name;
  }
}

TEST(Identify, LongFilesWithoutLines) {
  EXPECT_TRUE(names(kind_refusal(std::string(3'000'000, 'x')), {"'xxx"}));
  EXPECT_TRUE(names(kind_refusal(std::string(3'000'000, '\0')), {"'\\x00"}));
}

}  // namespace
}  // namespace weir::replay
