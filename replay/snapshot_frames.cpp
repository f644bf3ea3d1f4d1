// See snapshot_frames.hpp.
#include "replay/snapshot_frames.hpp"

#include <algorithm>
#include <string_view>

namespace weir::replay {
namespace {

using Value = Pickle::Value;

constexpr std::size_t max_fields = 64;

std::string_view text_of(const Value& frame, std::string_view field) {
  const std::optional<Value> value = frame.find(field);
  return value ? value->text().value_or("") : "";
}

// A path tells more at its end, a function at its beginning. Both are cut before they are joined, for a file can
// share one long name among many frames.
std::string text_of(const Value& frame) {
  constexpr std::size_t longest = TextTable::longest / 2 - 12;
  const std::string_view file = text_of(frame, "filename");
  std::string text(file.substr(file.size() - std::min(file.size(), longest)));
  if (text == "??") text.clear();  // as PyTorch writes it where there are no symbols
  const std::optional<Value> line = frame.find("line");
  if (!text.empty() && line && line->integer()) text += ":" + std::to_string(*line->integer());
  const std::string function(text_of(frame, "name").substr(0, longest));
  if (!text.empty() && !function.empty()) text += " ";
  return text + function;
}

}  // namespace

std::uint32_t SnapshotFrames::telling(const std::optional<Value>& frames, TextTable& texts) {
  if (!frames || frames->kind() != Pickle::Kind::list || frames->size() == 0) return 0;
  const auto [known, added] = lists_.try_emplace(frames->id(), 0);
  if (!added) return known->second;
  std::optional<Value> best;
  Worth worth_of_best = Worth::nothing;
  static_cast<void>(frames->for_each_while([&](const Value& frame) {
    const Worth here = worth(frame);
    if (here > worth_of_best) {
      best = frame;
      worth_of_best = here;
    }
    return worth_of_best != Worth::program;
  }));
  if (best) known->second = texts.number(text_of(*best));
  return known->second;
}

SnapshotFrames::Worth SnapshotFrames::worth(const Value& frame) {
  const auto [known, added] = frames_.try_emplace(frame.id(), Worth::nothing);
  if (!added || frame.kind() != Pickle::Kind::dict || frame.size() > max_fields) return known->second;
  // No more of a name is looked at than the system lets a path have.
  std::string_view file = text_of(frame, "filename");
  file.remove_prefix(file.size() - std::min<std::size_t>(file.size(), 4096));
  if (file.ends_with(".py")) {
    const bool installed =
        file.find("site-packages/") != std::string_view::npos || file.find("dist-packages/") != std::string_view::npos;
    known->second = installed ? Worth::package : Worth::program;
  } else {
    const bool backward = text_of(frame, "name").substr(0, 4096).find("Backward") != std::string_view::npos;
    known->second = backward ? Worth::backward : Worth::native;
  }
  return known->second;
}

}  // namespace weir::replay
