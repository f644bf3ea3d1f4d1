#include "workloads/lidar/files/crs.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <vector>

#include "workloads/lidar/files/printable.hpp"

namespace weir::lidar {
namespace {

using Kind = LengthUnit::Kind;

constexpr double foot = 0.3048, survey_foot = 1200.0 / 3937.0;
constexpr double min_metres = 1e-6, max_metres = 1e6;  // no unit of land is outside

LengthUnit length(std::string name, double metres) {
  if (!(metres >= min_metres && metres <= max_metres)) return {};
  return {Kind::length, std::move(name), metres};
}

// --- WKT ---

// Real ones have a few kilobytes. Nodes take more memory than their text, and a file may have gigabytes of it.
constexpr std::size_t max_wkt_bytes = std::size_t{64} * 1024, max_wkt_nodes = 10'000;

/// KEYWORD["text", 1.5, word, OTHER[...]]: a node has its keyword, its texts, words and numbers in order, and its
/// nodes.
struct WktNode {
  std::string keyword;
  std::vector<std::string> texts, words;  ///< words, like keywords, in capitals
  std::vector<double> numbers;
  std::vector<WktNode> nodes;

  [[nodiscard]] const WktNode* child(std::initializer_list<std::string_view> wanted) const noexcept {
    for (const WktNode& each : nodes) {
      if (std::ranges::find(wanted, each.keyword) != wanted.end()) return &each;
    }
    return nullptr;
  }
  /// Itself, or the first below.
  [[nodiscard]] const WktNode* find(std::initializer_list<std::string_view> wanted) const noexcept {
    if (std::ranges::find(wanted, keyword) != wanted.end()) return this;
    for (const WktNode& each : nodes) {
      if (const WktNode* const found = each.find(wanted)) return found;
    }
    return nullptr;
  }
};

class WktReader {
 public:
  explicit WktReader(std::string_view text) noexcept : text_(text) {}

  std::optional<WktNode> read(int depth = 0) {
    if (depth > 20) return std::nullopt;
    skip_blanks();
    WktNode node;
    while (at_ < text_.size() && (std::isalnum(letter()) != 0 || text_[at_] == '_')) {
      node.keyword += static_cast<char>(std::toupper(letter()));
      ++at_;
    }
    skip_blanks();
    if (node.keyword.empty() || !take("[(") || ++nodes_ > max_wkt_nodes) return std::nullopt;
    do {
      if (!read_item(node, depth)) return std::nullopt;
      skip_blanks();
    } while (take(","));
    if (!take("])")) return std::nullopt;
    return node;
  }

 private:
  [[nodiscard]] unsigned char letter() const noexcept { return static_cast<unsigned char>(text_[at_]); }
  void skip_blanks() noexcept {
    while (at_ < text_.size() && std::isspace(letter()) != 0) ++at_;
  }
  bool take(std::string_view any) noexcept {
    if (at_ >= text_.size() || any.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }

  bool read_item(WktNode& node, int depth) {
    skip_blanks();
    if (at_ >= text_.size()) return false;
    if (take("\"")) {
      const std::size_t end = text_.find('"', at_);
      if (end == std::string_view::npos) return false;
      node.texts.emplace_back(text_.substr(at_, end - at_));
      at_ = end + 1;
      return true;
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error == std::errc()) {
      node.numbers.push_back(value);
      at_ = static_cast<std::size_t>(end - text_.data());
      return true;
    }
    const std::size_t start = at_;
    if (std::optional<WktNode> inner = read(depth + 1)) {
      node.nodes.push_back(std::move(*inner));
      return true;
    }
    at_ = start;  // a bare word, such as an axis's direction
    std::string& word = node.words.emplace_back();
    while (at_ < text_.size() && std::isalnum(letter()) != 0) {
      word += static_cast<char>(std::toupper(letter()));
      ++at_;
    }
    return at_ != start && at_ < text_.size() &&
           std::string_view(",]) \t\r\n").find(text_[at_]) != std::string_view::npos;
  }

  std::string_view text_;
  std::size_t at_ = 0, nodes_ = 0;
};

/// Whether a geodetic system has latitudes and longitudes; others are geocentric, in lengths.
bool is_angular(const WktNode& system) noexcept {
  const WktNode* const kind = system.child({"CS"});
  if (kind != nullptr && std::ranges::find(kind->words, "ELLIPSOIDAL") != kind->words.end()) return true;
  if (system.child({"ANGLEUNIT"}) != nullptr) return true;
  const WktNode* const axis = system.child({"AXIS"});  // the first; a height may follow
  return axis != nullptr && axis->child({"ANGLEUNIT"}) != nullptr;
}

/// A system's unit: of its own, or of one of its axes, as WKT of 2019 has it.
LengthUnit unit_of(const WktNode& system) {
  const WktNode* unit = system.child({"UNIT", "LENGTHUNIT"});
  for (const WktNode& each : system.nodes) {
    if (unit == nullptr && each.keyword == "AXIS") unit = each.child({"UNIT", "LENGTHUNIT"});
  }
  if (unit == nullptr || unit->numbers.empty()) return {};
  return length(unit->texts.empty() ? std::string("unit") : unit->texts.front(), unit->numbers.front());
}

// --- GeoTIFF ---

enum GeoKey : std::uint16_t {
  model_type = 1024,
  citation = 1026,
  geographic_citation = 2049,
  geographic_type = 2048,
  projected_type = 3072,
  projected_citation = 3073,
  linear_units = 3076,
  linear_unit_size = 3077,
  vertical_units = 4099,
};

/// Systems of the EPSG register whose unit is the metre by what they are: UTM zones, and a few national ones.
bool metre_by_code(unsigned code) noexcept {
  constexpr std::array<std::array<unsigned, 2>, 6> ranges{
      {{32601, 32660}, {32701, 32760}, {26901, 26923}, {25828, 25838}, {3942, 3950}, {7850, 7859}}};
  constexpr std::array<unsigned, 8> single{2154, 3857, 28992, 27700, 31370, 2056, 2180, 3067};
  return std::ranges::find(single, code) != single.end() ||
         std::ranges::any_of(ranges, [&](const auto& each) { return code >= each[0] && code <= each[1]; });
}

class Keys {
 public:
  Keys(std::span<const std::byte> directory, std::span<const std::byte> doubles, std::string_view ascii) noexcept
      : directory_(directory), doubles_(doubles), ascii_(ascii) {}

  [[nodiscard]] std::optional<std::uint16_t> number(std::uint16_t key) const noexcept {
    const auto found = entry(key);
    if (!found || (*found)[1] != 0) return std::nullopt;
    return (*found)[3];
  }
  [[nodiscard]] std::optional<double> real(std::uint16_t key) const noexcept {
    constexpr std::uint16_t in_doubles = 34736;
    const auto found = entry(key);
    if (!found || (*found)[1] != in_doubles || doubles_.size() < 8 * (std::size_t{(*found)[3]} + 1)) {
      return std::nullopt;
    }
    return read_number<double>(doubles_.data() + 8 * std::size_t{(*found)[3]});
  }
  [[nodiscard]] std::string text(std::uint16_t key) const {
    constexpr std::uint16_t in_ascii = 34737;
    const auto found = entry(key);
    if (!found || (*found)[1] != in_ascii || (*found)[3] >= ascii_.size()) return {};
    std::string_view text = ascii_.substr((*found)[3], (*found)[2]);
    text = text.substr(0, text.find_first_of(std::string_view("|\0", 2)));
    return std::string(text);
  }

 private:
  /// Key, place, count, value.
  [[nodiscard]] std::optional<std::array<std::uint16_t, 4>> entry(std::uint16_t key) const noexcept {
    constexpr std::size_t each = 8;
    for (std::size_t at = each; at + each <= directory_.size(); at += each) {  // after the directory's own head
      const auto found = read_number<std::array<std::uint16_t, 4>>(directory_.data() + at);
      if (found[0] == key) return found;
    }
    return std::nullopt;
  }

  std::span<const std::byte> directory_, doubles_;
  std::string_view ascii_;
};

LengthUnit unit_by_code(std::optional<std::uint16_t> code, std::optional<double> size) {
  constexpr std::uint16_t user_defined = 32767;
  if (!code) return {};
  switch (*code) {
    case 9001: return length("metre", 1);
    case 9002: return length("foot", foot);
    case 9003: return length("US survey foot", survey_foot);
    case user_defined: return size ? length("a unit of its own", *size) : LengthUnit{};
    default: return {};
  }
}

}  // namespace

CoordinateSystem from_wkt(std::string_view text) {
  if (text.size() > max_wkt_bytes) return {};
  const std::optional<WktNode> root = WktReader(text).read();
  if (!root) return {};
  CoordinateSystem found;
  if (!root->texts.empty()) found.name = root->texts.front();
  if (const WktNode* const projected = root->find({"PROJCS", "PROJCRS", "PROJECTEDCRS", "GEOCCS"})) {
    found.horizontal = unit_of(*projected);
  } else if (root->find({"GEOGCS", "GEOGCRS", "GEOGRAPHICCRS"}) != nullptr) {
    found.horizontal = {Kind::angle, "degree"};
  } else {
    const WktNode* const geodetic = root->find({"GEODCRS", "GEODETICCRS"});
    const WktNode& system = geodetic != nullptr ? *geodetic : *root;
    found.horizontal = is_angular(system) ? LengthUnit{Kind::angle, "degree"} : unit_of(system);
  }
  if (const WktNode* const vertical = root->find({"VERT_CS", "VERTCRS", "VERTICALCRS"})) {
    found.vertical = unit_of(*vertical);
  }
  return found;
}

CoordinateSystem from_geotiff(std::span<const std::byte> directory, std::span<const std::byte> doubles,
                              std::string_view ascii) {
  constexpr std::uint16_t geographic_model = 2;
  const Keys keys(directory, doubles, ascii);
  CoordinateSystem found;
  for (const std::uint16_t key : {citation, projected_citation, geographic_citation}) {
    if (found.name.empty()) found.name = keys.text(key);
  }
  const auto projected = keys.number(projected_type), geographic = keys.number(geographic_type);
  const auto code = projected ? projected : geographic;
  if (found.name.empty() && code) found.name = "EPSG:" + std::to_string(*code);
  const bool lengths = projected || keys.number(linear_units);
  if (keys.number(model_type) == geographic_model || (!keys.number(model_type) && geographic && !lengths)) {
    found.horizontal = {Kind::angle, "degree"};
  } else {
    found.horizontal = unit_by_code(keys.number(linear_units), keys.real(linear_unit_size));
    const bool metric = found.horizontal.kind == Kind::unknown && projected && metre_by_code(*projected);
    if (metric) found.horizontal = length("metre", 1);
  }
  found.vertical = unit_by_code(keys.number(vertical_units), std::nullopt);
  return found;
}

bool same_unit(const LengthUnit& one, const LengthUnit& other) noexcept {
  constexpr double tolerance = 1e-7;  // texts round; the two feet are 2e-6 apart
  return one.kind == other.kind && std::fabs(one.metres - other.metres) <= tolerance * one.metres;
}

CoordinateSystem coordinate_system(const LasFile& file) {
  constexpr std::uint16_t wkt_id = 2112, directory_id = 34735, doubles_id = 34736, ascii_id = 34737, wkt_bit = 1U << 4;
  std::vector<std::string> told;
  const auto data = [&](std::uint16_t id, const char* what) {
    std::span<const std::byte> first;
    for (const auto* list : {&file.records(), &file.extended_records()}) {
      for (const LasRecord& record : *list) {
        if (!record.is("LASF_Projection", id) || record.data.empty()) continue;
        if (!first.empty() && !std::ranges::equal(first, record.data)) {
          told.push_back("LASF_Projection " + std::to_string(id) + ": " + what +
                         " occurs more than once, with different contents; the first is used");
        }
        if (first.empty()) first = record.data;
      }
    }
    return first;
  };
  const auto text = [](std::span<const std::byte> bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const auto directory = data(directory_id, "the directory of GeoTIFF keys"), written = data(wkt_id, "WKT");
  const CoordinateSystem wkt = from_wkt(text(written));
  const CoordinateSystem keys = from_geotiff(directory, data(doubles_id, "numbers of GeoTIFF keys"),
                                             text(data(ascii_id, "text of GeoTIFF keys")));
  if (!written.empty() && wkt.name.empty() && wkt.horizontal.kind == Kind::unknown) {
    told.push_back("LASF_Projection 2112: " + std::to_string(written.size()) +
                   " bytes of WKT that weir cannot read; ignored");
  }
  const bool prefer_wkt = (file.header().global_encoding & wkt_bit) != 0 || directory.empty();
  const bool no_keys = keys.name.empty() && keys.horizontal.kind == Kind::unknown;
  const bool takes_wkt = (prefer_wkt && !wkt.name.empty()) || no_keys;
  const bool known = wkt.horizontal.kind != Kind::unknown && keys.horizontal.kind != Kind::unknown;
  if (known && !same_unit(wkt.horizontal, keys.horizontal)) {
    told.push_back("LASF_Projection 2112 and 34735: coordinates are in \"" + printable(wkt.horizontal.name) +
                   "\" by WKT and in \"" + printable(keys.horizontal.name) + "\" by GeoTIFF keys; " +
                   (takes_wkt ? "WKT is used" : "the keys are used"));
  }
  CoordinateSystem found = takes_wkt ? wkt : keys;
  found.told = std::move(told);
  return found;
}

}  // namespace weir::lidar
