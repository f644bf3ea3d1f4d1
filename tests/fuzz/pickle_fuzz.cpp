// Any bytes are a pickle whose values can be walked or a ParseError that begins
// with the offset. The walk is bounded here, since sharing may make it long, and
// recursive, since depth is bounded there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include <weir/errors.hpp>

#include "replay/pickle.hpp"

namespace {

using weir::replay::Pickle;

void require(bool condition) {
  if (!condition) std::abort();
}

class Walk {
 public:
  void visit(Pickle::Value value, int depth) {
    require(depth <= Pickle::max_depth);
    if (++visited_ > 100'000) return;
    const auto kind = value.kind();
    require(value.integer().has_value() == (kind == Pickle::Kind::integer));
    require(value.boolean().has_value() == (kind == Pickle::Kind::boolean));
    require(value.real().has_value() == (kind == Pickle::Kind::real));
    require(value.text().has_value() == (kind == Pickle::Kind::text));
    if (const auto text = value.text()) {
      for (const char c : *text) letters_ += static_cast<unsigned char>(c);
      require(text->size() == value.size());
    }
    static_cast<void>(value.find("device_traces"));
    std::size_t items = 0;
    value.for_each([&](Pickle::Value item) {
      ++items;
      if (visited_ <= 100'000) visit(item, depth + 1);
    });
    const bool container = kind == Pickle::Kind::list || kind == Pickle::Kind::tuple || kind == Pickle::Kind::dict;
    if (container) require(items == value.size() * (kind == Pickle::Kind::dict ? 2 : 1));
    if (!container) require(items == 0);
  }

 private:
  std::size_t visited_ = 0;
  std::size_t letters_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const Pickle pickle = Pickle::parse(std::as_bytes(std::span(data, size)));
    Walk().visit(pickle.root(), 0);
  } catch (const weir::ParseError& error) {
    require(error.message().starts_with("byte "));
  }
  return 0;
}
