// Managers over every kind of pool: the fixture of the suites for buffers and for
// the manager. After each case it frees everything, verifies the pool, finds no
// live block in it, destroys the manager, and finds that the driver has everything
// back, pinned memory too.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "contract/pattern.hpp"
#include "contract/pool_kinds.hpp"

namespace weir::contract {

/// The kinds of pool that a manager can be asked for.
[[nodiscard]] std::vector<Kind> manager_kinds();

/// What an error said.
struct Said {
  std::string text;
  ErrorFacts facts;
};
/// Calls `call`, which has to throw `Expected`, of one line; anything else is a failure.
template <class Expected, class Call>
Said error_of(Call call) {
  try {
    call();
  } catch (const Expected& error) {
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error.message();
    return {error.message(), error.facts()};
  } catch (const Error& error) {
    ADD_FAILURE() << "threw another error, " << weir::name(error.code()) << ": " << error.message();
    return {};
  }
  ADD_FAILURE() << "threw nothing";
  return {};
}
/// Whether the error's text has each of `parts`.
testing::AssertionResult says(const Said& said, std::initializer_list<std::string_view> parts);
/// Whether two statistics of a buffer are the same, but for times.
testing::AssertionResult same_buffer(const BufferStatistics& before, const BufferStatistics& after);

class ManagerContract : public PoolContract {
 protected:
  void TearDown() override;

  /// A new manager over the case's kind of pool, with the fake clock; the fixture owns it.
  MemoryManager& make_manager(ManagerOptions options = {});
  /// Destroys it early, with the checks of the end.
  void end_manager(MemoryManager& memory);

  [[nodiscard]] bool in_place() const { return GetParam().mode == PoolMode::pages; }
  [[nodiscard]] std::uint64_t page() const { return info_.page_bytes; }

  /// Fills the elements in use with the pattern of `seed`, where the host can.
  template <class T>
  void put(const BufferHandle<T>& buffer, std::uint64_t seed) {
    if (!pointers()) return;
    settle();
    fill_pattern(buffer.access().data(), buffer.size() * sizeof(T), seed);
  }
  /// Whether the first `count` elements are those that put() wrote. True where the host cannot look.
  template <class T>
  [[nodiscard]] bool holds(const BufferHandle<T>& buffer, std::size_t count, std::uint64_t seed) {
    if (!pointers()) return true;
    settle();
    return has_pattern(buffer.access().data(), count * sizeof(T), seed);
  }

 private:
  void settle();

  std::vector<std::unique_ptr<MemoryManager>> managers_;
};

}  // namespace weir::contract
