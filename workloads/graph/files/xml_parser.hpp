// XML by expat, with what a hostile file may do bounded: a file's own declarations of entities and attributes are
// refused, elements are nested up to 256 deep, a tag or comment has at most 1 MiB, and expat takes at most 64 MiB. Used
// by the readers of GraphML and GEXF.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "files/source.hpp"

namespace weir::graph {

/// The attributes of an element; valid while it begins.
class XmlAttributes {
 public:
  explicit XmlAttributes(const char* const* pairs) : pairs_(pairs) {}
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;

 private:
  const char* const* pairs_;  // name, value, ..., null
};

/// Takes a file's elements in their order; names are without the prefix of a namespace. What it throws ends the
/// reading.
class XmlSink {
 public:
  virtual ~XmlSink() = default;
  virtual void begin(std::string_view name, const XmlAttributes& attributes, std::size_t line) = 0;
  virtual void end(std::string_view name, std::size_t line) = 0;
  /// A part of a text; a text may come in several.
  virtual void text(std::string_view part, std::size_t line) = 0;
};

/// Throws ParseError with the line, what the source and the sink throw, and Unsupported in a build without expat.
void parse_xml(const files::Source& source, XmlSink& sink);

}  // namespace weir::graph
