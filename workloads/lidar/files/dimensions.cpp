#include "workloads/lidar/files/dimensions.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <limits>
#include <string_view>

#include <weir/errors.hpp>

#include "workloads/lidar/files/printable.hpp"

namespace weir::lidar {
namespace {

constexpr std::uint8_t float_type = 9, no_data_option = 1;
constexpr std::size_t max_name = 32;

bool same_name(std::string_view one, std::string_view other) noexcept {
  const auto lower = [](char letter) { return std::tolower(static_cast<unsigned char>(letter)); };
  return std::ranges::equal(one, other, {}, lower, lower);
}

class Placing {
 public:
  Placing(const JointLayout& layout, const Naming& naming, const std::string& path)
      : layout_(layout), naming_(naming), path_(path), end_(layout.bytes) {
    made_.descriptors = layout.descriptors;
  }

  void place(Feature feature, const std::string& name) {
    made_.written.push_back({name, place_of(feature, name)});
    made_.places.back().push_back(made_.written.back().place);
  }
  void begin_scale() { made_.places.emplace_back(); }

  Dimensions finish() {
    if (made_.descriptors.size() > UINT16_MAX) {
      throw InvalidArgument(path_ + ": extra bytes: " + std::to_string(made_.descriptors.size() / descriptor_bytes) +
                                " dimensions, features included; a record describes at most 341",
                            {.name = "extra bytes"});
    }
    made_.point_bytes = static_cast<std::uint16_t>(end_);
    return std::move(made_);
  }

 private:
  std::uint16_t place_of(Feature feature, const std::string& name) {
    check(name);
    std::size_t at = point_layout(layout_.format).bytes;
    std::byte* found = nullptr;
    std::size_t found_at = 0;
    for (std::size_t i = 0; i < made_.descriptors.size(); i += descriptor_bytes) {
      std::byte* const descriptor = made_.descriptors.data() + i;
      if (same_name(dimension_name(descriptor), name)) {
        if (i >= layout_.descriptors.size()) fail(name, "two features get the name " + quoted(name));
        if (found != nullptr) fail_several(name);
        found = descriptor;
        found_at = at;
      }
      at += dimension_bytes(descriptor);
    }
    if (found != nullptr) {
      overwrite(found, feature, name);
      return static_cast<std::uint16_t>(found_at);
    }
    describe(made_.descriptors, feature, name);
    const std::size_t place = end_;
    end_ += sizeof(float);
    if (end_ > UINT16_MAX) {
      throw InvalidArgument(path_ + ": point data record length: " + std::to_string(end_) +
                                " bytes or more, features included; LAS allows at most 65535",
                            {.name = "point data record length"});
    }
    return static_cast<std::uint16_t>(place);
  }

  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    throw InvalidArgument(path_ + ": extra bytes: " + what, {.name = name});
  }

  /// Readers take one of them, and which is theirs to choose.
  [[noreturn]] void fail_several(const std::string& name) const {
    fail(name, "the input has several dimensions " + quoted(name) +
                   ", and --overwrite can replace only one; rename the new one with --prefix or --suffix");
  }

  void check(const std::string& name) const {
    if (name.size() > max_name) {
      fail(name, "the name " + quoted(name) + " has " + std::to_string(name.size()) + " letters; LAS allows 32");
    }
  }

  void overwrite(std::byte* descriptor, Feature feature, const std::string& name) {
    const std::string known = quoted(dimension_name(descriptor));
    if (!naming_.overwrite) {
      fail(name, "the input has a dimension " + known +
                     " already; replace it with --overwrite, or rename the new one with --prefix or --suffix");
    }
    if (read_number<std::uint8_t>(descriptor + 2) != float_type) {
      fail(name, "the input's dimension " + known +
                     " is not a 32-bit float, so not a feature of an earlier run; rename the new one with --prefix or "
                     "--suffix");
    }
    made_.overwritten.emplace_back(dimension_name(descriptor));
    std::vector<std::byte> fresh;
    describe(fresh, feature, name);
    std::memcpy(descriptor, fresh.data(), descriptor_bytes);
  }

  static void describe(std::vector<std::byte>& all, Feature feature, const std::string& name) {
    const bool may_lack = may_be_nan(feature);
    append_descriptor(all, float_type, may_lack ? no_data_option : 0, name, description(feature));
    std::byte* const last = all.data() + all.size() - descriptor_bytes;
    if (may_lack) write_number(last + no_data_at, std::numeric_limits<double>::quiet_NaN());
  }

  const JointLayout& layout_;
  const Naming& naming_;
  const std::string& path_;
  std::size_t end_;
  Dimensions made_;
};

}  // namespace

Dimensions place_features(const JointLayout& layout, std::span<const Scale> scales, const Naming& naming,
                          const std::string& path) {
  Placing placing(layout, naming, path);
  for (const Scale& scale : scales) {
    placing.begin_scale();
    for (const Feature feature : scale.features.features()) {
      const std::string mark = depends_on_scale(feature) ? scale.mark : std::string();
      placing.place(feature, naming.prefix + std::string(name(feature)) + mark + naming.suffix);
    }
  }
  return placing.finish();
}

}  // namespace weir::lidar
