// A driver's model is read from a preset's name or from entries; what it cannot be is
// refused by the name of the entry, with the limit.
#include "device/driver_model.hpp"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <weir/errors.hpp>

namespace weir::device {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    static_cast<void>(driver_model(text));
    return "accepted";
  } catch (const InvalidArgument& error) {
    return error.message();
  }
}

TEST(DriverModel, PresetsHaveThePublishedFigures) {
  EXPECT_EQ(driver_model("instant"), DriverModel{});
  const DriverModel cheap = driver_model("cheap");
  const DriverModel dear = driver_model("dear");
  // One page a call, as they were measured.
  EXPECT_EQ(cheap.creating(1), 7580ns);
  EXPECT_EQ(dear.creating(1), 193320ns);
  EXPECT_EQ(cheap.map + cheap.map_handle, 1050ns);
  EXPECT_EQ(dear.map + dear.map_handle, 1450ns);
  EXPECT_EQ(cheap.access + cheap.access_handle, 20780ns);
  EXPECT_EQ(dear.access + dear.access_handle, 35990ns);
  EXPECT_EQ(cheap.unmapping(1), 11450ns);
  EXPECT_EQ(dear.unmapping(1), 25630ns);
  EXPECT_EQ(cheap.allocate, cheap.creating(1) + cheap.mapping(1));
  EXPECT_EQ(dear.allocate, dear.creating(1) + dear.mapping(1));
}

TEST(DriverModel, RowsCostCallsAndHandles) {
  const DriverModel model = driver_model(
      "create_us=5,create_handle_us=1,map_us=2,map_handle_us=0.5,access_us=20,access_handle_us=0.25,"
      "unmap_us=10,unmap_handle_us=3,destroy_us=4");
  EXPECT_EQ(model.creating(10), 60us);           // a call each
  EXPECT_EQ(model.mapping(10), 25us + 22500ns);  // a call each, and one access for all
  EXPECT_EQ(model.unmapping(10), 40us);          // one call
  EXPECT_EQ(model.destroying(10), 40us);
}

TEST(DriverModel, AHugeRowDoesNotOverflow) {
  const DriverModel model =
      driver_model("create_us=1e9,map_us=1e9,access_handle_us=1e9,unmap_handle_us=1e9,destroy_us=1e9");
  constexpr std::uint64_t handles = std::uint64_t{1} << 40;
  EXPECT_EQ(model.creating(handles), DriverModel::Time::max());
  EXPECT_EQ(model.mapping(handles), DriverModel::Time::max());
  EXPECT_EQ(model.unmapping(handles), DriverModel::Time::max());
  EXPECT_EQ(model.destroying(UINT64_MAX), DriverModel::Time::max());
  EXPECT_EQ(DriverModel{}.creating(UINT64_MAX), 0ns);
}

TEST(DriverModel, ReadsEntries) {
  EXPECT_EQ(driver_model("event_us=6"), DriverModel{.event = 6us});
  EXPECT_EQ(driver_model("query_us=0.25,record_us=1e-1"), (DriverModel{.record = 100ns, .query = 250ns}));
  EXPECT_EQ(driver_model("event_us=1e9").event, 1000s);
  EXPECT_EQ(driver_model("event_us=0"), DriverModel{});
}

TEST(DriverModel, EveryEntryIsAMemberOfItsOwn) {
  DriverModel all;
  double value = 0;
  for (const std::string_view name : driver_entries()) {
    DriverModel one = driver_model(std::string(name) + "=2");
    EXPECT_NE(one, DriverModel{}) << name;
    set_entry(one, name, 0);
    EXPECT_EQ(one, DriverModel{}) << name;
    set_entry(all, name, ++value);
  }
  EXPECT_EQ(driver_entries().size(), 14u);
  const DriverModel expected{1us, 2us, 3us, 4us, 5us, 6us, 7us, 8us, 9us, 10us, 11us, 12us, 13us, 14us};
  EXPECT_EQ(all, expected);
}

TEST(DriverModel, APresetMayBeFollowedByEntries) {
  DriverModel expected = driver_model("cheap");
  expected.event = 50us;
  expected.query = 0us;
  EXPECT_EQ(driver_model("cheap,event_us=50,query_us=0"), expected);
}

TEST(DriverModel, AnUnknownPresetListsThoseThereAre) {
  EXPECT_THAT(refusal("costly"), AllOf(HasSubstr("\"costly\""), HasSubstr("instant, cheap, dear")));
  EXPECT_THAT(refusal(""), HasSubstr("instant, cheap, dear"));
  EXPECT_THAT(refusal("Cheap"), HasSubstr("instant, cheap, dear"));
}

TEST(DriverModel, NamesTheEntryAndItsLimit) {
  for (const char* value :
       {"-1", "-1e-9", "1.1e9", "inf", "-inf", "nan", "1e999", "", " 6", "6us", "0x10", "6=7", "+6"}) {
    EXPECT_THAT(refusal("event_us=" + std::string(value)),
                AllOf(HasSubstr("event_us is"), HasSubstr("from 0 to 1e9"), HasSubstr(value)));
  }
  DriverModel model;
  EXPECT_THROW(set_entry(model, "map_us", std::numeric_limits<double>::quiet_NaN()), InvalidArgument);
  EXPECT_THROW(set_entry(model, "map_us", std::numeric_limits<double>::infinity()), InvalidArgument);
  EXPECT_THROW(set_entry(model, "map_us", -0.5), InvalidArgument);
  EXPECT_EQ(model, DriverModel{});
}

TEST(DriverModel, AnUnknownEntryListsThoseThereAre) {
  EXPECT_THAT(refusal("evnt_us=1"), AllOf(HasSubstr("\"evnt_us\""), HasSubstr("event_us, record_us")));
  EXPECT_THAT(refusal("cheap,=1"), HasSubstr("there is no entry \"\""));
  EXPECT_THAT(refusal("event_us=1,evil\n_us=1"), HasSubstr("evil\\x0a_us"));
}

TEST(DriverModel, RefusesWhatIsNoListOfEntries) {
  EXPECT_THAT(refusal("event_us=1,event_us=2"), HasSubstr("event_us is given twice"));
  EXPECT_THAT(refusal("event_us=1,cheap"), AllOf(HasSubstr("\"cheap\""), HasSubstr("in the first place")));
  EXPECT_THAT(refusal("cheap,dear"), HasSubstr("\"dear\""));
  EXPECT_THAT(refusal("cheap,"), HasSubstr("comma"));
  EXPECT_THAT(refusal(",event_us=1"), HasSubstr("there is no preset \"\""));
  EXPECT_THAT(refusal("event_us=1,,map_us=1"), HasSubstr("not an entry"));
}

}  // namespace
}  // namespace weir::device
