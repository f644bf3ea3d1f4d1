// The arena of a pickle and the handles on it; see pickle.hpp. The machine that
// fills the arena is in pickle_machine.cpp.
#include "replay/pickle.hpp"

#include <algorithm>
#include <bit>

namespace weir::replay {

Pickle::Index Pickle::add(const Node& node) {
  nodes_.push_back(node);
  return static_cast<Index>(nodes_.size() - 1);
}

// A container is complete once it is placed in another: picklers write it so.
// Holding files to that makes cycles impossible without looking for them (in a
// cycle, the value placed first would have to change later) and depths final.
std::string_view Pickle::extend(Index container, std::span<const Index> added) {
  if (added.empty()) return {};
  if (nodes_[container].placed) return "a list or dict changes after it became part of another value";
  std::uint16_t deepest = 0;
  for (const Index item : added) {
    if (item == container) return "a list or dict contains itself";
    nodes_[item].placed = true;
    deepest = std::max(deepest, nodes_[item].depth);
  }
  if (deepest >= max_depth) return "values are nested more than 100 deep";

  Node& node = nodes_[container];
  node.depth = std::max(node.depth, static_cast<std::uint16_t>(deepest + 1));
  node.count += static_cast<std::uint32_t>(added.size());
  const auto first_item = static_cast<Index>(items_.size());
  items_.insert(items_.end(), added.begin(), added.end());

  const auto run = static_cast<Index>(runs_.size());
  if (node.payload != no_runs) {
    const auto last = static_cast<Index>(node.payload & 0xffff'ffffU);
    Run& before = runs_[last];
    if (before.first + before.count == first_item) {
      before.count += static_cast<std::uint32_t>(added.size());
      return {};
    }
    before.next = run;
    node.payload = (node.payload & ~std::uint64_t{0xffff'ffffU}) | run;
  } else {
    node.payload = (std::uint64_t{run} << 32) | run;
  }
  runs_.push_back({first_item, static_cast<std::uint32_t>(added.size()), no_run});
  return {};
}

Pickle::Value Pickle::root() const noexcept { return {*this, root_}; }

std::optional<std::int64_t> Pickle::Value::integer() const noexcept {
  if (kind() != Kind::integer) return std::nullopt;
  return std::bit_cast<std::int64_t>(node().payload);
}

std::optional<std::uint64_t> Pickle::Value::bits() const noexcept {
  if (kind() != Kind::integer && kind() != Kind::large_integer) return std::nullopt;
  return node().payload;
}

std::optional<bool> Pickle::Value::boolean() const noexcept {
  if (kind() != Kind::boolean) return std::nullopt;
  return node().payload != 0;
}

std::optional<double> Pickle::Value::real() const noexcept {
  if (kind() != Kind::real) return std::nullopt;
  return std::bit_cast<double>(node().payload);
}

std::optional<std::string_view> Pickle::Value::text() const noexcept {
  if (kind() != Kind::text) return std::nullopt;
  const auto bytes = owner_->file_.subspan(node().payload, node().count);
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::size_t Pickle::Value::size() const noexcept { return kind() == Kind::dict ? node().count / 2 : node().count; }

Pickle::Index Pickle::Value::first_run() const noexcept {
  const bool container = kind() == Kind::list || kind() == Kind::tuple || kind() == Kind::dict;
  return container ? static_cast<Index>(node().payload >> 32) : no_run;
}

std::optional<Pickle::Value> Pickle::Value::find(std::string_view key) const noexcept {
  if (kind() != Kind::dict) return std::nullopt;
  std::optional<Value> found;
  bool is_key = true;
  bool matches = false;
  for_each([&](Value value) {
    if (is_key) {
      matches = value.text() == key;
    } else if (matches) {
      found = value;
    }
    is_key = !is_key;
  });
  return found;
}

std::string_view one(Pickle::Kind kind) noexcept {
  switch (kind) {
    case Pickle::Kind::none: return "None";
    case Pickle::Kind::boolean: return "a bool";
    case Pickle::Kind::integer:
    case Pickle::Kind::large_integer: return "an int";
    case Pickle::Kind::wide_integer: return "an int of more than 64 bits";
    case Pickle::Kind::real: return "a float";
    case Pickle::Kind::text: return "a str";
    case Pickle::Kind::bytes: return "bytes";
    case Pickle::Kind::list: return "a list";
    case Pickle::Kind::tuple: return "a tuple";
    case Pickle::Kind::dict: return "a dict";
  }
  return "unknown";
}

std::string_view to_string(Pickle::Kind kind) noexcept {
  std::string_view name = one(kind);
  for (const std::string_view article : {"a ", "an "}) {
    if (name.starts_with(article)) name.remove_prefix(article.size());
  }
  return name;
}

}  // namespace weir::replay
