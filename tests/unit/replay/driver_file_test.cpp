// A driver model from a file: each way that one can be wrong is refused by the name of
// the entry or by its line, and by the file's path.
#include "replay/driver_file.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

#include "message_of.hpp"

namespace weir::replay {
namespace {

using device::driver_model;
using device::DriverModel;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::message_of;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A file of every entry at 1, but for `name`, which has `value`; without it where that is empty.
std::string file_with(std::string_view name, const std::string& value) {
  std::string text = "{\"about\": \"a \\\"test\\\"\",\n";
  for (const std::string_view each : device::driver_entries()) {
    if (each != name) text += "  \"" + std::string(each) + "\": 1,\n";
  }
  return text + (value.empty() ? "" : "  \"" + std::string(name) + "\": " + value + ",\n") +
         "  \"machine\": \"none\"\n}\n";
}

std::string invalid(const std::string& text) {
  return message_of<InvalidArgument>([&] { static_cast<void>(parse_driver_model(text)); });
}
std::string unparsable(const std::string& text) {
  return message_of<ParseError>([&] { static_cast<void>(parse_driver_model(text)); });
}

TEST(DriverFile, ReadsEveryEntry) {
  const DriverModel model = parse_driver_model(file_with("event_us", "6.25e0"));
  DriverModel expected = driver_model("event_us=6.25");
  for (const std::string_view each : device::driver_entries()) {
    if (each != "event_us") set_entry(expected, each, 1);
  }
  EXPECT_EQ(model, expected);
}

TEST(DriverFile, NamesTheEntryThatIsMissing) {
  for (const std::string_view each : device::driver_entries()) {
    EXPECT_THAT(invalid(file_with(each, "")), HasSubstr(std::string(each) + " is missing"));
  }
  EXPECT_THAT(invalid("{}"), HasSubstr("event_us is missing"));
}

TEST(DriverFile, NamesTheEntryWhoseValueIsWrong) {
  for (const char* value : {"-1", "1e10", "1e999", "null", "true", "\"6\"", "NaN", "01", "1.", ".5", "+1", "1e", "-",
                            "{\"a\": 1}", "[1]", "0x10"}) {
    EXPECT_THAT(invalid(file_with("map_us", value)), AllOf(HasSubstr("map_us is"), HasSubstr("from 0 to 1e9")))
        << value;
  }
}

TEST(DriverFile, NamesTheEntryThatIsUnknownOrTwice) {
  EXPECT_THAT(invalid(file_with("speed_us", "3")), AllOf(HasSubstr("\"speed_us\""), HasSubstr("event_us, record_us")));
  EXPECT_THAT(invalid(file_with("note", "\"text\"")), HasSubstr("\"note\""));
  EXPECT_THAT(invalid(file_with("n\\u0065sted", "{\"a\": {}}")), HasSubstr("sted\""));
  EXPECT_THAT(invalid(file_with("event_us", "1, \"event_us\": 2")), HasSubstr("event_us is given twice"));
  EXPECT_THAT(invalid(file_with("about", "\"again\"")), HasSubstr("about is given twice"));
}

TEST(DriverFile, NamesTheLineThatIsNoJson) {
  EXPECT_THAT(unparsable(""), AllOf(HasSubstr("line 1"), HasSubstr("nothing")));
  EXPECT_THAT(unparsable("[1]"), HasSubstr("a list"));
  EXPECT_THAT(unparsable("{\n\"about\": 7}"), AllOf(HasSubstr("line 2"), HasSubstr("about")));
  EXPECT_THAT(unparsable("{\"about\": \"open"), HasSubstr("the end of a string"));
  EXPECT_THAT(unparsable("{\"about\": \"open\\"), HasSubstr("the end of a string"));
  EXPECT_THAT(unparsable("{\"about\": \"two\nlines\"}"), HasSubstr("the end of a string"));
  EXPECT_THAT(unparsable("{\"about\" \"x\"}"), HasSubstr("\":\" after"));
  EXPECT_THAT(unparsable("{\"about\": \"x\",}"), HasSubstr("the name of an entry"));
  EXPECT_THAT(unparsable("{\"about\": \"x\" \"machine\": \"y\"}"), HasSubstr("\",\" or the object's end"));
  EXPECT_THAT(unparsable(file_with("event_us", "6") + "x"), HasSubstr("nothing after"));
  EXPECT_THAT(unparsable(file_with("event_us", "6 6")), HasSubstr("\",\" or the object's end"));
  EXPECT_THAT(unparsable(std::string(1 << 20, '[')), HasSubstr("larger than 64.00 KiB"));
}

class DriverFileOnDisk : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  [[nodiscard]] std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return (folder_ / name).string();
  }
  const fs::path folder_ = fs::temp_directory_path() / ("weir_driver_file_" + std::to_string(::getpid()));
};

TEST_F(DriverFileOnDisk, ReadsAFileAPresetOrEntries) {
  const std::string path = write("gpu=1.json", file_with("event_us", "6"));
  EXPECT_EQ(read_driver_model(path).event, 6us);
  EXPECT_EQ(read_driver_model(path).map, 1us);
  EXPECT_EQ(read_driver_model("cheap"), driver_model("cheap"));
  EXPECT_EQ(read_driver_model("cheap,event_us=50"), driver_model("cheap,event_us=50"));
  EXPECT_EQ(read_driver_model("event_us=6"), driver_model("event_us=6"));
}

TEST_F(DriverFileOnDisk, AFileInTheFolderIsFoundButHidesNoPreset) {
  static_cast<void>(write("cheap", "no model"));
  static_cast<void>(write("mine", file_with("event_us", "6")));
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  EXPECT_EQ(read_driver_model("cheap"), driver_model("cheap"));
  EXPECT_EQ(read_driver_model("mine").event, 6us);
  fs::current_path(before);
}

TEST_F(DriverFileOnDisk, StartsWithThePath) {
  const auto starts_with_path = [](const std::string& path) { return ::testing::StartsWith(path + ": "); };
  const std::string absent = (folder_ / "absent.json").string();
  EXPECT_THAT(message_of<NotFound>([&] { static_cast<void>(read_driver_model(absent)); }), starts_with_path(absent));
  const std::string folder = folder_.string();
  EXPECT_THAT(message_of<InvalidArgument>([&] { static_cast<void>(read_driver_model(folder)); }),
              starts_with_path(folder));
  const std::string broken = write("broken.json", "{");
  EXPECT_THAT(message_of<ParseError>([&] { static_cast<void>(read_driver_model(broken)); }), starts_with_path(broken));
  const std::string wrong = write("wrong.json", file_with("map_us", "-1"));
  EXPECT_THAT(message_of<InvalidArgument>([&] { static_cast<void>(read_driver_model(wrong)); }),
              AllOf(starts_with_path(wrong), HasSubstr("map_us is -1")));
  const std::string large = write("large.json", std::string(max_driver_file_bytes + 1, ' '));
  EXPECT_THAT(message_of<ParseError>([&] { static_cast<void>(read_driver_model(large)); }), starts_with_path(large));
}

TEST_F(DriverFileOnDisk, NeitherPresetNorFileListsThePresets) {
  EXPECT_THAT(message_of<InvalidArgument>([] { static_cast<void>(read_driver_model("costly")); }),
              HasSubstr("instant, cheap, dear"));
  EXPECT_THAT(message_of<InvalidArgument>([] { static_cast<void>(read_driver_model("")); }),
              HasSubstr("instant, cheap, dear"));
}

}  // namespace
}  // namespace weir::replay
