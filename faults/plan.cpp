#include "faults/plan.hpp"

#include <charconv>
#include <cmath>

#include <weir/errors.hpp>

namespace weir::faults {
namespace {

constexpr std::uint64_t max_call = 1'000'000'000'000;
constexpr std::uint64_t max_late_us = 10'000'000;
constexpr double max_factor = 1000;

[[noreturn]] void refuse(std::string_view text, std::string_view part, const std::string& why) {
  throw InvalidArgument("WEIR_INJECT=\"" + std::string(text) + "\": \"" + std::string(part) + "\" " + why,
                        {.name = "WEIR_INJECT"});
}

template <class Number>
bool read(std::string_view digits, Number& number) {
  const char* const end = digits.data() + digits.size();
  const auto [read_to, error] = std::from_chars(digits.data(), end, number);
  return error == std::errc() && read_to == end && !digits.empty();
}

/// One part of a text, with its errors.
class Part {
 public:
  Part(std::string_view text, std::string_view part) : text_(text), part_(part), at_(part.find('@')) {
    if (at_ == std::string_view::npos) refuse_form();
  }
  [[nodiscard]] std::string_view word() const { return part_.substr(0, at_); }
  [[nodiscard]] std::string_view value() const { return part_.substr(at_ + 1); }

  [[nodiscard]] std::uint64_t whole(std::string_view digits, const char* what, std::uint64_t limit,
                                    const char* example) const {
    std::uint64_t number = 0;
    if (read(digits, number) && number >= 1 && number <= limit) return number;
    refuse(text_, part_,
           std::string("has no ") + what + " of 1 to " + std::to_string(limit) + "; write it as in " + example);
  }
  [[nodiscard]] double factor(std::string_view digits) const {
    double number = 0;
    if (read(digits, number) && std::isfinite(number) && number > 1 && number <= max_factor) return number;
    refuse(text_, part_, "has no factor above 1, up to 1000, behind a colon; write it as in slow@1:5");
  }
  [[noreturn]] void refuse_form() const {
    refuse(text_, part_, "is no fault; write lose@N, oom@N, slow@N:FACTOR or late@US, with commas between several");
  }
  [[noreturn]] void refuse_second() const {
    refuse(text_, part_, "comes a second time; all events are late by one time, so write late@US once");
  }

 private:
  const std::string_view text_, part_;
  const std::size_t at_;
};

void add(Plan& plan, const Part& part) {
  const auto nth = [&](std::string_view digits, const char* example) {
    return part.whole(digits, "number of a call", max_call, example);
  };
  const std::string_view value = part.value();
  if (part.word() == "lose") {
    plan.faults.push_back({.kind = FaultKind::loss, .nth = nth(value, "lose@100")});
  } else if (part.word() == "oom") {
    plan.faults.push_back({.kind = FaultKind::out_of_memory, .nth = nth(value, "oom@100"), .fitting = takes_memory});
  } else if (part.word() == "slow") {
    const std::size_t colon = value.find(':');
    plan.faults.push_back(
        {.kind = FaultKind::slow, .nth = nth(value.substr(0, colon), "slow@1:5"), .fitting = submits});
    plan.faults.back().factor = part.factor(colon == std::string_view::npos ? "" : value.substr(colon + 1));
  } else if (part.word() == "late") {
    if (plan.late.count() != 0) part.refuse_second();
    plan.late = std::chrono::microseconds(part.whole(value, "number of microseconds", max_late_us, "late@50"));
  } else {
    part.refuse_form();
  }
}

}  // namespace

Plan parse_plan(std::string_view text) {
  Plan plan{.text = std::string(text), .faults = {}};
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    add(plan, Part(text, text.substr(from, comma - from)));
    from = comma + 1;
  }
  return plan;
}

std::string text_of(const Fault& fault) {
  const std::string at = "@" + std::to_string(fault.nth);
  switch (fault.kind) {
    case FaultKind::out_of_memory: return "oom" + at;
    case FaultKind::driver_error: return "error" + at;
    case FaultKind::loss: return "lose" + at;
    case FaultKind::slow: break;
  }
  std::string factor(32, '\0');
  factor.erase(static_cast<std::size_t>(std::to_chars(factor.data(), factor.data() + factor.size(), fault.factor).ptr -
                                        factor.data()));
  return "slow" + at + ":" + factor;
}

}  // namespace weir::faults
