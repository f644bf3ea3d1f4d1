// Reading takes time in proportion to the file, in every format and of files that are made to take more.
#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <functional>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "unit/workloads/graph/files/read_text.hpp"
#include "workloads/graph/files/label_hash.hpp"
#include "workloads/graph/files/labels.hpp"

namespace weir::graph::test {
namespace {

/// Of the processor, s; the least of three.
double time_of(const std::function<void()>& work) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3; ++i) {
    const std::clock_t start = std::clock();
    work();
    least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

struct Kind {
  const char* name;
  FileFormat format;
  std::size_t size;  // of the smaller file, in parts
  std::string before, part, behind;
};

void PrintTo(const Kind& kind, std::ostream* to) { *to << kind.name; }

/// # in a part is its number.
std::string file_of(const Kind& kind, std::size_t parts) {
  std::string text = kind.before;
  for (std::size_t i = 0; i < parts; ++i) {
    for (const char c : kind.part) {
      if (c == '#') {
        text += std::to_string(i);
      } else {
        text += c;
      }
    }
  }
  return text + kind.behind;
}

class GraphReadingTime : public testing::TestWithParam<Kind> {};

TEST_P(GraphReadingTime, OfFourTimesTheFileIsFourTimes) {
  const Kind& kind = GetParam();
  const auto time = [&](std::size_t parts) {
    const std::string text = file_of(kind, parts);
    return time_of([&] { static_cast<void>(refusal(text, {.format = kind.format})); });
  };
  const double one = time(kind.size), four = time(4 * kind.size);
  EXPECT_LT(four, 9 * one + 0.02) << one << " s of " << kind.size << " parts";
}

INSTANTIATE_TEST_SUITE_P(
    Formats, GraphReadingTime,
    testing::Values(Kind{"edges", FileFormat::edges, 50'000, "", "a# b#\n", ""},
                    Kind{"csv", FileFormat::csv, 50'000, "", "\"a\"\"#\",b#,1\n", ""},
                    Kind{"comments", FileFormat::csv, 50'000, "", "# \n", "a,b"},
                    Kind{"tsv", FileFormat::tsv, 50'000, "", "a #\tb\n", ""},
                    Kind{"mtx", FileFormat::matrix_market, 50'000,
                         "%%MatrixMarket matrix coordinate pattern general\n1000000 1000000 300000\n", "1# 1\n", ""},
                    Kind{"gml", FileFormat::gml, 50'000, "graph [ ", "node [ id # label \"&amp;&#228;\" ] ", "]"},
                    Kind{"gml_digits", FileFormat::gml, 15'000, "graph [ node [ id 1 label \"", "1", "\" ] ]"},
                    Kind{"gml_entities", FileFormat::gml, 7'000, "graph [ node [ id 1 label \"", "&#", "\" ] ]"},
                    Kind{"graphml", FileFormat::graphml, 50'000, "<graphml><graph>", "<node id=\"#\" a=\"b\"/>",
                         "</graph></graphml>"},
                    Kind{"graphml_names", FileFormat::graphml, 20'000, "<graphml><graph><node id=\"a\"/>",
                         "<x# y#=\"\"/>", "</graph></graphml>"},
                    Kind{"graphml_tag", FileFormat::graphml, 20'000, "<graphml><graph><node id=\"a\"/><x ", "y#=\"\" ",
                         "/></graph></graphml>"},
                    Kind{"gexf", FileFormat::gexf, 50'000, "<gexf><graph><nodes>", "<node id=\"#\" label=\"b\"/>",
                         "</nodes></graph></gexf>"},
                    Kind{"dot", FileFormat::dot, 50'000, "graph { ", "a# -- { b# c };", "}"},
                    Kind{"dot_chain", FileFormat::dot, 50'000, "graph { a", " -- {} -- a#", "}"}),
    [](const auto& made) { return std::string(made.param.name); });

#ifdef WEIR_HAS_EXPAT

/// Expat adds the default of each declared attribute to each element: n of both would be n².
TEST(GraphReadingTimes, OfDeclaredAttributesIsThatOfNone) {
  const auto time = [](int count) {
    std::string text = "<!DOCTYPE graphml [<!ATTLIST node ";
    for (int i = 0; i < count; ++i) text += "a" + std::to_string(i) + " CDATA \"\" ";
    text += ">]><graphml><graph>";
    for (int i = 0; i < count; ++i) text += "<node id=\"" + std::to_string(i) + "\"/>";
    text += "</graph></graphml>";
    return time_of([&] { static_cast<void>(refusal(text, {.format = FileFormat::graphml})); });
  };
  EXPECT_LT(time(12'000), 9 * time(3'000) + 0.02);
}

#endif

/// From the paper of SipHash: key 0 to 15 and text 0 to 14; and the first of its authors' vectors.
TEST(GraphLabelHash, IsSipHash) {
  const HashKey key{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  std::string text;
  for (char c = 0; c < 15; ++c) text += c;
  EXPECT_EQ(label_hash(text, key), 0xa129ca6149be45e5U);
  EXPECT_EQ(label_hash("", key), 0x726fdb47dd0e0e31U);
  EXPECT_NE(label_hash(text, {}), label_hash(text, key));
}

/// Labels that std::hash of GCC's library, MurmurHash64A of a seed that everyone knows, makes one number of: behind
/// any first word a second one undoes it.
std::vector<std::string> colliding(std::size_t count) {
  constexpr std::uint64_t multiplier = 0xc6a4a7935bd1e995U;
  std::uint64_t inverse = multiplier;  // by Newton's steps
  for (int i = 0; i < 6; ++i) inverse *= 2 - multiplier * inverse;
  const auto scrambled = [](std::uint64_t word) {
    word *= multiplier;
    word ^= word >> 47U;
    return word * multiplier;
  };
  const auto unscrambled = [&](std::uint64_t word) {
    word *= inverse;
    word ^= word >> 47U;
    return word * inverse;
  };
  constexpr std::uint64_t seed = 0xc70f6907U;
  const std::uint64_t start = seed ^ (16 * multiplier);
  std::vector<std::string> labels;
  for (std::uint64_t i = 0; labels.size() < count; ++i) {
    std::array<std::uint64_t, 2> words{};
    for (unsigned k = 0; k < 8; ++k) words[0] |= (0x40U + ((i >> (5 * k)) & 31U)) << (8 * k);
    words[1] = unscrambled(((start ^ scrambled(words[0])) * multiplier) ^ 0x123456789abcdefU);
    if ((words[1] & 0x8080808080808080U) != 0) continue;  // is to be ASCII
    std::string label(16, ' ');
    std::memcpy(label.data(), words.data(), 16);
    labels.push_back(label);
  }
  return labels;
}

TEST(GraphLabelHash, NoFileCanMakeItsLabelsCollide) {
  const std::vector<std::string> all = colliding(16'000);
  const auto time = [&](std::size_t count) {
    return time_of([&] {
      Labels labels;
      for (std::size_t i = 0; i < count; ++i) labels.node(all[i], 1);
      EXPECT_EQ(labels.count(), count);
    });
  };
  EXPECT_LT(time(16'000), 9 * time(4'000) + 0.02);
}

}  // namespace
}  // namespace weir::graph::test
