#include "client/load/workload.h"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "config/suggest.h"
#include "config/units.h"

namespace kvd::load {
namespace {

constexpr std::array<std::pair<std::string_view, Choice>, 3> kChoices = {{
    {"uniform", Choice::kUniform},
    {"zipf", Choice::kZipf},
    {"latest", Choice::kLatest},
}};

struct Standard {
  char letter;
  Mix::Shares shares;  // Read, update, insert, read-modify-write.
  Choice choice;
};

constexpr std::array<Standard, 5> kStandards = {{
    {'a', {50, 50, 0, 0}, Choice::kZipf},
    {'b', {95, 5, 0, 0}, Choice::kZipf},
    {'c', {100, 0, 0, 0}, Choice::kZipf},
    {'d', {95, 0, 5, 0}, Choice::kLatest},
    {'f', {50, 0, 0, 50}, Choice::kZipf},
}};

}  // namespace

std::string_view ChoiceName(Choice choice) {
  return kChoices[static_cast<size_t>(choice)].first;
}

StatusOr<Choice> ParseChoice(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [known, choice] : kChoices) {
    if (known == name) return choice;
    names.emplace_back(known);
  }
  return MakeStatus(StatusCode::kInvalidArgument,
                    fmt::format("{} is not one of uniform, zipf, latest{}", config::InQuotes(name),
                                config::DidYouMean(name, names)));
}

StatusOr<Workload> ParseWorkload(std::string_view name) {
  const char letter = name.size() == 1 ? static_cast<char>(name[0] | 0x20) : '\0';
  for (const Standard& standard : kStandards) {
    if (standard.letter != letter) continue;
    return Workload{
        .name = std::string(1, letter), .mix = Mix(standard.shares), .choice = standard.choice};
  }
  if (letter == 'e') {
    return MakeStatus(StatusCode::kInvalidArgument,
                      fmt::format("workload e scans, and {}", kNoScans));
  }
  return MakeStatus(StatusCode::kInvalidArgument,
                    fmt::format("{} is not one of a, b, c, d, f, nor a mix such as "
                                "--mix read=80,update=20",
                                config::InQuotes(name)));
}

}  // namespace kvd::load
