// See xml_parser.hpp. Exceptions wait until expat, which is C, has returned.
#include "workloads/graph/files/xml_parser.hpp"

#ifdef WEIR_HAS_EXPAT
#include <expat.h>
#endif

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <weir/errors.hpp>

#include "files/excerpt.hpp"
#include "workloads/graph/files/text_reader.hpp"

namespace weir::graph {

std::optional<std::string_view> XmlAttributes::find(std::string_view name) const noexcept {
  for (const char* const* pair = pairs_; pair[0] != nullptr; pair += 2) {
    if (name == pair[0]) return pair[1];
  }
  return std::nullopt;
}

#ifdef WEIR_HAS_EXPAT

namespace {

constexpr std::size_t max_nesting = 256, max_tag = std::size_t{1} << 20, part_bytes = std::size_t{64} << 10;

std::string_view local(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// What expat takes, which keeps every name that it ever saw: counted, and no more than max_bytes. One at a time on a
/// thread, on which its parser is made and runs.
class ParserMemory {
 public:
  static constexpr std::size_t max_bytes = std::size_t{64} << 20;
  static const XML_Memory_Handling_Suite functions;

  ParserMemory() noexcept { used_ = 0, exceeded_ = false; }
  [[nodiscard]] bool exceeded() const noexcept { return exceeded_; }

 private:
  // Each block's size is before it.
  static constexpr std::size_t front = alignof(std::max_align_t);

  static void* take(std::size_t bytes) noexcept { return take_again(nullptr, bytes); }
  static void* take_again(void* block, std::size_t bytes) noexcept {
    const std::size_t before = block == nullptr ? 0 : *size_of(block);
    if (bytes > max_bytes || used_ - before + bytes > max_bytes) {
      exceeded_ = true;
      return nullptr;
    }
    void* const whole = std::realloc(block == nullptr ? nullptr : size_of(block), front + bytes);
    if (whole == nullptr) return nullptr;
    used_ += bytes - before;
    *static_cast<std::size_t*>(whole) = bytes;
    return static_cast<std::byte*>(whole) + front;
  }
  static void give_back(void* block) noexcept {
    if (block == nullptr) return;
    used_ -= *size_of(block);
    std::free(size_of(block));
  }
  static std::size_t* size_of(void* block) noexcept {
    return reinterpret_cast<std::size_t*>(static_cast<std::byte*>(block) - front);
  }

  inline static thread_local std::size_t used_ = 0;
  inline static thread_local bool exceeded_ = false;
};

const XML_Memory_Handling_Suite ParserMemory::functions{&take, &take_again, &give_back};

class Parsing {
 public:
  explicit Parsing(XmlSink& sink)
      : sink_(sink), parser_(XML_ParserCreate_MM(nullptr, &ParserMemory::functions, nullptr), &XML_ParserFree) {
    if (!parser_) throw std::bad_alloc();
    XML_SetUserData(parser_.get(), this);
    XML_SetElementHandler(parser_.get(), &Parsing::on_begin, &Parsing::on_end);
    XML_SetCharacterDataHandler(parser_.get(), &Parsing::on_text);
    XML_SetStartDoctypeDeclHandler(parser_.get(), &Parsing::on_document_type);
  }

  void run(const files::Source& source) {
    std::vector<char> part(part_bytes);
    std::uint64_t given = 0;
    for (bool last = false; !last;) {
      const std::size_t count = source.read(part);
      last = count < part.size();
      given += count;
      const XML_Status status = XML_Parse(parser_.get(), part.data(), static_cast<int>(count), last ? 1 : 0);
      if (failure_) std::rethrow_exception(failure_);
      if (status != XML_STATUS_OK) refuse_error(given);
      const auto at = static_cast<std::uint64_t>(XML_GetCurrentByteIndex(parser_.get()));
      if (given > at && given - at > max_tag) {
        refuse(line(), "a tag, a comment or the like has more than " + std::to_string(max_tag) + " bytes");
      }
    }
  }

 private:
  /// Calls what may throw, in a function that expat calls.
  template <class Call>
  void guarded(Call call) noexcept {
    if (failure_) return;
    try {
      call();
    } catch (...) {
      failure_ = std::current_exception();
      XML_StopParser(parser_.get(), XML_FALSE);
    }
  }

  static void XMLCALL on_begin(void* user, const XML_Char* name, const XML_Char** attributes) {
    auto& self = *static_cast<Parsing*>(user);
    self.guarded([&] {
      if (++self.depth_ > max_nesting) {
        refuse(self.line(), "elements are nested more than " + std::to_string(max_nesting) + " deep");
      }
      self.sink_.begin(local(name), XmlAttributes(attributes), self.line());
    });
  }
  static void XMLCALL on_end(void* user, const XML_Char* name) {
    auto& self = *static_cast<Parsing*>(user);
    --self.depth_;
    self.guarded([&] { self.sink_.end(local(name), self.line()); });
  }
  static void XMLCALL on_text(void* user, const XML_Char* text, int bytes) {
    auto& self = *static_cast<Parsing*>(user);
    self.guarded([&] { self.sink_.text({text, static_cast<std::size_t>(bytes)}, self.line()); });
  }
  static void XMLCALL on_document_type(void* user, const XML_Char* name, const XML_Char*, const XML_Char*,
                                       int has_declarations) {
    if (has_declarations == 0) return;
    auto& self = *static_cast<Parsing*>(user);
    self.guarded([&] {
      refuse(self.line(), "declares entities, attributes or the like of its own, in <!DOCTYPE " + files::excerpt(name) +
                              " [ ... ]>; leave out what is in the brackets");
    });
  }

  [[noreturn]] void refuse_error(std::uint64_t given) const {
    const XML_Error error = XML_GetErrorCode(parser_.get());
    if (error == XML_ERROR_NO_MEMORY && memory_.exceeded()) {
      refuse(line(), "its elements and attributes have so many different names that reading it takes more than " +
                         std::to_string(ParserMemory::max_bytes >> 20) + " MiB");
    }
    if (error == XML_ERROR_NO_MEMORY) throw std::bad_alloc();
    const std::string reason = XML_ErrorString(error);
    const bool early = error == XML_ERROR_NO_ELEMENTS || error == XML_ERROR_UNCLOSED_TOKEN;
    refuse(line(), "is no XML: " + reason + (early && given != 0 ? "; is the file whole?" : ""));
  }

  [[nodiscard]] std::size_t line() const noexcept { return XML_GetCurrentLineNumber(parser_.get()); }

  XmlSink& sink_;
  ParserMemory memory_;  // before the parser
  std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser_;
  std::exception_ptr failure_;
  std::size_t depth_ = 0;
};

}  // namespace

void parse_xml(const files::Source& source, XmlSink& sink) { Parsing(sink).run(source); }

#else

void parse_xml(const files::Source&, XmlSink&) {
  throw Unsupported("is XML, and this build has no expat to read it (Debian: libexpat1-dev)", {.name = "expat"});
}

#endif

}  // namespace weir::graph
